import { keyColumn, versionOf } from "./names.ts";
import { type OrderSql, orderByText } from "./order-sql.ts";
import type { Plan } from "./plan.ts";
import type { QueryContext } from "./query-context.ts";
import { positionSql } from "./skip-token.ts";
import type { Column, Table } from "./table.ts";

/** Texts and files of one answer, in octets; the row that passes it is the last of its page. */
export const MOST_OCTETS = 16 * 1024 * 1024;
/** Rows of one page where the size of a text or file is known only by reading it. */
const MOST_READ_FOR_SIZE = 250;
/** Rows of one page that bring the texts or files of other rows along. */
const MOST_WITH_OTHERS = 50;

/** Longest Memo that a whole page of 5000 may have. */
const SHORT = 10_000;

/** What a statement's row holds, by the names that it gives. */
export interface Projection {
  readonly columns: readonly Column[];
  readonly sql: string;
}

/** What of a table is asked for in one statement. */
export interface PageQuestion {
  readonly plan: Plan;
  readonly order: OrderSql;
  /** SQL over `row`, all of which have to hold besides the caller's rights. */
  readonly conditions: readonly string[];
  readonly limit: number;
}

/**
 * Columns under names: `k` the key, `v` the version, `c0` … the values, `t0` … the table that a lookup refers to, `n0` … the name shown for it, `o0` … the
 * position in the order.
 */
export function projectionOf(plan: Plan, order: OrderSql): Projection {
  const lookups = plan.expands.flatMap((one) => (one.kind === "one" ? [one.column] : []));
  const columns = [...new Set([...plan.columns, ...lookups])];
  const parts = [`${keyColumn(plan.table).read} as k`, `(${versionOf(plan.table)})::text as v`];
  for (const [index, column] of columns.entries()) {
    parts.push(`${column.read} as c${index}`);
    if (column.readTarget) parts.push(`${column.readTarget} as t${index}`);
    if (column.readTitle) parts.push(`${column.readTitle} as n${index}`);
  }
  for (const [index, term] of order.terms.entries()) parts.push(`${positionSql(term)} as o${index}`);
  return { columns, sql: parts.join(", ") };
}

/** How many rows a page may have: fewer where sizes have to be found out, and where rows referred to bring texts and files along. */
export function pageLimit(plan: Plan, asked: number): number {
  const unknown = heavyColumns(plan).some((one) => one.size === undefined && isContent(one));
  const brought = plan.expands.some((one) => one.kind === "one" && one.targets.some((target) => heavyColumns(target.plan).length > 0));
  return Math.min(asked, unknown ? MOST_READ_FOR_SIZE : asked, brought ? MOST_WITH_OTHERS : asked);
}

/**
 * One statement for a page: up to `limit` rows and one more, which tells that there are more. Where texts or files are read, it ends with the row
 * that passes {@link MOST_OCTETS}; `total` is then the number of rows that would have come.
 */
export function pageSql({ plan, order, conditions, limit }: PageQuestion, projection: Projection, context: QueryContext): string {
  const { table } = plan;
  const from = `${table.from} as row ${order.joins.join(" ")}`;
  const where = [context.readable(table), ...conditions].join(" and ");
  const by = orderByText(order.terms);
  if (heavyColumns(plan).length === 0)
    return `select ${projection.sql}, null as total from ${from} where ${where} order by ${by} limit ${limit + 1}`;
  const key = keyColumn(table).read;
  return `with page as materialized (
      select ${key} as id, ${sizeSql(plan)} as size, row_number() over (order by ${by}) as n from ${from} where ${where} order by ${by} limit ${limit + 1}
    ), cut as (select id, n, sum(size) over (order by n) - size as before from page)
    select ${projection.sql}, (select count(*) from page) as total
    from cut join ${table.from} as row on ${key} = cut.id ${order.joins.join(" ")}
    where cut.before < ${MOST_OCTETS} order by cut.n`;
}

/**
 * One statement for the rows of a collection of all parents of a page: up to `each` a parent, `most` in all, in the order of the parents; `p` is the parent.
 * `total` is the number of rows that would have come without `most` and {@link MOST_OCTETS}, `siblings` that of the parent's.
 */
export function childrenSql(
  question: Omit<PageQuestion, "limit"> & { readonly back: Column; readonly each: number; readonly most: number },
  parents: readonly string[],
  projection: Projection,
  context: QueryContext,
): string {
  const { plan, order, conditions, back, each, most } = question;
  const { table } = plan;
  const key = keyColumn(table).read;
  const where = [context.readable(table), ...conditions].join(" and ");
  const within = `partition by ${back.read}`;
  const heavy = heavyColumns(plan).length > 0;
  const shown = `${projection.sql}, ${back.read} as p`;
  const ranked = `select ${heavy ? `${key} as id, ${sizeSql(plan)} as size` : shown}, parents.at,
      row_number() over (${within} order by ${orderByText(order.terms)}) as n, count(*) over (${within}) as siblings
    from ${table.from} as row join unnest(${context.parameters.add(parents, "uuid[]")}) with ordinality as parents(id, at) on parents.id = ${back.read}
      ${order.joins.join(" ")}
    where ${where}`;
  // Without texts and files nothing is gained by reading keys first, and much is lost where the key is computed.
  if (!heavy) return `select *, count(*) over () as total from (${ranked}) ranked where n <= ${each} order by at, n limit ${most}`;
  return `with ranked as materialized (${ranked}), page as materialized (select * from ranked where n <= ${each} order by at, n limit ${most}),
    cut as (select id, at, n, siblings, sum(size) over (order by at, n) - size as before from page)
    select ${shown}, cut.siblings, (select count(*) from ranked where n <= ${each}) as total
    from cut join ${table.from} as row on ${key} = cut.id ${order.joins.join(" ")}
    where cut.before < ${MOST_OCTETS} order by cut.at, cut.n`;
}

/** SQL that counts rows, but no more than `most`. */
export function countSql(table: Table, conditions: readonly string[], most: number, context: QueryContext): string {
  const where = [context.readable(table), ...conditions].join(" and ");
  return `select count(*) as count from (select from ${table.from} as row where ${where} limit ${most}) counted`;
}

/** Texts without a short limit, and files. */
function heavyColumns({ columns }: Plan): readonly Column[] {
  return columns.filter((one) => isContent(one) || (one.type === "Memo" && (one.maximumLength ?? SHORT + 1) > SHORT));
}

/** Kept apart from its row: read only to be shown. */
function isContent(column: Column): boolean {
  return column.storedAs === "content" || column.storedAs === "base64" || column.type === "Binary";
}

function sizeSql(plan: Plan): string {
  const sizes = heavyColumns(plan).map((one) => `coalesce(${one.size ?? `octet_length(${one.read})`}, 0)::bigint`);
  return sizes.length > 0 ? sizes.join(" + ") : "0::bigint";
}
