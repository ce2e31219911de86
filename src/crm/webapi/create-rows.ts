import { randomUUID } from "node:crypto";
import { storableJson } from "../../model/text.ts";
import { putContent } from "../content.ts";
import { type Draft, PARTIES, type Reference } from "./body.ts";
import { fault } from "./error-codes.ts";
import type { NewRow } from "./new-row.ts";
import { Parameters } from "./parameters.ts";
import { putReference, recordOf } from "./record.ts";
import { lookUp, type Referred } from "./references.ts";
import { type Action, rowsThatMay } from "./rights.ts";
import type { Turn } from "./service.ts";
import { specialsOf } from "./specials.ts";
import { refusedAsFault } from "./sql-faults.ts";
import { stampNew } from "./stamps.ts";
import { stateOfNew } from "./states.ts";
import { columnOf, readSql, storageOf } from "./storage.ts";
import type { Column, Table } from "./table.ts";

/** What rows are made with. */
export interface CreateOptions {
  /** Ids of the outermost rows, in their order; missing: those of the bodies, or new ones. */
  readonly ids?: readonly string[];
  /** The row that stands already to which the outermost ones belong. */
  readonly under?: { readonly column: Column; readonly table: Table; readonly id: string; readonly title: string | null };
}

/**
 * Makes rows with those within them, and returns the ids of the outermost, in their order. Two statements a table of them, and one a table referred to. Must run in a
 * transaction. Throws ApiFault: 404 for a reference to nothing, 403 for what the caller may not do, 412 for a key that is there, 400 for states and values that
 * cannot be.
 */
export async function createRows(turn: Turn, drafts: readonly Draft[], options: CreateOptions = {}): Promise<readonly string[]> {
  for (const draft of drafts) checkPrivileges(turn, draft, null);
  const referred = await lookUpAll(turn, drafts);
  const outermost: NewRow[] = [];
  const all: NewRow[] = [];
  for (const [index, draft] of drafts.entries()) outermost.push(await flatten(turn, draft, options.ids?.[index], null, 0, all));
  const contents = new Map<string, Buffer>();
  for (const row of all) fill(turn, row, referred, contents, outermost.includes(row) ? options.under : undefined);
  const groups = [...Map.groupBy(all, ({ level, table }) => `${String(level).padStart(3, "0")} ${table.name}`)].sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  for (const [, rows] of groups) await specialsFor(rows).beforeCreate?.(turn, rows, all, contents);
  await putContent(turn.sql, contents);
  for (const [, rows] of groups) await insert(turn, rows);
  for (const [, rows] of groups) await specialsFor(rows).afterCreate?.(turn, rows);
  for (const [, rows] of groups) await checkRights(turn, rows);
  return outermost.map(({ id }) => id);
}

function specialsFor(rows: readonly NewRow[]) {
  return specialsOf(rows[0]?.table.name ?? "");
}

/** Whoever holds a privilege in no depth at all is refused before anything is looked up. */
function checkPrivileges(turn: Turn, draft: Draft, within: Table | null): void {
  if (!followsOf(draft.table, within)) rowsThatMay(turn.caller, draft.table, "Create", new Parameters());
  for (const parent of draft.parents.values()) checkPrivileges(turn, parent, null);
  for (const children of draft.children.values()) for (const child of children) checkPrivileges(turn, child, draft.table);
}

/** Parties and attachments that come with their activity are part of it. */
function followsOf(table: Table, within: Table | null): boolean {
  return within !== null && table.ownership === "organization" && within.privilege === table.privilege;
}

/** Owners and parties are only named; whatever else is referred to must take it (the privilege AppendTo). */
function actionOf(draft: Draft, column: Column): Action {
  return draft.table.name === PARTIES || column.name === "ownerid" ? "Read" : "AppendTo";
}

async function lookUpAll(turn: Turn, drafts: readonly Draft[]): Promise<ReadonlyMap<Reference, Referred>> {
  const asked: { readonly reference: Reference; readonly action: Action }[] = [];
  const collect = (draft: Draft): void => {
    for (const [column, reference] of draft.references) if (reference) asked.push({ reference, action: actionOf(draft, column) });
    for (const parent of draft.parents.values()) collect(parent);
    for (const children of draft.children.values()) children.forEach(collect);
  };
  drafts.forEach(collect);
  return lookUp(turn, asked);
}

async function flatten(
  turn: Turn,
  draft: Draft,
  id: string | undefined,
  belongsTo: NewRow["belongsTo"],
  level: number,
  all: NewRow[],
): Promise<NewRow> {
  const parents = new Map<Column, NewRow>();
  for (const [column, parent] of draft.parents) parents.set(column, await flatten(turn, parent, undefined, null, level, all));
  const own = Math.max(level, ...[...parents.values()].map((parent) => parent.level + 1));
  const row: NewRow = {
    draft,
    table: draft.table,
    storage: await storageOf(turn, draft.table),
    id: id ?? givenKey(draft) ?? randomUUID(),
    belongsTo,
    parents,
    level: own,
    record: {},
  };
  all.push(row);
  for (const [collection, children] of draft.children) {
    for (const child of children) {
      const column = columnOf(child.table, collection.column);
      if (!column) throw new Error(`${child.table.name} has no lookup ${collection.column}`);
      await flatten(turn, child, undefined, { column, row }, own + 1, all);
    }
  }
  return row;
}

