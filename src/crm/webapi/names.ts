import { noSuchProperty } from "./query-fault.ts";
import type { Collection, Column, Table, Target } from "./table.ts";
import type { Tables } from "./table-index.ts";

/** The name that a column has in JSON, $select, $filter and paths: `_parentcustomerid_value` of a lookup. */
export function propertyName(column: Column): string {
  return column.type === "Lookup" ? `_${column.name}_value` : column.name;
}

/** What of a table can be read: passwords cannot. */
export function readableColumns(table: Table): readonly Column[] {
  return table.columns.filter((one) => one.readable !== false);
}

/** The column with that property name. Throws ApiFault 400 in Dynamics' words. */
export function columnOfProperty(table: Table, property: string): Column {
  const column = readableColumns(table).find((one) => propertyName(one) === property);
  if (!column) throw noSuchProperty(property, table.name);
  return column;
}

/** The column that a query function names: by its logical name, or as a property. Throws ApiFault 400. */
export function columnOfCondition(table: Table, name: string): Column {
  return readableColumns(table).find((one) => one.name === name) ?? columnOfProperty(table, name);
}

/** A single-valued navigation of a table: the lookup behind it, and the tables that it leads to by that name. */
export interface Navigation {
  readonly column: Column;
  readonly targets: readonly Target[];
}

export function navigationOf(table: Table, name: string): Navigation | null {
  for (const column of readableColumns(table)) {
    const targets = column.targets?.filter((one) => one.navigation === name) ?? [];
    if (targets.length > 0) return { column, targets };
  }
  return null;
}

export function collectionOf(table: Table, name: string): Collection | undefined {
  return table.collections.find((one) => one.navigation === name);
}

/** The primary key's column. */
export function keyColumn(table: Table): Column {
  const column = table.columns.find((one) => one.name === table.key);
  if (!column) throw new Error(`${table.name} has no column ${table.key}`);
  return column;
}

/** SQL of the row's version, which its ETag is made of. */
export function versionOf(table: Table): string {
  return table.columns.find((one) => one.name === "versionnumber")?.read ?? "row.versionnumber";
}

/** The names under which lookups know rows of a table: its own, and of activitypointer those of all activities. */
export function kindsOf(table: string, tables: Tables): readonly string[] {
  return [table, ...tables.all.filter((one) => one.base === table).map((one) => one.name)];
}
