import type { RawAnswer, RawRequest } from "./exchange.ts";

/**
 * The way in to an organization: sends requests as somebody. A request that was refused because nobody knew who sent it was not done, and is sent again
 * once after signing in anew.
 */
export interface Door {
  /** Never resolves to 401. @throws Failure where nothing was sent or the sign-in is refused; NoAnswer */
  exchange(request: RawRequest, signal?: AbortSignal): Promise<RawAnswer>;
  close(): Promise<void>;
}
