/**
 * The protocol client of the Dataverse Web API, as the connector sees it: requests and answers are plain data. What a caller must choose about is a
 * value (a row that is not there, a version that is not the present one, an outcome that nobody knows); trouble that is wider than one request is
 * thrown as `Failure` of scope organization. Source: wire 7 to 9.
 */
import type { Failure } from "../../../model/failure.ts";
import type { Metadata } from "./metadata.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** One request to the Web API. */
export interface Request {
  readonly method: Method;
  /** Behind the root and without a query, e.g. `emails(7b3d…)` or `emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail`; written as in an address. */
  readonly path: string;
  /** Names and values as they are meant; the client encodes them. A name stands once. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Instead of path and query: an address below the root that the organization itself named (`@odata.nextLink`), taken as it is. */
  readonly link?: string | undefined;
  /** Beside those that every request bears (wire 7), e.g. `Prefer`, `MSCRMCallerID`. Names in any letters. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /**
   * Doing it twice is the same as doing it once, and the second answer tells no other story: it may be sent again when nobody knows whether it was
   * done. Of reading that is known; of nothing else is it taken for granted.
   */
  readonly repeatable?: boolean | undefined;
  /** Bytes of the answer that are taken; left out: `LIMITS.answer`. */
  readonly largestAnswer?: number | undefined;
}

/** What became of one request. */
export type Answer = Answered | Refused | Unknown | NotDone;

/** Done. 304 is an answer too: the row is still at the version that was asked about. */
export interface Answered {
  readonly kind: "answered";
  readonly status: number;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, the text of an answer that is none, or null where there is no body. Foreign data: read it through a schema. */
  readonly body: unknown;
}

/** Certainly not done, and the trouble is this request's, or one that others meet only where they ask for the same. */
export interface Refused {
  readonly kind: "refused";
  /** 404: not there. 412: another version, or there already. */
  readonly status: number;
  /** Dynamics' code in small letters, e.g. `0x80040217`; empty where the answer has none (as on premises). */
  readonly code: string;
  /**
   * For whoever has nothing to choose: to be thrown, or to be stored. Scope item; where the user lacks a privilege for all rows of that kind (`privilege missing`), scope
   * organization.
   */
  readonly failure: Failure;
}

/** Sent, and perhaps done: the answer got lost. To be found out by looking before anything else is tried (invariant 8). */
export interface Unknown {
  readonly kind: "unknown";
  readonly failure: Failure;
}

/** Certainly not done, by a trouble that is wider than the request: where others of the batch were done, so that it cannot be thrown. */
export interface NotDone {
  readonly kind: "not done";
  readonly failure: Failure;
}

/** Changes that are done all together or not at all. Later ones name what earlier ones created by `$1`, `$2`, … in path, or body. */
export interface ChangeSet {
  /** No GET among them. */
  readonly changes: readonly Request[];
}

/** What became of a change set: one answer for each of its changes, or one for all. */
export type ChangeSetAnswer = { readonly kind: "done"; readonly answers: readonly Answered[] } | Refused | Unknown | NotDone;

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** For whom it is, e.g. a mailbox: callers take turns where the organization's limits make them wait. Left out: on whose behalf it is called (onBehalfOf). */
  readonly caller?: string | undefined;
  /** Milliseconds of waiting for the organization's limits after which it is a Failure with `notBefore`; left out: `LIMITS.patience`. */
  readonly patience?: number | undefined;
}

/** A connection with one organization. Opening it asks nobody; everything may be called at the same time. */
export interface DataverseClient extends AsyncDisposable {
  /** Address of the Web API with its version, with a slash at the end. */
  readonly root: string;
  /**
   * `signal` ends waiting and reading; a change that is under way is then `unknown`.
   * @returns never `not done` @throws Failure of scope organization, and of scope item where what was read is too large; the reason of `signal`
   */
  send(request: Request, options?: SendOptions): Promise<Answer>;
  /** Each by itself, in as few exchanges as the limits allow. One answer a request, in order. @throws as `send` where nothing was changed */
  batch(requests: readonly Request[], options?: SendOptions): Promise<readonly Answer[]>;
  /** Each whole or not at all, in as few exchanges as the limits allow. @throws as `batch` */
  changeSets(sets: readonly ChangeSet[], options?: SendOptions): Promise<readonly ChangeSetAnswer[]>;
  /** What the organization says of its tables and messages; kept for `LIMITS.metadataLife`, and read anew where it changed. @throws as `send` */
  metadata(options?: SendOptions): Promise<Metadata>;
  /** Version of the organization, e.g. `9.1.0.643` (`RetrieveVersion`). @throws as `send` */
  version(options?: SendOptions): Promise<string>;
  close(): Promise<void>;
}

/** The answer of a request for which only success is of use. @throws Failure of the others */
export function answered(answer: Answer): Answered {
  if (answer.kind === "answered") return answer;
  throw answer.failure;
}
