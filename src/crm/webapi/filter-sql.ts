import { classOf, compareColumns, compareLiteral, operandOf } from "./comparison-sql.ts";
import { conditionSql, holdsForNull } from "./condition-sql.ts";
import type { Comparison, Filter, Operand, PropertyPath } from "./filter.ts";
import type { Literal } from "./literal.ts";
import {
  collectionOf,
  columnOfCondition,
  columnOfProperty,
  keyColumn,
  kindsOf,
  type Navigation,
  navigationOf,
  readableColumns,
} from "./names.ts";
import { type QueryContext, tableNamed } from "./query-context.ts";
import { badQuery, noSuchProperty } from "./query-fault.ts";
import type { Column, Table } from "./table.ts";

/** A filter about one row of a table, with all operands in place: what stands at the end of a path. */
type Leaf = Exclude<Filter, { readonly kind: "and" | "or" | "not" }>;

const FLIPPED = { eq: "eq", ne: "ne", gt: "lt", ge: "le", lt: "gt", le: "ge" } as const satisfies Record<Comparison, Comparison>;

/**
 * SQL of a filter over the rows `row` of a table. Negation is pushed down to the leaves, where missing values are minded, so that conditions keep the form
 * that indexes serve. Navigation, any and all become `in (select …)` without correlation: the alias `row` means another table in there. Rows that the caller may
 * not read are nowhere seen: a path to one is a path to nothing. Throws ApiFault 400 for unknown names and types that do not fit.
 */
export function filterSql(filter: Filter, table: Table, context: QueryContext): string {
  return compile(filter, table, false, context);
}

function compile(filter: Filter, table: Table, negated: boolean, context: QueryContext): string {
  switch (filter.kind) {
    case "and":
    case "or": {
      const joint = (filter.kind === "and") === negated ? " or " : " and ";
      return `(${filter.parts.map((part) => compile(part, table, negated, context)).join(joint)})`;
    }
    case "not":
      return compile(filter.part, table, !negated, context);
    default:
      return leafSql(normalized(filter), table, negated, context);
  }
}

/** A comparison has its property on the left. */
function normalized(leaf: Leaf): Leaf {
  if (leaf.kind !== "compare" || leaf.left.kind === "path") return leaf;
  if (leaf.right.kind === "literal") throw badQuery("A comparison needs a property.");
  return { ...leaf, operator: FLIPPED[leaf.operator], left: leaf.right, right: leaf.left };
}

function leafSql(leaf: Leaf, table: Table, negated: boolean, context: QueryContext): string {
  const path = pathOf(leaf);
  const [first, ...rest] = path ?? [];
  if (first === undefined) return constantSql(leaf, negated);
  const name = rest.length > 0 ? navigationOf(table, first) : null;
  if (rest.length > 0) {
    if (!name) throw noSuchProperty(first, table.name);
    return throughSql(shortened(leaf, rest), name, table, negated, context);
  }
  switch (leaf.kind) {
    case "compare":
      return comparedSql(leaf.operator, first, leaf.right, table, negated, context);
    case "text":
      return textSql(leaf.how, columnOfProperty(table, first), leaf.value, negated, context);
    case "truth":
      return compareLiteral(columnOfProperty(table, first), "eq", { type: "boolean", value: true }, negated, context.parameters);
    case "condition":
      return conditionSql(leaf.name, columnOfCondition(table, first), leaf.values, negated, context);
    default:
      return lambdaSql(leaf, first, table, negated, context);
  }
}

function comparedSql(
  operator: Comparison,
  name: string,
  right: Operand,
  table: Table,
  negated: boolean,
  { parameters }: QueryContext,
): string {
  const navigation = navigationOf(table, name);
  if (
    navigation &&
    right.kind === "literal" &&
    right.literal.type === "null" &&
    !table.columns.some((one) => one.name === name && one.type !== "Lookup")
  ) {
    return compareLiteral(navigation.column, operator, right.literal, negated, parameters);
  }
  const column = columnOfProperty(table, name);
  if (right.kind === "literal") return compareLiteral(column, operator, right.literal, negated, parameters);
  const [other, ...more] = right.path;
  if (other === undefined || more.length > 0) throw badQuery("Properties can only be compared with properties of the same row.");
  return compareColumns(column, operator, columnOfProperty(table, other), negated);
}

/** What is looked for is taken as it stands: percent signs and underscores are no wildcards. */
function textSql(
  how: "contains" | "startswith" | "endswith",
  column: Column,
  value: string,
  negated: boolean,
  { parameters }: QueryContext,
): string {
  if (classOf(column) !== "text") throw badQuery(`The function ${how} does not fit the property '${column.name}'.`);
  const [text, sought] = [operandOf(column), `lower(${parameters.add(value, "text")})`];
  const found = {
    contains: `strpos(${text}, ${sought}) > 0`,
    startswith: `starts_with(${text}, ${sought})`,
    endswith: `right(${text}, length(${sought})) = ${sought}`,
  }[how];
  return negated ? `(${found}) is not true` : found;
}

