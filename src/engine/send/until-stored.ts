import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "../../database/sql-error.ts";
import type { EngineContext } from "../context.ts";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 5000;

/**
 * Stores what the mail system answered, and waits for the database as long as the process lives when it is away: forgetting the answer would
 * turn a message that was sent into an unknown one.
 */
export async function untilStored(context: EngineContext, signal: AbortSignal, store: () => Promise<void>): Promise<void> {
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await store();
    } catch (error) {
      if (!isTransient(error) || signal.aborted) throw error;
      context.log.warn({ wait }, "the database is away; the answer of the mail system is kept until it is back");
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}
