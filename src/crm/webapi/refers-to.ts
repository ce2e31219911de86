import { Parameters } from "./parameters.ts";
import type { RowKey } from "./resource.ts";
import { rowCondition } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { readSql } from "./storage.ts";
import type { Column, Table } from "./table.ts";

/** Does the lookup of a row lead to that other one? One statement. */
export async function refersTo(
  { sql }: Turn,
  table: Table,
  key: RowKey,
  column: Column,
  to: { readonly table: Table; readonly key: RowKey },
): Promise<boolean> {
  const parameters = new Parameters();
  const same = column.readTarget === undefined ? "true" : `${column.readTarget} = ${parameters.add(to.table.name, "text")}`;
  const { rows } = await sql.query(
    `select from ${table.from} row where ${rowCondition(table, key, parameters)} and ${same}
       and ${column.read} in (select ${readSql(to.table, to.table.key, `row.${to.table.key}`)} from ${to.table.from} row where ${rowCondition(to.table, to.key, parameters)})`,
    parameters.values,
  );
  return rows.length > 0;
}
