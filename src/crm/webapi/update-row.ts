import { storableJson } from "../../model/text.ts";
import { putContent } from "../content.ts";
import { type Draft, PARTIES } from "./body.ts";
import { fault } from "./error-codes.ts";
import type { Change } from "./new-row.ts";
import { type Conditions, checkConditions, lockRow } from "./present-row.ts";
import { recordOf } from "./record.ts";
import { type Asked, lookUp } from "./references.ts";
import { replaceParties } from "./replace-parties.ts";
import type { RowKey } from "./resource.ts";
import type { Action } from "./rights.ts";
import { noSuchRow } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { specialsOf } from "./specials.ts";
import { refusedAsFault } from "./sql-faults.ts";
import { stampChange } from "./stamps.ts";
import { stateAfter } from "./states.ts";
import { columnOf, type Storage, storageOf } from "./storage.ts";
import type { Table } from "./table.ts";

/**
 * Changes a row, and returns its id; null: there is none of that key. Must run in a transaction. Throws ApiFault: 412 where it is not as the conditions say, 404 where
 * the caller may not see it or a reference leads to nothing, 403 for what the caller may not do, 400 for states and values that cannot be.
 */
export async function updateRow(turn: Turn, table: Table, key: RowKey, draft: Draft, conditions: Conditions): Promise<string | null> {
  const storage = await storageOf(turn, table);
  const present = await lockRow(turn, table, key, actionsOf(draft));
  if (!present) return null;
  checkConditions(table, present, conditions);
  const { id, state: before } = present;
  const asked: Asked[] = [...draft.references].flatMap(([column, reference]) =>
    reference ? [{ reference, action: column.name === "ownerid" ? "Read" : "AppendTo" }] : [],
  );
  const found = await lookUp(turn, asked);
  const referred = new Map(
    [...draft.references].map(([column, reference]) => [column, (reference && found.get(reference)) ?? null] as const),
  );
  const { record, contents } = recordOf(draft, storage, referred);
  const after = before && stateAfter(table, id, before, draft.values);
  for (const name of ["statecode", "statuscode"] as const) {
    const stored = columnOf(table, name)?.stored;
    if (stored === undefined) continue;
    delete record[stored];
    if (after && !storage.columns.get(stored)?.computed) record[stored] = after[name];
  }
  const change: Change = { draft, table, storage, id, referred, before, after, record };
  const specials = specialsOf(table.name);
  await specials.beforeUpdate?.(turn, change, contents);
  await putContent(turn.sql, contents);
  for (const [collection, rows] of draft.children) await replaceParties(turn, table, id, collection, rows);
  if (Object.keys(record).length > 0 || draft.children.size > 0) {
    stampChange(turn, record, storage);
    await write(turn, change);
  }
  await specials.afterUpdate?.(turn, change);
  return id;
}

/** As updateRow, of a row that must be there. */
export async function updatePresentRow(turn: Turn, table: Table, key: RowKey, draft: Draft, conditions: Conditions): Promise<string> {
  const id = await updateRow(turn, table, key, draft, conditions);
  if (id === null) throw noSuchRow(table, key);
  return id;
}

function actionsOf(draft: Draft): Action[] {
  const actions: Action[] = ["Write"];
  for (const [column, reference] of draft.references) {
    if (column.name === "ownerid") actions.push("Assign");
    else if (reference && draft.table.name !== PARTIES) actions.push("Append");
  }
  return [...new Set(actions)];
}

async function write(turn: Turn, { storage, record, table, id }: Change): Promise<void> {
  if (storage.key === null) throw fault("InvalidOperation", `A single row of '${table.name}' cannot be changed.`);
  const key = storage.key;
  const columns = columnsOf(storage, Object.keys(record));
  if (columns.length === 0) return;
  for (const { name, nullable, standard } of columns) {
    if (!nullable && standard === null && record[name] === null)
      throw fault("RequiredFieldMissing", `Attribute: ${name} cannot be set to NULL`);
  }
  await refusedAsFault(() =>
    turn.sql.query(
      `update ${storage.into} row set ${columns
        .map(
          ({ name, nullable, standard }) =>
            `"${name}" = ${nullable || standard === null ? `one."${name}"` : `coalesce(one."${name}", ${standard})`}`,
        )
        .join(", ")}
       from jsonb_to_recordset($1::jsonb) one (${columns.map(({ name, type }) => `"${name}" ${type}`).join(", ")}) where row."${key}" = $2::uuid`,
      [storableJson([record]), id],
    ),
  );
}

function columnsOf(storage: Storage, names: readonly string[]) {
  return names.map((name) => {
    const column = storage.columns.get(name);
    if (!column || column.computed) throw new Error(`${storage.into} has no column ${name} that could be written`);
    return column;
  });
}
