import { filterSql } from "./filter-sql.ts";
import type { QueryContext } from "./query-context.ts";
import type { Selection } from "./query-options.ts";
import type { Table } from "./table.ts";

/** Which rows: all of a table, or those of one collection. */
export interface Source {
  readonly table: Table;
  /** SQL over `row` that holds for them; `[]`: all. */
  readonly within: (context: QueryContext) => readonly string[];
  /** `/$ref`: addresses only. */
  readonly references: boolean;
}

/** The conditions of a filter, within a source. */
export function conditionsOf(source: Source, options: Pick<Selection, "filter">, context: QueryContext): string[] {
  return [...source.within(context), ...(options.filter ? [filterSql(options.filter, source.table, context)] : [])];
}
