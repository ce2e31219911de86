import type { Column, ColumnType, Table } from "../../src/crm/webapi/table.ts";

/** A table of a test, with its key and whatever else it is given. */
export function table(name: string, set: string, key: string, more: Partial<Table>): Table {
  return {
    name,
    set,
    key,
    title: null,
    from: `crm.${name}`,
    base: null,
    collections: [],
    alternateKeys: [],
    allows: ["create", "update", "delete"],
    tracksChanges: false,
    versioned: true,
    ownership: "organization",
    privilege: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    ...more,
    columns: [column(key, "Guid"), ...(more.columns ?? [])],
  };
}

/** A column that is read from the database column of its name. */
export function column(name: string, type: ColumnType, more: Partial<Column> = {}): Column {
  return { name, type, read: `row.${name}`, create: true, update: true, ...more };
}

/** A lookup; `targets`: navigation by table. */
export function lookup(name: string, targets: Readonly<Record<string, string>>, more: Partial<Column> = {}): Column {
  return column(name, "Lookup", { targets: Object.entries(targets).map(([to, navigation]) => ({ table: to, navigation })), ...more });
}
