import { doesNotExist, fault } from "./error-codes.ts";
import { Parameters } from "./parameters.ts";
import type { RowKey } from "./resource.ts";
import { type Action, rowsThatMay } from "./rights.ts";
import { rowCondition } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import type { State } from "./states.ts";
import { readSql, storageOf } from "./storage.ts";
import type { Table } from "./table.ts";

/** A row as it stands, locked to the end of the transaction. */
export interface Present {
  readonly id: string;
  /** What `W/"…"` names. */
  readonly version: string;
  /** Null: the table has none. */
  readonly state: State | null;
}

/**
 * Locks a row that the caller wants to do something with; null: there is none of that key. Two statements. Throws ApiFault: 404 where the caller may not see it, 403
 * where the caller sees it and may not do one of the actions.
 */
export async function lockRow(turn: Turn, table: Table, key: RowKey, actions: readonly Action[]): Promise<Present | null> {
  const storage = await storageOf(turn, table);
  const sought = new Parameters();
  const found = `select ${readSql(table, table.key, `row.${table.key}`)} as id from ${storage.into} row where ${rowCondition(table, key, sought)} limit 1 for update`;
  const { rows: locked } = await turn.sql.query<{ id: string }>(found, sought.values);
  const id = locked[0]?.id;
  if (id === undefined) return null;
  const parameters = new Parameters();
  const seen = rowsThatMay(turn.caller, table, "Read", parameters);
  const may = actions.map((action) => rowsThatMay(turn.caller, table, action, parameters));
  const { rows } = await turn.sql.query<{
    version: string | null;
    statecode: number | null;
    statuscode: number | null;
    seen: boolean | null;
    may: boolean | null;
  }>(
    // Read behind the lock: what somebody else wrote while this waited is seen.
    `select (${readSql(table, "versionnumber", "null::bigint")})::text as version, (${readSql(table, "statecode", "null::int")})::int as statecode,
       (${readSql(table, "statuscode", "null::int")})::int as statuscode, (${seen}) as seen, (${may.map((one) => `(${one})`).join(" and ")}) as may
     from ${table.from} row where ${rowCondition(table, { kind: "id", id }, parameters)}`,
    parameters.values,
  );
  const [row] = rows;
  if (!row?.seen) throw doesNotExist(table.name, id);
  if (!row.may)
    throw fault(
      "PrivilegeDenied",
      `Principal user (Id=${turn.caller.userId}, type=8) may not do this with '${table.name}' ${id}: ${actions.join(", ")}.`,
    );
  const { version, statecode, statuscode } = row;
  return { id, version: version ?? "", state: statecode === null || statuscode === null ? null : { statecode, statuscode } };
}

/** What a request says the row must be like: the values of its headers. */
export interface Conditions {
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
}

/** Throws ApiFault 412 where the row is another version than the one named, or is there although it must not be (wire 7, ETag, Update). */
export function checkConditions(table: Table, present: Present, { ifMatch, ifNoneMatch }: Conditions): void {
  if (isAny(ifNoneMatch)) throw fault("DuplicateRecord", "A record with matching key values already exists.");
  if (ifMatch === null || isAny(ifMatch)) return;
  if (!table.versioned) throw fault("OptimisticConcurrencyNotEnabled", null, [table.name]);
  if (/^W\/"(\d{1,19})"$/.exec(ifMatch)?.[1] !== present.version) throw fault("ConcurrencyVersionMismatch");
}

/** `*`, which the documentation's examples write in quotes, too. */
export function isAny(value: string | null): boolean {
  return value === "*" || value === '"*"';
}
