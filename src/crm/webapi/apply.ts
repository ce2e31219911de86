import type { Filter, PropertyPath } from "./filter.ts";
import { type Aliases, parseFilter } from "./filter-parser.ts";
import { badQuery } from "./query-fault.ts";
import { splitOutside } from "./split-outside.ts";

/** How rows are made into one value. `count`: `$count`, of rows; the others leave nulls out. */
export type Method = "sum" | "min" | "max" | "average" | "countdistinct" | "count";

export interface Aggregate {
  readonly method: Method;
  /** Empty for `count`. */
  readonly path: PropertyPath;
  /** The property of the answer. */
  readonly as: string;
}

/** `$apply`: rows that pass the filters, grouped by these columns; each group one row of the answer. */
export interface Apply {
  readonly filters: readonly Filter[];
  readonly groupBy: readonly PropertyPath[];
  readonly aggregates: readonly Aggregate[];
}

const MOST_STEPS = 10;
const MOST_PARTS = 50;
const METHODS: ReadonlySet<string> = new Set<Method>(["sum", "min", "max", "average", "countdistinct"]);
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/**
 * Parses `$apply` as clients use it with Dynamics (OData Data Aggregation 4.0, 3): any `filter(…)` and behind them one `groupby((…))`,
 * `groupby((…),aggregate(…))` or `aggregate(…)`, parted by slashes. Throws ApiFault 400 for anything else.
 */
export function parseApply(text: string, aliases: Aliases): Apply {
  const filters: Filter[] = [];
  let rest: Omit<Apply, "filters"> | null = null;
  for (const step of splitOutside(text.trim(), "/", MOST_STEPS)) {
    const inside = insideOf(step);
    if (rest) throw fault(step);
    if (inside.name === "filter") filters.push(parseFilter(inside.text, aliases));
    else if (inside.name === "groupby") rest = groupOf(inside.text);
    else if (inside.name === "aggregate") rest = { groupBy: [], aggregates: aggregatesOf(inside.text) };
    else throw fault(step);
  }
  if (!rest) throw badQuery("$apply needs groupby or aggregate; to filter alone, use $filter.");
  const names = [...rest.groupBy.map((path) => path.join("/")), ...rest.aggregates.map((one) => one.as)];
  if (new Set(names).size < names.length) throw badQuery("The names in $apply have to be different.");
  return { filters, ...rest };
}

function groupOf(text: string): Omit<Apply, "filters"> {
  const [columns = "", aggregate] = splitOutside(text, ",", 2);
  const list = columns.trim();
  if (!list.startsWith("(") || !list.endsWith(")")) throw fault(text);
  const groupBy = splitOutside(list.slice(1, -1), ",", MOST_PARTS).map((one) => pathOf(one.trim()));
  if (aggregate === undefined) return { groupBy, aggregates: [] };
  const inside = insideOf(aggregate);
  if (inside.name !== "aggregate") throw fault(aggregate);
  return { groupBy, aggregates: aggregatesOf(inside.text) };
}

function aggregatesOf(text: string): Aggregate[] {
  return splitOutside(text, ",", MOST_PARTS).map((part) => {
    const words = part.trim().split(/[ \t]+/);
    const [path = "", second, third, fourth, as] = words;
    if (path === "$count" && second === "as" && third && words.length === 3 && NAME.test(third))
      return { method: "count", path: [], as: third };
    if (second !== "with" || !third || !isMethod(third) || fourth !== "as" || !as || !NAME.test(as) || words.length !== 5)
      throw fault(part);
    return { method: third, path: pathOf(path), as };
  });
}

function insideOf(step: string): { name: string; text: string } {
  const found = step.trim();
  const open = found.indexOf("(");
  if (open < 0 || !found.endsWith(")")) throw fault(step);
  return { name: found.slice(0, open), text: found.slice(open + 1, -1) };
}

function pathOf(text: string): PropertyPath {
  const path = text.split("/");
  if (path.length > 10 || !path.every((one) => NAME.test(one))) throw fault(text);
  return path;
}

function isMethod(text: string): text is Method {
  return METHODS.has(text);
}

function fault(text: string): Error {
  return badQuery(`Syntax error in $apply: '${text.slice(0, 200)}'.`);
}
