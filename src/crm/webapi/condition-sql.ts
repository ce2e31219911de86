import { classOf, compareLiteral, instantOf, operandOf, withinRange } from "./comparison-sql.ts";
import { countedSpan, dayOf, namedSpan } from "./date-ranges.ts";
import { ApiFault } from "./exchange.ts";
import { isGuid, type Literal, readLiteral } from "./literal.ts";
import type { QueryContext } from "./query-context.ts";
import { badQuery } from "./query-fault.ts";
import type { Column } from "./table.ts";

/**
 * SQL of one query function of Dynamics over a column (wire 7, Filter details), never null; `negated`: of its opposite, which like the functions whose
 * names begin with Not holds for missing values. Throws ApiFault 400 for functions that do not exist or do not fit the column.
 */
export function conditionSql(name: string, column: Column, values: readonly string[], negated: boolean, context: QueryContext): string {
  const opposite = /^Not(In|Between|On|EqualUserId|EqualBusinessId)$/.exec(name)?.[1] ?? null;
  const [asked, inverted] = opposite ? [opposite, !negated] : [name, negated];
  const sql = ofMembers(asked, column, values, inverted, context) ?? ofTime(asked, column, values, inverted, context);
  if (sql === null) throw new ApiFault(400, "0x80041120", `Unsupported condition operator: ${name}`);
  return sql;
}

/** Does it hold for rows without a value? */
export function holdsForNull(name: string): boolean {
  return name.startsWith("Not");
}

function ofMembers(name: string, column: Column, values: readonly string[], negated: boolean, context: QueryContext): string | null {
  const { caller, parameters } = context;
  switch (name) {
    case "In":
      return amongSql(column, values, negated, context);
    case "Between": {
      const [low, high] = takes(name, values, 2);
      const limits = [
        compareLiteral(column, "ge", literalFor(column, low), negated, parameters),
        compareLiteral(column, "le", literalFor(column, high), negated, parameters),
      ];
      return `(${limits.join(negated ? " or " : " and ")})`;
    }
    case "Contains": {
      const [value = ""] = takes(name, values, 1);
      if (classOf(column) !== "text") throw unfit(name, column);
      const found = `strpos(${operandOf(column)}, lower(${parameters.add(value, "text")}))`;
      return negated ? `coalesce(${found}, 0) = 0` : `${found} > 0`;
    }
    case "EqualUserId":
      return principalSql(name, column, values, [caller.userId], negated, context);
    case "EqualBusinessId":
      return principalSql(name, column, values, [caller.businessUnitId], negated, context);
    case "EqualUserTeams":
      return principalSql(name, column, values, caller.teamIds, negated, context);
    case "EqualUserOrUserTeams":
      return principalSql(name, column, values, [caller.userId, ...caller.teamIds], negated, context);
    default:
      return null;
  }
}

function ofTime(name: string, column: Column, values: readonly string[], negated: boolean, context: QueryContext): string | null {
  const named = namedSpan(name, context.now);
  const counted = countedSpan(name, values[0] ?? "", context.now);
  const day = name === "On" || name === "OnOrAfter" || name === "OnOrBefore";
  if (!named && !counted && !day) return null;
  if (column.type !== "DateTimeOffset" && column.type !== "Date") throw unfit(name, column);
  takes(name, values, named ? 0 : 1);
  if (counted === "range") throw badQuery(`The value of ${name} has to be a whole number from 1 to 10000.`);
  const span = named ?? counted ?? daySpan(name, values[0] ?? "");
  return withinRange(column, span.from, span.to, negated, context.parameters);
}

function daySpan(name: string, value: string): { from: Date | null; to: Date | null } {
  const literal = readLiteral(value);
  const at = literal && instantOf(literal);
  if (at === null) throw badQuery(`The value of ${name} has to be a date.`);
  const day = dayOf(new Date(at));
  return { from: name === "OnOrBefore" ? null : day.from, to: name === "OnOrAfter" ? null : day.to };
}

function principalSql(
  name: string,
  column: Column,
  values: readonly string[],
  ids: readonly string[],
  negated: boolean,
  { parameters }: QueryContext,
): string {
  takes(name, values, 0);
  if (classOf(column) !== "guid") throw unfit(name, column);
  return memberSql(column.read, `any(${parameters.add(ids, "uuid[]")})`, negated);
}

const ARRAYS = {
  text: "text[]",
  guid: "uuid[]",
  number: "numeric[]",
  boolean: "boolean[]",
  instant: "timestamptz[]",
  date: "date[]",
} as const;

function amongSql(column: Column, values: readonly string[], negated: boolean, { parameters }: QueryContext): string {
  const kind = classOf(column);
  const plain = values.map((value) => plainOf(column, value));
  const list = parameters.add(plain, kind === "number" && plain.every(isSmall) ? "int[]" : ARRAYS[kind]);
  if (kind === "text") return memberSql(operandOf(column), `any(array(select lower(value) from unnest(${list}) value))`, negated);
  return memberSql(kind === "instant" ? `date_trunc('second', ${column.read})` : column.read, `any(${list})`, negated);
}

function memberSql(value: string, list: string, negated: boolean): string {
  return negated ? `(${value} = ${list}) is not true` : `${value} = ${list}`;
}

function plainOf(column: Column, value: string): string {
  const literal = literalFor(column, value);
  if (literal.type === "null" || (literal.type === "number" && !Number.isFinite(Number(literal.text)))) throw unfitValue(column, value);
  return literal.type === "number" ? literal.text : String(literal.value);
}

/** Values of query functions are strings whatever the column; what they have to be, the column says. */
function literalFor(column: Column, value: string | undefined): Literal {
  const text = value ?? "";
  const kind = classOf(column);
  if (kind === "text") {
    if (text.includes("\0")) throw unfitValue(column, text);
    return { type: "string", value: text };
  }
  if (kind === "guid" && isGuid(text)) return { type: "guid", value: text.toLowerCase() };
  const literal = readLiteral(text);
  const fits =
    literal &&
    (kind === "instant" || kind === "date"
      ? instantOf(literal) !== null
      : kind === "number"
        ? literal.type === "number"
        : literal.type === kind);
  if (!literal || !fits) throw unfitValue(column, text);
  if (kind === "date") return { type: "date", value: new Date(instantOf(literal) ?? 0).toISOString().slice(0, 10) };
  return literal;
}

function isSmall(text: string): boolean {
  return /^-?\d{1,9}$/.test(text);
}

function takes(name: string, values: readonly string[], count: number): readonly string[] {
  if (values.length !== count) throw badQuery(`The function ${name} takes ${count} value${count === 1 ? "" : "s"}, not ${values.length}.`);
  return values;
}

function unfit(name: string, column: Column): Error {
  return badQuery(`The function ${name} does not fit the property '${column.name}'.`);
}

function unfitValue(column: Column, value: string): Error {
  return badQuery(`The value '${value.slice(0, 100)}' does not fit the property '${column.name}'.`);
}
