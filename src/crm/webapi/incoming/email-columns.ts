import { tableOf } from "../given-row.ts";
import type { Turn } from "../service.ts";
import type { Table } from "../table.ts";

const known = new WeakMap<Table, ReadonlySet<string>>();

/** The names that the properties of an email may have, navigations too. */
export function emailColumns(turn: Pick<Turn, "service">): ReadonlySet<string> {
  const table = tableOf(turn, "email");
  const before = known.get(table);
  if (before) return before;
  const lookups = table.columns.flatMap(({ targets }) => targets ?? []).map(({ navigation }) => navigation);
  const columns = table.columns.flatMap(({ name, type }) => (type === "Lookup" ? [name, `_${name}_value`] : [name]));
  const names = new Set([...columns, ...lookups, ...table.collections.map(({ navigation }) => navigation)]);
  known.set(table, names);
  return names;
}
