import type { ApiAnswer } from "../crm/webapi/exchange.ts";

/** What stands between requests and their answers, in tests and where the configuration names it (service protection). */
export interface WebApiHook {
  /** Serves a request, by `next` or in its own way. `cut`: the connection ends without an answer. */
  around(asked: Asked, next: () => Promise<ApiAnswer>): Promise<ApiAnswer | "cut">;
}

/** What a hook is told of a request. */
export interface Asked {
  readonly userId: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
}
