import type { Draft } from "./body.ts";
import { createRows } from "./create-rows.ts";
import type { Turn } from "./service.ts";
import { columnOf } from "./storage.ts";
import type { Collection, Column, Table } from "./table.ts";
import type { Value } from "./values.ts";
import { KEPT_PARTIES } from "./write-parties.ts";

/**
 * Puts parties in place of those that an activity has (`PUT emails(…)/email_activity_parties`, wire 7, Deep insert). Regarding and owner, which follow from columns of
 * the activity, stay unless the list names others. Must run in a transaction.
 */
export async function replaceParties(
  turn: Turn,
  table: Table,
  id: string,
  collection: Collection,
  parties: readonly Draft[],
): Promise<void> {
  const party = turn.service.tables.named(collection.table);
  const column = party && columnOf(party, collection.column);
  if (!party || !column?.stored) throw new Error(`${collection.table} has no lookup ${collection.column}`);
  const mask = columnOf(party, "participationtypemask");
  const named = new Set(parties.map(({ values }) => mask && values.get(mask)));
  const kept = KEPT_PARTIES.filter((participation) => !named.has(participation));
  await turn.sql.query(`delete from crm.${party.name} where ${column.stored} = $1 and not (participationtypemask = any($2::int[]))`, [
    id,
    kept,
  ]);
  await createRows(turn, parties, { under: { column, table, id, title: null } });
}

/** The number of a party's kind in a draft; null: none is given. */
export function participationOf({ values }: { readonly values: ReadonlyMap<Column, Value> }, mask: Column | undefined): number | null {
  const value = mask && values.get(mask);
  return typeof value === "number" ? value : null;
}
