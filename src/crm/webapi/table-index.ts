import type { Table } from "./table.ts";

/** Tables by their names: those of the CRM, or a few of a test. */
export interface Tables {
  readonly all: readonly Table[];
  named(logicalName: string): Table | undefined;
  ofSet(set: string): Table | undefined;
}

/** An index over these tables. */
export function indexTables(tables: readonly Table[]): Tables {
  const [names, sets] = [new Map(tables.map((one) => [one.name, one])), new Map(tables.map((one) => [one.set, one]))];
  return { all: tables, named: (name) => names.get(name), ofSet: (set) => sets.get(set) };
}
