import type { Comparison } from "./filter.ts";
import type { Literal } from "./literal.ts";
import type { Parameters } from "./parameters.ts";
import { badQuery } from "./query-fault.ts";
import type { Column } from "./table.ts";

/** How values of a column compare: columns of one class can be compared with each other. */
export type ValueClass = "text" | "guid" | "number" | "boolean" | "instant" | "date";

const CLASSES: Readonly<Record<Column["type"], ValueClass | null>> = {
  String: "text",
  Memo: "text",
  Guid: "guid",
  Lookup: "guid",
  Int32: "number",
  Int64: "number",
  Decimal: "number",
  Double: "number",
  Choice: "number",
  State: "number",
  Status: "number",
  Boolean: "boolean",
  DateTimeOffset: "instant",
  Date: "date",
  Binary: null,
};

const EDM: Readonly<Record<ValueClass, string>> = {
  text: "Edm.String",
  guid: "Edm.Guid",
  number: "Edm.Int32",
  boolean: "Edm.Boolean",
  instant: "Edm.DateTimeOffset",
  date: "Edm.Date",
};
const KINDS = { eq: "Equal", ne: "NotEqual", gt: "GreaterThan", ge: "GreaterThanOrEqual", lt: "LessThan", le: "LessThanOrEqual" } as const;
const SIGNS = { gt: ">", ge: ">=", lt: "<", le: "<=" } as const;
const OPPOSITE = { eq: "ne", ne: "eq", gt: "le", ge: "lt", lt: "ge", le: "gt" } as const satisfies Record<Comparison, Comparison>;

/** The class of a column's values. Throws ApiFault 400 for columns that cannot stand in a filter or order. */
export function classOf(column: Column): ValueClass {
  const found = CLASSES[column.type];
  if (found === null || column.filter === false) throw badQuery(`The property '${column.name}' cannot be used in a filter or order.`);
  return found;
}

/**
 * SQL that compares a column with a literal. Never null, so that it can be negated by `negated` alone: a missing value is unequal to all and in no order,
 * so `ne` and every negation hold for it (as Dynamics has them). Texts compare without regard to case, as under SQL Server's collation, over
 * `lower(…)` or the expression that an index of the column stands on. Instants compare to the second, as they are shown: as a half-open range, which an
 * index on the column serves. Throws ApiFault 400 where the types do not fit.
 */
export function compareLiteral(column: Column, operator: Comparison, literal: Literal, negated: boolean, parameters: Parameters): string {
  const kind = classOf(column);
  if (literal.type === "null") {
    const holds = operator === "eq" || operator === "ne";
    if (!holds) return String(negated);
    return `${column.read} is ${(operator === "eq") === negated ? "not null" : "null"}`;
  }
  if (kind === "instant") return compareInstant(column, operator, literal, negated, parameters);
  return compareSql(operandOf(column, kind), operator, literalSql(column, kind, operator, literal, parameters), negated);
}

/** SQL that compares two columns of one row. Throws ApiFault 400 where they are of different classes. */
export function compareColumns(left: Column, operator: Comparison, right: Column, negated: boolean): string {
  const [one, other] = [classOf(left), classOf(right)];
  if (one !== other) throw incompatible(one, EDM[other], operator);
  return compareSql(operandOf(left, one), operator, operandOf(right, one), negated);
}

/** SQL of a column's value as it compares: texts in lower case. */
export function operandOf(column: Column, kind: ValueClass = classOf(column)): string {
  return kind === "text" ? (column.folded ?? `lower(${column.read})`) : column.read;
}

/** SQL of the first and last moment of instants: `from` included, `to` excluded; null: open. */
export function withinRange(column: Column, from: Date | null, to: Date | null, negated: boolean, parameters: Parameters): string {
  const type = column.type === "Date" ? "date" : "timestamptz";
  const limit = (at: Date) => parameters.add(type === "date" ? at.toISOString().slice(0, 10) : at, type);
  const low = from && `${column.read} ${negated ? "<" : ">="} ${limit(from)}`;
  const high = to && `${column.read} ${negated ? ">=" : "<"} ${limit(to)}`;
  const both = [low, high].filter((one) => one !== null);
  if (!negated) return both.length > 0 ? `(${both.join(" and ")})` : `${column.read} is not null`;
  return `(${[...both, `${column.read} is null`].join(" or ")})`;
}

