import { type Conditions, checkConditions, lockRow } from "./present-row.ts";
import type { RowKey } from "./resource.ts";
import { noSuchRow } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { specialsOf } from "./specials.ts";
import { refusedAsFault } from "./sql-faults.ts";
import { storageOf } from "./storage.ts";
import type { Table } from "./table.ts";

/**
 * Deletes a row with what belongs to it. Must run in a transaction. Throws ApiFault: 404 where there is none that the caller sees, 403 where it may not be deleted, 412
 * where it is another version than the one named, 400 0x80040227 where another row cannot be without it.
 */
export async function deleteRow(turn: Turn, table: Table, key: RowKey, conditions: Conditions): Promise<void> {
  const present = await lockRow(turn, table, key, ["Delete"]);
  if (!present) throw noSuchRow(table, key);
  checkConditions(table, present, conditions);
  const { remove } = specialsOf(table.name);
  if (remove) return refusedAsFault(() => remove(turn, present.id));
  const storage = await storageOf(turn, table);
  await refusedAsFault(() => turn.sql.query(`delete from ${storage.into} where ${storage.key ?? table.key} = $1::uuid`, [present.id]));
}
