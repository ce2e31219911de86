import { setTimeout as sleep } from "node:timers/promises";
import { isTransient } from "../../database/sql-error.ts";
import type { EngineContext } from "../context.ts";

const FIRST_WAIT = 250;
const LONGEST_WAIT = 5000;

/**
 * Stores what became of an email, and waits for the database as long as the process lives when it is away: only this process knows. Forgetting
 * the mail system's answer, or that nothing was transmitted, would turn an email into an unknown one.
 */
export async function untilStored<T>(context: EngineContext, signal: AbortSignal, store: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await store();
    } catch (error) {
      if (!isTransient(error) || signal.aborted) throw error;
      context.log.warn({ wait }, "the database is away; what became of the email is kept until it is back");
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}
