import { ApiFault } from "./exchange.ts";
import { type Literal, readLiteral } from "./literal.ts";
import { badQuery } from "./query-fault.ts";
import type { RowKey } from "./resource.ts";
import { splitOutside } from "./split-outside.ts";
import type { Column, Table } from "./table.ts";

const BAD_SYNTAX = "Bad Request - Error in query syntax.";
/** A key has at most 16 columns in SQL Server, and in Dynamics. */
const MOST_PARTS = 16;

/**
 * Reads what stands between the parentheses behind a set: `guid`, `activityid=guid`, `@id`, or the columns of an alternate key in any order
 * (`firstname='Joe',_parentcustomerid_value=guid`), which come by their logical names. `aliases`: what `@p1` stands for. Throws ApiFault 400, in Dynamics'
 * words 0x80060890 where the columns are no key.
 */
export function readKey(table: Table, text: string, aliases: ReadonlyMap<string, string>): RowKey {
  const alone = literalOf(text, aliases);
  if (alone?.type === "guid") return { kind: "id", id: alone.value };
  if (alone) throw badQuery(BAD_SYNTAX);
  const values = new Map<string, Literal>();
  for (const part of splitOutside(text, ",", MOST_PARTS)) {
    const at = part.indexOf("=");
    const [name, value] = [part.slice(0, at).trim(), literalOf(part.slice(at + 1), aliases)];
    if (at < 0 || value === null || values.has(name)) throw badQuery(BAD_SYNTAX);
    values.set(name, value);
  }
  const [first] = values;
  if (values.size === 1 && first?.[0] === table.key && first[1].type === "guid") return { kind: "id", id: first[1].value };
  const columns = table.alternateKeys
    .map((names) => names.map((name) => table.columns.find((one) => one.name === name)))
    .find((key) => key.length === values.size && key.every((column) => column && values.has(propertyName(column))));
  if (!columns) {
    throw new ApiFault(400, "0x80060890", `The specified key attributes are not a defined key for the ${table.name} entity`);
  }
  const found = columns.flatMap((column) => (column ? [[column.name, plainOf(column, values.get(propertyName(column)))] as const] : []));
  return { kind: "alternate", values: new Map(found) };
}

function propertyName(column: Column): string {
  return column.type === "Lookup" ? `_${column.name}_value` : column.name;
}

function literalOf(text: string, aliases: ReadonlyMap<string, string>): Literal | null {
  const trimmed = text.trim();
  return readLiteral(trimmed.startsWith("@") ? (aliases.get(trimmed) ?? "") : trimmed);
}

function plainOf(column: Column, value: Literal | undefined): string | number | boolean | null {
  if (!value || value.type === "null") return null;
  if (value.type === "boolean") return value.value;
  if (value.type !== "number") return value.value;
  if (column.type === "String" || column.type === "Memo") return value.text;
  const number = Number(value.text);
  if (!Number.isFinite(number)) throw badQuery(BAD_SYNTAX);
  return number;
}
