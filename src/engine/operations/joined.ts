import type { Transaction } from "../../model/sql.ts";
import type { Crm } from "../../ports.ts";
import type { EngineContext } from "../context.ts";

/** In a transaction of the ledger's database where the CRM takes part in one, else alone. */
export function joined<T>(context: EngineContext, crm: Crm, name: string, work: (tx: Transaction | undefined) => Promise<T>): Promise<T> {
  return crm.joinsTransaction ? context.database.transaction(work, name) : work(undefined);
}
