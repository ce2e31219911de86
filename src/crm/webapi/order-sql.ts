import { classOf, operandOf } from "./comparison-sql.ts";
import type { PropertyPath } from "./filter.ts";
import { refersTo } from "./filter-sql.ts";
import { columnOfProperty, keyColumn, navigationOf } from "./names.ts";
import type { QueryContext } from "./query-context.ts";
import { badQuery, noSuchProperty } from "./query-fault.ts";
import type { Order } from "./query-options.ts";
import type { Column, Table } from "./table.ts";

/** One value that rows are put in order by. Missing values come first, descending last, as in SQL Server. */
export interface OrderTerm {
  /** SQL over `row` and the joins. */
  readonly sql: string;
  /** SQL type that its text is read as again. */
  readonly type: string;
  readonly descending: boolean;
}

/** What a path in $orderby or $apply reads: SQL of its value, over `row` and a join if it leads to another table. */
export interface PathSql {
  readonly column: Column;
  readonly sql: string;
  readonly join: string | null;
}

/** The order of an answer: total, because the key comes last. `joins` stand behind `from … as row`. */
export interface OrderSql {
  readonly terms: readonly OrderTerm[];
  readonly joins: readonly string[];
}

const TYPES: Readonly<Record<ReturnType<typeof classOf>, string>> = {
  text: "text",
  guid: "uuid",
  number: "numeric",
  boolean: "boolean",
  instant: "timestamptz",
  date: "date",
};

/**
 * SQL of an order. Texts without regard to case; choices by their labels and lookups by the names shown for them, as Dynamics orders them. Throws ApiFault 400 for
 * unknown names and columns that have no order.
 */
export function orderSql(orders: readonly Order[], table: Table, context: QueryContext): OrderSql {
  const joins: string[] = [];
  const terms = orders.map(({ path, descending }): OrderTerm => {
    const found = pathSql(path, table, `order${joins.length}`, valueSql, context);
    if (found.join) joins.push(found.join);
    const type = typeOf(found.column);
    // A bare constant in an order means the column of that number.
    return { sql: /^('[^']*'|\d+|true|false|null)$/.test(found.sql) ? `${found.sql}::${type}` : found.sql, type, descending };
  });
  return { terms: [...terms, { sql: keyColumn(table).read, type: "uuid", descending: false }], joins };
}

/** SQL of what a path of at most one navigation reads. `alias`: a name of its own for the join. Null where the caller may not read the row referred to. */
export function pathSql(
  path: PropertyPath,
  table: Table,
  alias: string,
  value: (column: Column, context: QueryContext) => string,
  context: QueryContext,
): PathSql {
  const [first = "", second, third] = path;
  if (second === undefined) {
    const column = columnOfProperty(table, first);
    return { column, sql: value(column, context), join: null };
  }
  const navigation = navigationOf(table, first);
  const [target, other] = navigation?.targets ?? [];
  if (!navigation || !target) throw noSuchProperty(first, table.name);
  if (third !== undefined || other) throw badQuery(`The path '${path.join("/")}' cannot be used here.`);
  const referred = context.tables.named(target.table);
  if (!referred) throw noSuchProperty(first, table.name);
  const column = columnOfProperty(referred, second);
  const typed = refersTo(navigation.column, referred.name, context);
  const rows = `select ${keyColumn(referred).read} as id, ${value(column, context)} as value from ${referred.from} as row where ${context.readable(referred)}`;
  const join = `left join (${rows}) ${alias} on ${alias}.id = ${navigation.column.read}${typed === null ? "" : ` and ${typed}`}`;
  return { column, sql: `${alias}.value`, join };
}

/** `order by …`, and the same for windows. */
export function orderByText(terms: readonly OrderTerm[]): string {
  return terms.map(({ sql, descending }) => `${sql} ${descending ? "desc nulls last" : "asc nulls first"}`).join(", ");
}

/** SQL of all rows behind the one with these values, in the order of the terms. The values come as text, or null where they are missing. */
export function behindSql(
  terms: readonly OrderTerm[],
  values: readonly (string | null)[],
  { parameters }: Pick<QueryContext, "parameters">,
): string {
  let rest = "false";
  for (let index = terms.length - 1; index >= 0; index--) {
    const [term, value] = [terms[index], values[index]];
    if (!term || value === undefined) throw new Error("An order and a position of different lengths");
    if (value === null) {
      const same = `(${term.sql} is null and ${rest})`;
      rest = term.descending ? same : `(${term.sql} is not null or ${same})`;
      continue;
    }
    const limit = parameters.add(value, term.type);
    const behind = term.descending ? `(${term.sql} < ${limit} or ${term.sql} is null)` : `${term.sql} > ${limit}`;
    // The key is alone in its place: nothing stands behind an equal one.
    rest = rest === "false" ? behind : `(${behind} or (${term.sql} = ${limit} and ${rest}))`;
  }
  return rest;
}

function typeOf(column: Column): string {
  if (hasLabelOrder(column) || (column.type === "Lookup" && column.readTitle)) return "text";
  return column.type === "Double" ? "float8" : TYPES[classOf(column)];
}

function valueSql(column: Column, { parameters }: QueryContext): string {
  if (column.type === "Lookup" && column.readTitle) return `lower(${column.readTitle})`;
  if (!hasLabelOrder(column)) return operandOf(column);
  const labels = Object.entries(column.labels);
  const values = parameters.add(
    labels.map(([value]) => Number(value)),
    "int[]",
  );
  const texts = parameters.add(
    labels.map(([, label]) => label.toLowerCase()),
    "text[]",
  );
  return `(${texts})[array_position(${values}, ${column.read}::int)]`;
}

function hasLabelOrder(column: Column): column is Column & { readonly labels: Readonly<Record<number, string>> } {
  return (column.type === "Choice" || column.type === "State" || column.type === "Status") && column.labels !== undefined;
}
