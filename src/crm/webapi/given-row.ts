import { doesNotExist, fault } from "./error-codes.ts";
import { ApiFault } from "./exchange.ts";
import { isGuid } from "./literal.ts";
import { isObject, plainType } from "./operation-parameters.ts";
import { Parameters } from "./parameters.ts";
import type { RowKey } from "./resource.ts";
import { type Action, rowsThatMay } from "./rights.ts";
import type { Turn } from "./service.ts";
import type { Table } from "./table.ts";

/** A row that a message is about. */
export interface GivenRow {
  readonly table: Table;
  readonly id: string;
}

const REFERENCE = /^(?:https?:\/\/[^?#]*\/|\/)?([A-Za-z_][A-Za-z0-9_]*)\(([0-9a-f-]{36})\)$/i;

/**
 * The row that an entity parameter names: `{"@odata.type": "Microsoft.Dynamics.CRM.letter", "activityid": "…"}` or `{"@odata.id": "letters(…)"}`. `type`: the
 * table, where the parameter's declaration says which. Throws ApiFault 400 where it names none.
 */
export function givenRow({ service: { tables } }: Turn, value: unknown, type: string | null = null): GivenRow {
  if (!isObject(value)) throw unusable("An entity is an object with its type and key.");
  const reference = value["@odata.id"];
  if (typeof reference === "string") {
    const [, set = "", id = ""] = REFERENCE.exec(reference) ?? [];
    const table = tables.ofSet(set);
    if (!table || !isGuid(id) || (type !== null && table.name !== type)) throw unusable(`'${reference.slice(0, 200)}' names no row.`);
    return { table, id: id.toLowerCase() };
  }
  const named = value["@odata.type"];
  const name = typeof named === "string" ? plainType(named) : type;
  const table = name === null ? undefined : tables.named(name);
  if (!table) throw unusable(`There is no type '${(name ?? "").slice(0, 100)}'.`);
  const id = value[table.key];
  if (typeof id !== "string" || !isGuid(id)) throw unusable(`The key '${table.key}' is missing or no GUID.`);
  return { table, id: id.toLowerCase() };
}

/** The table of that logical name. */
export function tableOf({ service: { tables } }: Pick<Turn, "service">, name: string): Table {
  const table = tables.named(name);
  if (!table) throw new Error(`the Web API has no table ${name}`);
  return table;
}

/**
 * The id of a row with which the caller may do that. Throws ApiFault 404 where there is none that the caller may read, which of the two is not told, and 403
 * where it can be read and nothing else.
 */
export async function requireRow(turn: Turn, table: Table, key: RowKey, action: Action): Promise<string> {
  const parameters = new Parameters();
  const reads = rowsThatMay(turn.caller, table, "Read", parameters);
  const may = action === "Read" ? reads : rowsThatMay(turn.caller, table, action, parameters);
  const wanted = conditions(table, key).map(([column, value]) => `${readOf(table, column)} = ${parameters.add(value)}`);
  const { rows } = await turn.sql.query<{ id: string; reads: boolean; may: boolean }>(
    `select ${readOf(table, table.key)} as id, (${reads}) as reads, (${may}) as may from ${table.from} row where ${wanted.join(" and ")} limit 1`,
    parameters.values,
  );
  const [row] = rows;
  if (!row?.reads) throw doesNotExist(table.name, key.kind === "id" ? key.id : [...key.values.values()].join(", "));
  if (!row.may) throw noAccess(turn, table, row.id, action);
  return row.id;
}

/** The refusal of one row, in Dynamics' words: that the caller does not hold the privilege at all has others. */
function noAccess({ caller }: Turn, table: Table, id: string, action: Action): ApiFault {
  const words = `SecLib::AccessCheckEx failed. ObjectID: ${id} of '${table.name}', CallingUser: ${caller.userId}, AccessRights: ${action}Access`;
  return fault("PrivilegeDenied", words);
}

/** The caller holds a privilege on rows of that table at all. Throws ApiFault 403. */
export function requirePrivilege({ caller }: Turn, table: Table, action: Action): void {
  rowsThatMay(caller, table, action, new Parameters());
}

function conditions(table: Table, key: RowKey): readonly (readonly [string, unknown])[] {
  return key.kind === "id" ? [[table.key, key.id]] : [...key.values];
}

function readOf(table: Table, column: string): string {
  const found = table.columns.find((one) => one.name === column);
  return found?.read ?? `row.${table.key}`;
}

function unusable(message: string): ApiFault {
  return new ApiFault(400, "0x80048d19", `Error identified in Payload provided by the user for Entity :'', ${message}`);
}

/** The tables whose rows a message takes. Throws ApiFault 400 0x8004021f for others. */
export function requireType({ table }: GivenRow, allowed: readonly string[]): void {
  if (!allowed.includes(table.name)) throw fault("InvalidObjectTypes");
}
