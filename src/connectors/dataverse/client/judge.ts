import type { Failure } from "../../../model/failure.ts";
import { retryAfter } from "../../../wire/retry-after.ts";
import type { Answer, Answered, Refused } from "./client.ts";
import { excerpt, serverError } from "./error-body.ts";
import { type OrganizationTrouble, organizationFailure } from "./failures.ts";

/** An answer with its body read: undefined where it calls itself JSON and is none. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** Bytes of the request's body. */
  readonly sent?: number | undefined;
}

/** What an answer means for what is done next. */
export type Verdict =
  | Answered
  | Refused
  /** The server cannot do it now. */
  | {
      readonly kind: "busy";
      /** Whether it is certain that nothing was done. */
      readonly notDone: boolean;
      /** Fewer requests at the same time would help. */
      readonly tooMuch: boolean;
      /** Others are to wait for it as well: a limit of the organization. */
      readonly forAll: boolean;
      readonly failure: Failure;
    }
  /** It is none that a Web API gives: what became of the request, nobody knows. */
  | { readonly kind: "not understood"; readonly failure: Failure }
  /** Wider than this request, and certainly not done. */
  | { readonly kind: "failed"; readonly failure: Failure };

/** Dynamics' codes that say more than the status (wire 7); of the limits, the one that fewer requests at a time do not help against. */
const TOO_MANY_REQUESTS = "0x80072322";
const BY_CODE: Readonly<Record<string, OrganizationTrouble>> = {
  "0x80072560": "application user missing",
  "0x8004a112": "user disabled",
  "0x8004a104": "organization disabled",
};
/**
 * What Dynamics answers with a status of 500 and up, above all on premises, though the request is at fault or a plug-in does not want it: IsvAborted,
 * IsvUnExpected, those of callouts, DuplicateRecordsFound, StringLengthTooLong, InvalidArgument (wire 7). Any other such answer says nothing of the request.
 */
const OF_THE_REQUEST: readonly string[] = [
  ...["0x80040265", "0x80040224", "0x80045f00", "0x80045f01", "0x80045f02"],
  ...["0x80040333", "0x80044331", "0x80040203"],
];
const PRIVILEGE: readonly string[] = ["0x80040220", "0x80048306"];
/**
 * How Dynamics says that a privilege is missing in all of the user's roles, whichever row it is about; of a row that is out of a privilege's reach it says
 * "SecLib::AccessCheckEx failed".
 */
const MISSING = /\bis missing (prv[A-Za-z0-9_]{1,100}) privilege\b/;

/**
 * On premises IIS and ASP.NET stand before Dynamics, each with a limit of its own, and tell it in pages for people: 404 (404.13, to others than the machine itself
 * without the 13), 400 or 500. A body of so many bytes that was not found, though smaller ones are, was too large.
 */
const LARGE = 1024 * 1024;
const TOO_LARGE =
  /\b404\.13\b|\b413\.1\b|request entity too large|content length too large|maximum request length exceeded|message size quota/i;

/** By status first, by code second (wire 7). Pure. */
export function judge(answer: ReadAnswer, host: string, now: Date): Verdict {
  const { status, headers, body } = answer;
  const error = serverError(body);
  const code = error?.code ?? "";
  const facts = { serverSaid: said(answer) };
  const failed = (trouble: OrganizationTrouble): Verdict => ({ kind: "failed", failure: organizationFailure(trouble, host, facts) });
  const refused = (trouble: OrganizationTrouble): Refused => ({
    kind: "refused",
    status,
    code,
    failure: organizationFailure(trouble, host, facts),
  });
  const refusedAccess = (): Refused => {
    if (code !== "" && !PRIVILEGE.includes(code)) return refused("request refused");
    const about = MISSING.exec(error?.message ?? "")?.[1];
    if (about === undefined) return refused("row access refused");
    return { kind: "refused", status, code, failure: organizationFailure("privilege missing", host, { ...facts, about }) };
  };
  const notUnderstood = (): Verdict => ({ kind: "not understood", failure: organizationFailure("answer not understood", host, facts) });

  if ((status >= 200 && status < 300) || status === 304)
    return body === undefined || isPage(answer) ? notUnderstood() : { kind: "answered", ...answer };
  if (status >= 300 && status < 400) return failed("redirected");
  const notBefore = retryAfter(headers["retry-after"], now);
  const busy = (notDone: boolean, limit: boolean): Verdict => ({
    kind: "busy",
    notDone,
    tooMuch: code !== TOO_MANY_REQUESTS,
    forAll: limit || notBefore !== undefined,
    failure: organizationFailure(limit ? "organization busy" : "organization in trouble", host, { ...facts, notBefore }),
  });
  if (error === null && status >= 400 && isTooLarge(answer)) return refused("request too large");
  const known = BY_CODE[code];
  if (known !== undefined) return failed(known);
  switch (status) {
    case 401:
      return failed("sign-in refused");
    case 403:
      if (error === null) return failed("access refused");
      return refusedAccess();
    case 404:
      return error === null ? failed("no Web API") : refused("not there");
    case 412:
      return refused("other version");
    case 413:
      return refused("request too large");
    case 429:
      return busy(true, true);
    case 503:
      // Who names a time has looked at the request and put it off; without one, a proxy may have lost sight of it.
      return busy(notBefore !== undefined, false);
    case 408:
    case 502:
    case 504:
      return busy(false, false);
  }
  if (status >= 500 && error === null) return busy(false, false);
  if (status >= 500) return refused(OF_THE_REQUEST.includes(code) ? "request refused" : "request failed");
  if (status >= 400) return error === null && isPage(answer) ? notUnderstood() : refused("request refused");
  return notUnderstood();
}

/** Of an answer that is none of Dynamics' own. */
function isTooLarge({ status, body, sent = 0 }: ReadAnswer): boolean {
  return status === 413 || (status === 404 && sent >= LARGE) || (typeof body === "string" && TOO_LARGE.test(body));
}

/** A page for people where data was to come: of a proxy, or to sign in. */
function isPage({ headers }: ReadAnswer): boolean {
  return /^\s*text\/html\b/i.test(headers["content-type"] ?? "");
}

/** The server's own words, with its code. */
export function said({ status, body }: Pick<ReadAnswer, "status" | "body">): string {
  const error = serverError(body);
  const words = error === null ? excerpt(body) : error.message;
  const code = error === null || error.code === "" ? `status ${status}` : `status ${status}, ${error.code}`;
  return words === undefined || words === "" ? code : `${code}: ${words}`;
}

/** Whether sending a request again does no harm, though nobody knows whether it was done. */
export function isRepeatable({ method, repeatable }: { readonly method: string; readonly repeatable?: boolean | undefined }): boolean {
  return method === "GET" || repeatable === true;
}

export function unknown(failure: Failure): Answer {
  return { kind: "unknown", failure };
}