function givenKey({ table, values }: Draft): string | undefined {
  const column = columnOf(table, table.key);
  const value = column && values.get(column);
  return typeof value === "string" ? value : undefined;
}

function fill(
  turn: Turn,
  row: NewRow,
  found: ReadonlyMap<Reference, Referred>,
  contents: Map<string, Buffer>,
  under: CreateOptions["under"],
): void {
  const { draft, table, storage, record, belongsTo } = row;
  const referred = new Map(
    [...draft.references].map(([column, reference]) => [column, (reference && found.get(reference)) ?? null] as const),
  );
  const written = recordOf(draft, storage, referred);
  Object.assign(record, written.record);
  for (const [hash, body] of written.contents) contents.set(hash, body);
  for (const [column, parent] of row.parents)
    putReference(record, storage, column, { id: parent.id, table: parent.table, title: titleOf(parent) });
  if (belongsTo)
    putReference(record, storage, belongsTo.column, { id: belongsTo.row.id, table: belongsTo.row.table, title: titleOf(belongsTo.row) });
  if (under) putReference(record, storage, under.column, under);
  const state = stateOfNew(table, draft.values);
  for (const [name, value] of Object.entries(state ?? {})) {
    const stored = columnOf(table, name)?.stored;
    if (stored !== undefined && !storage.columns.get(stored)?.computed) record[stored] = value;
  }
  stampNew(turn, row);
  if (storage.key !== null) record[storage.key] = row.id;
}

function titleOf({ table, draft }: NewRow): string | null {
  const column = table.title === null ? undefined : columnOf(table, table.title);
  const value = column && draft.values.get(column);
  return typeof value === "string" ? value : null;
}

async function insert(turn: Turn, rows: readonly NewRow[]): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const { storage } = first;
  const names = writtenNames(rows);
  const columns = names.map((name) => {
    const column = storage.columns.get(name);
    if (!column || column.computed) throw new Error(`${storage.into} has no column ${name} that could be written`);
    return column;
  });
  for (const { name, nullable, standard } of columns) {
    if (nullable || standard !== null) continue;
    if (rows.some(({ record }) => (record[name] ?? null) === null))
      throw fault("RequiredFieldMissing", `Required field '${name}' is missing`);
  }
  const { rowCount } = await refusedAsFault(() =>
    turn.sql.query(
      `insert into ${storage.into} (${names.map((name) => `"${name}"`).join(", ")})
       select ${columns.map(({ name, standard }) => (standard === null ? `one."${name}"` : `coalesce(one."${name}", ${standard})`)).join(", ")}
       from jsonb_to_recordset($1::jsonb) one (${columns.map(({ name, type }) => `"${name}" ${type}`).join(", ")})
       ${storage.key === null ? "" : `order by one."${storage.key}"`} on conflict do nothing`,
      [storableJson(rows.map(({ record }) => record))],
    ),
  );
  if (rowCount < rows.length) throw fault("DuplicateRecord", "A record with matching key values already exists.");
}

function writtenNames(rows: readonly NewRow[]): string[] {
  return [...new Set(rows.flatMap(({ record }) => Object.keys(record)))].sort();
}

/** Are they rows that the caller may make, with what they refer to? Asked of the rows as they have become. */
async function checkRights(turn: Turn, rows: readonly NewRow[]): Promise<void> {
  const [first] = rows;
  if (!first || followsOf(first.table, first.belongsTo?.row.table ?? null)) return;
  const { table } = first;
  const parameters = new Parameters();
  const appended = rows.filter(({ draft }) =>
    [...draft.references].some(([column, reference]) => reference && actionOf(draft, column) === "AppendTo"),
  );
  const conditions = [{ rows, may: rowsThatMay(turn.caller, table, "Create", parameters) }];
  if (appended.length > 0) conditions.push({ rows: appended, may: rowsThatMay(turn.caller, table, "Append", parameters) });
  const asked = conditions.filter(({ may }) => may !== "true");
  if (asked.length === 0) return;
  const key = readSql(table, table.key, `row.${table.key}`);
  const refused = asked.map(
    ({ rows, may }) =>
      `(${key} = any(${parameters.add(
        rows.map(({ id }) => id),
        "uuid[]",
      )}) and not coalesce((${may}), false))`,
  );
  const { rows: found } = await turn.sql.query<{ id: string }>(
    `select ${key} as id from ${table.from} row where ${refused.join(" or ")} limit 1`,
    parameters.values,
  );
  if (found[0])
    throw fault("PrivilegeDenied", `Principal user (Id=${turn.caller.userId}, type=8) may not create such a row of '${table.name}'.`);
}
