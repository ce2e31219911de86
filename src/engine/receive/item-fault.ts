import { Failure } from "../../model/failure.ts";

/** SQLSTATE classes that blame the data of a row: data exception, integrity violation, program limit (PostgreSQL appendix A). */
const DATA_CLASSES = new Set(["22", "23", "54"]);

/** The failure of scope item behind an error, or null when the error is wider and must abort the page. */
export function itemFault(error: unknown, message: string): Failure | null {
  if (error instanceof Failure) return error.scope === "item" ? error : null;
  const state = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  if (!/^[0-9A-Z]{5}$/.test(state) || !DATA_CLASSES.has(state.slice(0, 2))) return null;
  return new Failure({
    scope: "item",
    code: "refused by the database",
    message: `${message}.`,
    serverSaid: error instanceof Error ? error.message : undefined,
    remedy: "Nothing is lost: the message stays in its mailbox. Please report it; after an update run `waypost quarantine retry`.",
    waitingHelps: false,
    cause: error,
  });
}
