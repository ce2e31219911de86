import type { Column } from "./table.ts";

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const FRACTION = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 10 });
const INSTANT = new Intl.DateTimeFormat("en-US", {
  timeZone: "UTC",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", year: "numeric", month: "numeric", day: "numeric" });

/**
 * A value as people see it in Dynamics in English: the label of a choice, `9,500`, `1/2/2017 3:04 AM` (in UTC). `title`: of a lookup, the name of what it
 * refers to. Null: such a value has no other form.
 */
export function formattedValue(column: Column, value: unknown, title: string | null): string | null {
  if (value === null || value === undefined) return null;
  switch (column.type) {
    case "Lookup":
      return title;
    case "Choice":
    case "State":
    case "Status":
      return column.labels?.[Number(value)] ?? NUMBER.format(Number(value));
    case "Boolean":
      return column.labels?.[value === true ? 1 : 0] ?? (value === true ? "Yes" : "No");
    case "Int32":
    case "Int64":
      return NUMBER.format(Number(value));
    case "Decimal":
    case "Double":
      return FRACTION.format(Number(value));
    case "DateTimeOffset":
      // Newer Unicode data writes a narrow space before AM, which no client of Dynamics expects.
      return value instanceof Date ? INSTANT.format(value).replace(", ", " ").replace("\u202f", " ") : null;
    case "Date":
      return typeof value === "string" ? DAY.format(new Date(`${value}T00:00:00Z`)) : null;
    default:
      return null;
  }
}