function constantSql(leaf: Leaf, negated: boolean): string {
  if (leaf.kind !== "truth" || leaf.of.kind !== "literal" || leaf.of.literal.type !== "boolean") {
    throw badQuery("The filter has to be a Boolean expression.");
  }
  return String(leaf.of.literal.value !== negated);
}

/** A condition on the row that a lookup refers to; where it refers to nothing, the condition is asked of missing values, as of an outer join. */
function throughSql(leaf: Leaf, { column, targets }: Navigation, table: Table, negated: boolean, context: QueryContext): string {
  const direct = keyComparison(leaf, column, table, negated, context, targets.length === 1 ? targets[0]?.table : undefined);
  if (direct) return direct;
  const known = targets.flatMap((one) => context.tables.named(one.table) ?? []);
  const fitting = known.length === 1 ? known : known.filter((one) => hasName(one, pathOf(leaf)?.[0]));
  if (fitting.length === 0) throw noSuchProperty(pathOf(leaf)?.[0] ?? "", targets[0]?.navigation ?? table.name);
  const outside = holdsOfNothing(leaf) !== negated;
  // Where the condition holds of nothing, those rows are named for which it does not hold.
  const inside = fitting.map((target) => {
    const rows = `${column.read} in (select ${keyColumn(target).read} from ${target.from} as row where ${context.readable(target)} and ${compile(leaf, target, outside ? !negated : negated, context)})`;
    const typed = refersTo(column, target.name, context);
    return typed === null ? rows : `(${typed} and ${rows})`;
  });
  return outside ? `(${inside.join(" or ")}) is not true` : `(${inside.join(" or ")})`;
}

/** `primarycontactid/contactid eq …` is the lookup's own value: no row is looked up. Null: it is not of that form. */
function keyComparison(
  leaf: Leaf,
  column: Column,
  table: Table,
  negated: boolean,
  context: QueryContext,
  only: string | undefined,
): string | null {
  if (
    leaf.kind !== "compare" ||
    leaf.operator !== "eq" ||
    leaf.right.kind !== "literal" ||
    leaf.right.literal.type !== "guid" ||
    negated ||
    !only
  )
    return null;
  const target = context.tables.named(only);
  if (!target) return null;
  const path = pathOf(leaf) ?? [];
  if (path.length !== 1 || path[0] !== target.key) return null;
  const typed = refersTo(column, target.name, context);
  const same = compareLiteral(columnOfCondition(table, column.name), "eq", leaf.right.literal, false, context.parameters);
  return typed === null ? same : `(${same} and ${typed})`;
}

function lambdaSql(leaf: Leaf & { kind: "any" | "all" }, name: string, table: Table, negated: boolean, context: QueryContext): string {
  const collection = collectionOf(table, name);
  if (!collection) throw noSuchProperty(name, table.name);
  const child = tableNamed(context.tables, collection.table);
  const back = columnOfCondition(child, collection.column);
  const typed = refersTo(back, table.name, context) ?? "true";
  const condition = leaf.part ? compile(leaf.part, child, leaf.kind === "all", context) : "true";
  const rows = `select ${back.read} from ${child.from} as row where ${back.read} is not null and ${typed} and ${context.readable(child)} and ${condition}`;
  // All: there is none for which it does not hold.
  return `${keyColumn(table).read} ${(leaf.kind === "all") === negated ? "in" : "not in"} (${rows})`;
}

/** SQL that a lookup refers to that table; null: it refers to no other. */
export function refersTo(
  column: Column,
  table: string,
  { tables, parameters }: Pick<QueryContext, "tables" | "parameters">,
): string | null {
  return column.readTarget === undefined ? null : `${column.readTarget} = any(${parameters.add(kindsOf(table, tables), "text[]")})`;
}

/** Does a condition hold where a path leads to no row? */
function holdsOfNothing(leaf: Leaf): boolean {
  switch (leaf.kind) {
    case "compare":
      return (leaf.operator === "eq") === isNull(leaf.right) && (leaf.operator === "eq" || leaf.operator === "ne");
    case "condition":
      return holdsForNull(leaf.name);
    case "all":
      return true;
    default:
      return false;
  }
}

function isNull(operand: Operand): boolean {
  return operand.kind === "literal" && operand.literal.type === ("null" satisfies Literal["type"]);
}

function hasName(table: Table, name: string | undefined): boolean {
  return (
    name !== undefined &&
    (readableColumns(table).some((one) => one.name === name || `_${one.name}_value` === name) || navigationOf(table, name) !== null)
  );
}

function pathOf(leaf: Leaf): PropertyPath | null {
  if (leaf.kind === "compare") return leaf.left.kind === "path" ? leaf.left.path : null;
  if (leaf.kind === "truth") return leaf.of.kind === "path" ? leaf.of.path : null;
  return leaf.path;
}

function shortened(leaf: Leaf, path: PropertyPath): Leaf {
  if (leaf.kind === "compare") return { ...leaf, left: { kind: "path", path } };
  if (leaf.kind === "truth") return { ...leaf, of: { kind: "path", path } };
  return { ...leaf, path };
}
