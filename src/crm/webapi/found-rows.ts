import { filterSql, refersTo } from "./filter-sql.ts";
import { behindSql, type OrderTerm, orderSql } from "./order-sql.ts";
import { childrenSql, type Projection, pageLimit, pageSql, projectionOf } from "./page-sql.ts";
import type { ManyExpand, Plan } from "./plan.ts";
import { newContext, type QueryContext } from "./query-context.ts";
import type { Order } from "./query-options.ts";
import type { Turn } from "./service.ts";
import type { Column } from "./table.ts";

/** A row as it came from the database. */
export interface FoundRow {
  readonly id: string;
  readonly version: string;
  readonly values: ReadonlyMap<Column, unknown>;
  /** Of lookups: the logical name of the table referred to. */
  readonly targets: ReadonlyMap<Column, string>;
  /** Of lookups that know it: the name shown. */
  readonly titles: ReadonlyMap<Column, string>;
  /** Where it stands in the order of the answer. */
  readonly position: readonly (string | null)[];
}

export interface FoundPage {
  readonly rows: readonly FoundRow[];
  readonly more: boolean;
}

export interface PageAsked {
  readonly conditions: (context: QueryContext) => readonly string[];
  readonly order: readonly Order[];
  readonly limit: number;
  /** Gives the position behind which the page begins; null: at the beginning. */
  readonly after: (terms: readonly OrderTerm[]) => readonly (string | null)[] | null;
}

type Found = Readonly<Record<string, unknown>>;

/** Reads one page of a table's rows that the caller may read, with one statement. */
export async function findPage(turn: Turn, plan: Plan, { conditions, order, limit, after }: PageAsked): Promise<FoundPage> {
  const context = newContext(turn);
  const ordered = orderSql(order, plan.table, context);
  const position = after(ordered.terms);
  const behind = position ? [behindSql(ordered.terms, position, context)] : [];
  const projection = projectionOf(plan, ordered);
  const most = pageLimit(plan, limit);
  const asked = { plan, order: ordered, conditions: [...conditions(context), ...behind], limit: most };
  const { rows } = await turn.sql.query<Found>(pageSql(asked, projection, context), context.parameters.values);
  const total = rows[0]?.total;
  return {
    rows: rows.slice(0, most).map((row) => rowOf(row, projection, ordered.terms.length)),
    more: rows.length > most || (typeof total === "number" && total > rows.length),
  };
}

/** The rows of one parent in a collection. */
export interface Children {
  readonly rows: readonly FoundRow[];
  readonly more: boolean;
}

/** Rows of collections in one answer, over all parents. */
const MOST_CHILDREN = 25_000;
/** Of one parent, as of a page. */
const MOST_OF_ONE = 5_000;

/** Reads a collection of all parents with one statement. Every parent has an entry. */
export async function findChildren(
  turn: Turn,
  { plan, back, expand }: ManyExpand,
  parentTable: string,
  parents: readonly string[],
): Promise<ReadonlyMap<string, Children>> {
  const context = newContext(turn);
  const order = orderSql(expand.orderBy, plan.table, context);
  const projection = projectionOf(plan, order);
  const most = pageLimit(plan, MOST_CHILDREN);
  const each = Math.min(expand.top ?? MOST_OF_ONE, MOST_OF_ONE);
  const typed = refersTo(back, parentTable, context);
  const conditions = [...(typed === null ? [] : [typed]), ...(expand.filter ? [filterSql(expand.filter, plan.table, context)] : [])];
  const text = childrenSql({ plan, order, conditions, back, each, most }, parents, projection, context);
  const { rows } = await turn.sql.query<Found>(text, context.parameters.values);
  const found = new Map<string, { rows: FoundRow[]; more: boolean }>();
  const cut = rows.length < Number(rows[0]?.total ?? 0);
  for (const row of rows) {
    const parent = String(row.p);
    const children = found.get(parent) ?? { rows: [], more: false };
    children.rows.push(rowOf(row, projection, order.terms.length));
    children.more = children.rows.length < Math.min(Number(row.siblings), expand.top ?? Number.POSITIVE_INFINITY);
    found.set(parent, children);
  }
  // Behind the last parent that anything came of, nothing is known.
  const last = rows.length > 0 ? parents.indexOf(String(rows.at(-1)?.p)) : -1;
  return new Map(parents.map((parent, index) => [parent, found.get(parent) ?? { rows: [], more: cut && index > last }]));
}

function rowOf(row: Found, { columns }: Projection, terms: number): FoundRow {
  const [values, targets, titles] = [new Map<Column, unknown>(), new Map<Column, string>(), new Map<Column, string>()];
  for (const [index, column] of columns.entries()) {
    const value = row[`c${index}`] ?? null;
    values.set(column, value);
    if (value === null || !column.targets) continue;
    const target = column.readTarget === undefined ? column.targets[0]?.table : row[`t${index}`];
    if (typeof target === "string") targets.set(column, target);
    const title = row[`n${index}`];
    if (typeof title === "string") titles.set(column, title);
  }
  const position = Array.from({ length: terms }, (_, index) => {
    const value = row[`o${index}`] ?? null;
    return value === null ? null : String(value);
  });
  return { id: String(row.k), version: String(row.v), values, targets, titles, position };
}
