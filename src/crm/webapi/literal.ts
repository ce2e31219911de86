/** A value as a URL writes it (OData 4.0 ABNF, primitiveLiteral; wire 7, Filter details). */
export type Literal =
  | { readonly type: "null" }
  | { readonly type: "boolean"; readonly value: boolean }
  /** `text` as it was written: no digit is lost on the way to a numeric column. */
  | { readonly type: "number"; readonly text: string; readonly whole: boolean }
  | { readonly type: "string"; readonly value: string }
  /** In lower case. */
  | { readonly type: "guid"; readonly value: string }
  /** `2017-01-02`. */
  | { readonly type: "date"; readonly value: string }
  /** With its offset: `2017-01-02T03:04:05Z`. */
  | { readonly type: "instant"; readonly value: string };

/** Longest literal that is read as anything but a string. */
const LONGEST_PLAIN = 64;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d{1,3})?$/i;
const DATE = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d)(\.\d{1,12})?)?(Z|[-+]\d\d:\d\d)$/i;

/** Is it a GUID as Dynamics writes them: hyphens, no braces, either case? */
export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/**
 * Reads one literal that stands alone: null, true, false, a number, a GUID, a date, a date with time and offset, or a string in single quotes with quotes
 * doubled inside. Null: it is none. Days and times are checked against the calendar, so that whatever is read is safe to compare with.
 */
export function readLiteral(text: string): Literal | null {
  if (text.startsWith("'")) return readString(text);
  if (text.length > LONGEST_PLAIN) return null;
  if (text === "null") return { type: "null" };
  if (text === "true" || text === "false") return { type: "boolean", value: text === "true" };
  if (GUID.test(text)) return { type: "guid", value: text.toLowerCase() };
  if (NUMBER.test(text)) return { type: "number", text: text.startsWith("+") ? text.slice(1) : text, whole: /^[-+]?\d+$/.test(text) };
  if (DATE.test(text)) return isDay(text) ? { type: "date", value: text } : null;
  return readInstant(text);
}

/** `It's` as a literal: `'It''s'`. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function readString(text: string): Literal | null {
  if (text.length < 2 || !text.endsWith("'")) return null;
  const inside = text.slice(1, -1);
  if (inside.replaceAll("''", "").includes("'")) return null;
  const value = inside.replaceAll("''", "'");
  // PostgreSQL keeps no NUL in text: nothing stored can be equal to it.
  return value.includes("\0") ? null : { type: "string", value };
}

function readInstant(text: string): Literal | null {
  const found = INSTANT.exec(text);
  if (!found) return null;
  const [, day = "", minutes = "", seconds = "00", fraction = "", zone = ""] = found;
  const value = `${day}T${minutes}:${seconds}${fraction}${zone.toUpperCase()}`;
  return isDay(day) && !Number.isNaN(Date.parse(value)) ? { type: "instant", value } : null;
}

/** `2023-02-30` is none; Date.parse takes it for the second of March. The year 0 is none of PostgreSQL's. */
function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && !text.startsWith("0000") && new Date(time).toISOString().startsWith(text);
}
