import type { Caller } from "./caller.ts";
import { Parameters } from "./parameters.ts";
import { rowsThatMay } from "./rights.ts";
import type { Turn } from "./service.ts";
import type { Table } from "./table.ts";
import type { Tables } from "./table-index.ts";

/** What the SQL of one statement is put together with. */
export interface QueryContext {
  readonly tables: Tables;
  readonly caller: Caller;
  readonly now: Date;
  readonly parameters: Parameters;
  /** The rows of a table that the caller may read: SQL over `row`. Stands wherever a table is named. */
  readable(table: Table): string;
}

/** A context for a new statement of this turn. */
export function newContext(turn: Turn): QueryContext {
  const parameters = new Parameters();
  return {
    tables: turn.service.tables,
    caller: turn.caller,
    now: turn.service.now(),
    parameters,
    readable: (table) => rowsThatMay(turn.caller, table, "Read", parameters),
  };
}

/** The table of a definition's reference; definitions refer only to tables that there are. */
export function tableNamed(tables: Tables, name: string): Table {
  const table = tables.named(name);
  if (!table) throw new Error(`There is no table ${name}`);
  return table;
}
