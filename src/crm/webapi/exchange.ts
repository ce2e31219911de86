/** One request to the Web API, of its own or as a part of a batch: what HTTP, batch and tests hand in. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Behind the service root, still percent-encoded, without a leading slash: `emails(…)/email_activity_parties`. */
  readonly path: string;
  /** Behind the question mark, still percent-encoded; empty: there is none. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Parsed JSON; undefined: there is no body. */
  readonly body: unknown;
  /** The service root as the client sees it, with the slash at its end: `https://crm.example/api/data/v9.2/`. */
  readonly root: string;
}

/** What is answered. `body` is JSON to be, or text with the content type in `headers`; undefined: none. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A refusal in Dynamics' words: HTTP status, hex code and message (wire 7, Errors). Thrown by whoever finds the fault; answered by the dispatcher. */
export class ApiFault extends Error {
  override readonly name = "ApiFault";
  readonly status: number;
  /** `0x80040217`. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}
