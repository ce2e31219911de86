import { SqlError } from "../../database/sql-error.ts";
import { Failure } from "../../model/failure.ts";
import { type ApiAnswer, ApiFault } from "./exchange.ts";

/** Told of what is our own fault: nothing of the request's content. */
export type ReportFault = (error: unknown) => void;

/** Refusals of the database that a request can bring about, by SQLSTATE: a class of two characters or the whole. */
const SQL_FAULTS: ReadonlyMap<string, { readonly status: number; readonly code: string; readonly message: string }> = new Map([
  ["23505", { status: 412, code: "0x80040237", message: "A record with matching key values already exists." }],
  ["23503", { status: 400, code: "0x80040265", message: "A record that this one refers to does not exist, or others refer to this one." }],
  ["22001", { status: 400, code: "0x80044331", message: "A validation error occurred. A string value provided is too long." }],
  ["23", { status: 400, code: "0x80040203", message: "Invalid Argument: a value is not one that the column takes." }],
  ["22", { status: 400, code: "0x80040203", message: "Invalid Argument: a value is not one that the column takes." }],
  ["40", { status: 503, code: "0x80044150", message: "Another request changed the same rows at the same time. Send it again." }],
  ["55P03", { status: 503, code: "0x80044150", message: "Another request holds the same rows. Send it again." }],
]);

/** Seconds after which what was refused for now may be tried again. */
const SOON = "5";

/**
 * The refusal that an error becomes: a fault stays itself, a refusal of the database that a request can bring about has its code of Dynamics, and
 * everything else is 500 0x80040216, told to `report`, with nothing of it in the answer.
 */
export function faultOf(error: unknown, report: ReportFault): ApiFault {
  if (error instanceof ApiFault) return error;
  const known = error instanceof SqlError ? (SQL_FAULTS.get(error.code) ?? SQL_FAULTS.get(error.code.slice(0, 2))) : undefined;
  if (known) return new ApiFault(known.status, known.code, known.message, known.status === 503 ? { "Retry-After": SOON } : {});
  report(error);
  if (error instanceof Failure && error.waitingHelps)
    return new ApiFault(503, "0x80044150", "The organization's database cannot be reached now.", { "Retry-After": SOON });
  return new ApiFault(500, "0x80040216", "An unexpected error occurred.");
}

/** A refusal as it is answered: `{"error":{"code":"0x80040217","message":"…"}}` (wire 7, Errors). */
export function faultAnswer({ status, code, message, headers }: ApiFault): ApiAnswer {
  return { status, headers, body: { error: { code, message } } };
}
