import { withContext } from "./answer-context.ts";
import type { Aggregate, Apply, Method } from "./apply.ts";
import { classOf } from "./comparison-sql.ts";
import { type ApiAnswer, ApiFault } from "./exchange.ts";
import { filterSql } from "./filter-sql.ts";
import { formattedValue } from "./formatted-value.ts";
import { type PathSql, pathSql } from "./order-sql.ts";
import { newContext, type QueryContext } from "./query-context.ts";
import { badQuery } from "./query-fault.ts";
import type { QueryOptions } from "./query-options.ts";
import { asksFor, FORMATTED, type Reading } from "./reading.ts";
import { jsonValue, type RowJson } from "./row-json.ts";
import { conditionsOf, type Source } from "./source.ts";
import type { Column } from "./table.ts";

/** Dynamics aggregates over 50,000 rows at most (AggregateQueryRecordLimitExceeded). */
const MOST_AGGREGATED = 50_000;
/** Groups in an answer. Dynamics does not page them. */
const MOST_GROUPS = 5_000;

/** One column of the answer: under its name, with the column that its values are of; null: a plain number. */
interface Shown {
  readonly name: string;
  readonly column: Column | null;
}

/** Answers `$apply`: groups and their aggregates, in the order asked for, else by the groups. Throws ApiFault. */
export async function aggregateRows(reading: Reading, source: Source, apply: Apply, options: QueryOptions): Promise<ApiAnswer> {
  if (options.select || options.expand.length > 0 || options.count || options.skipToken !== null) {
    throw badQuery("$apply goes together with $filter, $orderby and $top only.");
  }
  const context = newContext(reading.turn);
  const groups = apply.groupBy.map((path, index) => ({
    name: path.join("/"),
    ...pathSql(path, source.table, `group${index}`, readSql, context),
  }));
  const values = apply.aggregates.map((one, index) => ({ one, ...aggregated(one, source, `value${index}`, context) }));
  const shown: Shown[] = [
    ...groups.map(({ name, column }) => ({ name, column })),
    ...values.map(({ one, path }) => ({
      name: one.as,
      column: one.method === "min" || one.method === "max" ? (path?.column ?? null) : null,
    })),
  ];
  const where = [
    context.readable(source.table),
    ...conditionsOf(source, options, context),
    ...apply.filters.map((one) => filterSql(one, source.table, context)),
  ];
  const joins = [...groups, ...values.flatMap(({ path }) => path ?? [])].flatMap(({ join }) => join ?? []);
  const cells = [
    ...groups.map(({ sql }, index) => `${sql} as g${index}`),
    ...values.map(({ path }, index) => `${path?.sql ?? "true"} as a${index}`),
  ];
  const inner = `select ${cells.join(", ")} from ${source.table.from} as row ${joins.join(" ")} where ${where.join(" and ")} limit ${MOST_AGGREGATED + 1}`;
  const outputs = [
    ...groups.map((_, index) => `g${index} as c${index}`),
    ...values.map(({ sql }, index) => `${sql(`a${index}`)} as c${groups.length + index}`),
  ];
  const numbers = groups.map((_, index) => String(index + 1)).join(", ");
  const text = `with counted as materialized (${inner})
    select ${[...outputs, `sum(count(*)) over () as total`].join(", ")} from counted
    ${groups.length > 0 ? `group by ${numbers}` : ""} ${orderText(options, shown, numbers)} limit ${Math.min(options.top ?? MOST_GROUPS, MOST_GROUPS)}`;
  const { rows } = await reading.turn.sql.query<Record<string, unknown>>(text, context.parameters.values);
  if (Number(rows[0]?.total ?? 0) > MOST_AGGREGATED) {
    throw new ApiFault(400, "0x8004e023", "The maximum record limit is exceeded. Reduce the number of records.");
  }
  const names = shown.map(({ name }) => name).join(",");
  const body = withContext(reading, `${reading.root}$metadata#${source.table.set}(${names})`, {
    value: rows.map((row) => groupJson(reading, shown, row)),
  });
  return { status: 200, headers: {}, body };
}

function aggregated(
  one: Aggregate,
  source: Source,
  alias: string,
  context: QueryContext,
): { path: PathSql | null; sql: (cell: string) => string } {
  if (one.method === "count") return { path: null, sql: () => "count(*)" };
  const path = pathSql(one.path, source.table, alias, readSql, context);
  const fits = one.method === "countdistinct" || fitsMethod(one.method, path.column);
  if (!fits) throw new ApiFault(400, "0x8004112f", `Aggregate ${one.method} is not supported for attribute of type ${path.column.type}.`);
  return { path, sql: AGGREGATES[one.method] };
}

const AGGREGATES: Readonly<Record<Exclude<Method, "count">, (cell: string) => string>> = {
  sum: (cell) => `sum(${cell})`,
  min: (cell) => `min(${cell})`,
  max: (cell) => `max(${cell})`,
  average: (cell) => `avg(${cell})`,
  countdistinct: (cell) => `count(distinct ${cell})`,
};

function fitsMethod(method: Method, column: Column): boolean {
  const kind = classOf(column);
  return kind === "number" || ((method === "min" || method === "max") && (kind === "instant" || kind === "date"));
}

function readSql(column: Column): string {
  classOf(column);
  return column.read;
}

/** By names of the answer; where nothing is asked for, by the groups. */
function orderText({ orderBy }: QueryOptions, shown: readonly Shown[], groups: string): string {
  if (orderBy.length === 0) return groups === "" ? "" : `order by ${groups}`;
  const terms = orderBy.map(({ path, descending }) => {
    const at = shown.findIndex(({ name }) => name === path.join("/"));
    if (at < 0) throw badQuery(`'${path.join("/")}' is neither a group nor an aggregate of $apply.`);
    return `${at + 1} ${descending ? "desc nulls last" : "asc nulls first"}`;
  });
  return `order by ${[...terms, ...(groups === "" ? [] : [groups])].join(", ")}`;
}

function groupJson(reading: Reading, shown: readonly Shown[], row: Readonly<Record<string, unknown>>): RowJson {
  const json: RowJson = {};
  for (const [index, { name, column }] of shown.entries()) {
    const value = row[`c${index}`] ?? null;
    const key = name.replaceAll("/", "_");
    const formatted = column && asksFor(reading, FORMATTED) ? formattedValue(column, value, null) : null;
    if (formatted !== null) json[`${key}@${FORMATTED}`] = formatted;
    json[key] = column ? jsonValue(column, value) : value === null ? null : Number(value);
  }
  return json;
}
