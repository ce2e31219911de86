/** For whom work is done, known to whatever sends requests for it, however many calls lie between the two. */
import { AsyncLocalStorage } from "node:async_hooks";

const flow = new AsyncLocalStorage<string>();

/**
 * Does `work`, and all that it sets going, on behalf of a caller, e.g. a mailbox: those who ask the same foreign system take turns where its limits make them
 * wait (SendOptions of the Dataverse client). Work within such work is done on behalf of the inner one.
 */
export function onBehalfOf<Result>(caller: string, work: () => Promise<Result>): Promise<Result> {
  return flow.run(caller, work);
}

/** Of whatever is on behalf of nobody in particular: empty. */
export function currentCaller(): string {
  return flow.getStore() ?? "";
}
