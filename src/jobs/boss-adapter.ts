import type { Db } from "pg-boss";
import type { Database, Sql } from "../database/database.ts";

/**
 * How pg-boss reaches the database. It has no workers of its own here (ours are in `workers.ts`), so `onJob` hears what it was to be
 * notified of: the queue that got a job, or null when notifications may have been missed.
 */
export function bossDatabase(database: Database, onJob: (queue: string | null) => void): Db {
  return {
    async executeSql(text, values) {
      if (values !== undefined && values.length > 0) return database.query(text, values.map(toParameter));
      // Without values it may be several statements (migrations, blocks between BEGIN and COMMIT): the rows of all of them are wanted.
      return { rows: (await database.script(text)).flatMap((result) => result.rows) };
    },
    async listen(channel, onNotification, onReconnect) {
      const close = await database.listen(
        channel,
        (queue) => {
          onNotification(queue);
          onJob(queue);
        },
        () => {
          onReconnect();
          onJob(null);
        },
      );
      return { close };
    },
  };
}

/** The same inside an open transaction, for the `db` option of pg-boss's calls. */
export function bossTransaction(tx: Sql): Db {
  return { executeSql: (text, values) => tx.query(text, (values ?? []).map(toParameter)) };
}

/** pg-boss hands over objects for jsonb, as the driver pg would take them. */
function toParameter(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array || Array.isArray(value))
    return value;
  return JSON.stringify(value);
}
