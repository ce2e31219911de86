import type { Database } from "../../database/database.ts";

/**
 * A process whose session broke is taken for dead until it has a new one, within five seconds; it may be transmitting all the while. Only who
 * stays away for longer than that is surely dead, and what it had in hand may be concluded on.
 */
const SURELY_AFTER = 10_000;

/** Since when (monotonic) a holder was found dead, by database. */
const missing = new WeakMap<Database, Map<string, number>>();

/** Whether the process that has an email in hand is surely dead, or is this one: then it has left the email behind. */
export async function isSurelyDead(database: Database, holder: string | null): Promise<boolean> {
  // The folder of an embedded database belongs to one process.
  if (holder === null || holder === database.presence.instanceId || database.engine === "pglite") return true;
  const since = missing.get(database) ?? new Map<string, number>();
  missing.set(database, since);
  if ((await database.presence.living()).has(holder)) {
    since.delete(holder);
    return false;
  }
  const first = since.get(holder) ?? performance.now();
  since.set(holder, first);
  return performance.now() - first >= SURELY_AFTER;
}
