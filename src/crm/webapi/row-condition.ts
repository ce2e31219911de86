import { classOf, compareLiteral } from "./comparison-sql.ts";
import { doesNotExist, fault } from "./error-codes.ts";
import type { ApiFault } from "./exchange.ts";
import { isGuid, type Literal, readLiteral } from "./literal.ts";
import { keyColumn } from "./names.ts";
import type { Parameters } from "./parameters.ts";
import { badQuery } from "./query-fault.ts";
import type { RowKey } from "./resource.ts";
import type { Column, Table } from "./table.ts";

/** SQL over `row` that holds for the row of that key alone. Throws ApiFault 400 where a value does not fit its column. */
export function rowCondition(table: Table, key: RowKey, parameters: Parameters): string {
  if (key.kind === "id") return `${keyColumn(table).read} = ${parameters.add(key.id, "uuid")}`;
  const parts = [...key.values].map(([name, value]) => {
    const column = table.columns.find((one) => one.name === name);
    if (!column) throw badQuery(`'${name}' is no column of ${table.name}.`);
    return compareLiteral(column, "eq", literalFor(column, value), false, parameters);
  });
  return `(${parts.join(" and ")})`;
}

/** 404: there is no such row, or none that the caller may see. */
export function noSuchRow(table: Table, key: RowKey): ApiFault {
  return key.kind === "id" ? doesNotExist(table.name, key.id) : fault("RecordNotFoundByEntityKey", null, [table.name]);
}

function literalFor(column: Column, value: string | number | boolean | null): Literal {
  if (value === null) return { type: "null" };
  if (typeof value === "boolean") return { type: "boolean", value };
  if (typeof value === "number") return { type: "number", text: String(value), whole: Number.isInteger(value) };
  if (classOf(column) === "text") return { type: "string", value };
  if (isGuid(value)) return { type: "guid", value: value.toLowerCase() };
  return readLiteral(value) ?? { type: "string", value };
}
