import { formattedValue } from "./formatted-value.ts";
import type { FoundRow } from "./found-rows.ts";
import { propertyName } from "./names.ts";
import type { Plan } from "./plan.ts";
import { asksFor, FORMATTED, LOOKUP_NAVIGATION, LOOKUP_TABLE, type Reading } from "./reading.ts";
import type { Column, Table } from "./table.ts";

/** A row as the Web API answers with it. */
export type RowJson = Record<string, unknown>;

/** Names of rows referred to, by table and id. */
export type Titles = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** `W/"123"`. */
export function etagOf(row: Pick<FoundRow, "version">): string {
  return `W/"${row.version}"`;
}

/** `https://…/emails(…)`. */
export function addressOf(reading: Pick<Reading, "root">, table: Pick<Table, "set">, id: string): string {
  return `${reading.root}${table.set}(${id})`;
}

/** The columns of a row as JSON, each behind its annotations; without what is expanded. */
export function rowJson(reading: Reading, plan: Plan, row: FoundRow, titles: Titles): RowJson {
  const json: RowJson = {};
  const { table } = plan;
  if (reading.metadata === "full") {
    json["@odata.type"] = `#Microsoft.Dynamics.CRM.${table.name}`;
    json["@odata.id"] = addressOf(reading, table, row.id);
  }
  if (reading.metadata !== "none") json["@odata.etag"] = etagOf(row);
  if (reading.metadata === "full") json["@odata.editLink"] = `${table.set}(${row.id})`;
  for (const column of plan.columns) {
    const [name, value] = [propertyName(column), row.values.get(column) ?? null];
    annotate(json, reading, row, column, titles);
    json[name] = jsonValue(column, value);
  }
  return json;
}

/** A value as JSON: instants to the second in UTC (wire 7, Dates), bytes in base64. */
export function jsonValue(column: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return `${value.toISOString().slice(0, -5)}Z`;
  if (Buffer.isBuffer(value)) return value.toString("base64");
  return column.type === "Decimal" || column.type === "Int64" || column.type === "Double" ? Number(value) : value;
}

function annotate(json: RowJson, reading: Reading, row: FoundRow, column: Column, titles: Titles): void {
  const [name, value, target] = [propertyName(column), row.values.get(column) ?? null, row.targets.get(column)];
  const type = reading.metadata === "full" && value !== null ? fullType(column) : null;
  if (type !== null) json[`${name}@odata.type`] = type;
  if (target !== undefined) {
    const navigation = column.targets?.find((one) => one.table === target)?.navigation;
    if (navigation !== undefined && asksFor(reading, LOOKUP_NAVIGATION)) json[`${name}@${LOOKUP_NAVIGATION}`] = navigation;
    if (asksFor(reading, LOOKUP_TABLE)) json[`${name}@${LOOKUP_TABLE}`] = target;
  }
  if (!asksFor(reading, FORMATTED)) return;
  const title = row.titles.get(column) ?? (target !== undefined && typeof value === "string" ? titles.get(target)?.get(value) : undefined);
  const formatted = formattedValue(column, value, title ?? null);
  if (formatted !== null) json[`${name}@${FORMATTED}`] = formatted;
}

/** What JSON itself does not tell. */
function fullType(column: Column): string | null {
  switch (column.type) {
    case "Guid":
    case "Lookup":
      return "#Guid";
    case "DateTimeOffset":
    case "Date":
    case "Decimal":
    case "Int64":
    case "Binary":
      return `#${column.type}`;
    default:
      return null;
  }
}