function compareSql(left: string, operator: Comparison, right: string, negated: boolean): string {
  const asked = negated ? OPPOSITE[operator] : operator;
  if (asked === "eq") return `${left} = ${right}`;
  if (asked === "ne") return `${left} is distinct from ${right}`;
  const compared = `${left} ${SIGNS[asked]} ${right}`;
  return negated ? `(${compared} or ${left} is null or ${right} is null)` : compared;
}

/** A whole second, or one that begins within. The rows' instants have fractions, which nobody sees. */
function compareInstant(column: Column, operator: Comparison, literal: Literal, negated: boolean, parameters: Parameters): string {
  const at = instantOf(literal);
  if (at === null) throw incompatible("instant", edmOf(literal), operator);
  const [floor, ceiling] = [new Date(Math.floor(at / 1000) * 1000), new Date(Math.ceil(at / 1000) * 1000)];
  const next = new Date(floor.getTime() + 1000);
  const range = (from: Date | null, to: Date | null, inverted = negated) => withinRange(column, from, to, inverted, parameters);
  switch (operator) {
    case "gt":
      return range(next, null);
    case "ge":
      return range(ceiling, null);
    case "lt":
      return range(null, ceiling);
    case "le":
      return range(null, next);
    case "eq":
    case "ne": {
      const inverted = (operator === "ne") !== negated;
      // No stored second has a fraction.
      return floor.getTime() === ceiling.getTime() ? range(floor, next, inverted) : String(inverted);
    }
  }
}

/** Milliseconds since 1970 of a day or instant; null: it is neither. */
export function instantOf(literal: Literal): number | null {
  if (literal.type === "date") return Date.parse(`${literal.value}T00:00:00Z`);
  return literal.type === "instant" ? Date.parse(literal.value) : null;
}

function literalSql(column: Column, kind: ValueClass, operator: Comparison, literal: Literal, parameters: Parameters): string {
  if (kind === "text" && literal.type === "string") return `lower(${parameters.add(literal.value, "text")})`;
  if (kind === "guid" && literal.type === "guid") return parameters.add(literal.value, "uuid");
  if (kind === "boolean" && literal.type === "boolean") return parameters.add(literal.value, "boolean");
  if (kind === "number" && literal.type === "number") return numberOf(column, literal, parameters);
  if (kind === "date" && (literal.type === "date" || literal.type === "instant")) {
    return parameters.add(new Date(instantOf(literal) ?? 0).toISOString().slice(0, 10), "date");
  }
  throw incompatible(kind, edmOf(literal), operator);
}

/** As narrow a type as holds it: an index on an integer column does not serve a comparison with a numeric. */
function numberOf(column: Column, { text, whole }: Literal & { type: "number" }, parameters: Parameters): string {
  const number = Number(text);
  if (!Number.isFinite(number)) throw badQuery(`The number '${text}' is out of range.`);
  if (column.type === "Double") return parameters.add(number, "float8");
  if (!whole) return parameters.add(text, "numeric");
  return parameters.add(text, Math.abs(number) < 2 ** 31 ? "int" : Math.abs(number) < 2 ** 62 ? "bigint" : "numeric");
}

function incompatible(kind: ValueClass, other: string, operator: Comparison): Error {
  return badQuery(
    `A binary operator with incompatible types was detected. Found operand types '${EDM[kind]}' and '${other}' for operator kind '${KINDS[operator]}'.`,
  );
}

function edmOf(literal: Literal): string {
  if (literal.type === "number") return literal.whole ? "Edm.Int32" : "Edm.Decimal";
  if (literal.type === "string") return "Edm.String";
  if (literal.type === "instant") return "Edm.DateTimeOffset";
  return `Edm.${literal.type.charAt(0).toUpperCase()}${literal.type.slice(1)}`;
}
