import type { Database } from "../database/database.ts";
import type { Sql, Transaction } from "../model/sql.ts";

/** What the embedded CRM needs of the database. */
export type Store = Pick<Database, "query" | "transaction" | "listen">;

/** Runs `work` in the transaction that the caller holds, or in one of its own named after the work. */
export function inTransaction<T>(store: Store, within: Transaction | undefined, name: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  return within ? work(within) : store.transaction(work, name);
}
