import { fault, laterFault } from "./error-codes.ts";
import type { ApiFault } from "./exchange.ts";
import { isGuid } from "./literal.ts";
import type { Column, Table } from "./table.ts";

/** A value as it is stored, checked against its column: text, number, flag, instant or date as text, guid in lower case; bytes of a Binary. */
export type Value = string | number | boolean | Buffer | null;

const INSTANT = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)$/i;
const DATE = /^\d{4}-\d\d-\d\d$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const INT64 = /^-?\d{1,19}$/;

/** Years that a date may lie in: those of SQL Server's datetime, which Dynamics stores them in. */
const FIRST_YEAR = 1753;
const LAST_YEAR = 9999;

/** Most that a Decimal holds either way where its column says nothing narrower, as in Dynamics. */
const DECIMAL_LIMIT = 100_000_000_000;

/** Base64 of the largest file that Dynamics takes, 128 MB; the organization's own limit is checked where a file is stored. */
const MAXIMUM_BINARY = 178_956_972;

/** Characters of a refused value that are repeated to whoever sent it. */
const QUOTED = 100;

/**
 * A JSON value as the column stores it. Throws ApiFault: 400 in Dynamics' words where the type is another one, the text too long, the number or date out of range, or
 * the choice none. Of a State or Status only the type is looked at: what they may be depends on the row.
 */
export function storedValue(table: Table, column: Column, value: unknown): Value {
  if (value === null) return null;
  switch (column.type) {
    case "String":
    case "Memo":
      return text(table, column, value);
    case "Guid":
    case "Lookup":
      return typeof value === "string" && isGuid(value) ? value.toLowerCase() : refuse(notOfType(table, value, "Edm.Guid"));
    case "Int32":
      return whole(table, column, value, -2_147_483_648, 2_147_483_647);
    case "State":
    case "Status":
      return whole(table, column, value, -2_147_483_648, 2_147_483_647);
    case "Choice":
      return choice(table, column, value);
    case "Int64":
      return bigWhole(table, column, value);
    case "Decimal":
    case "Double":
      return decimal(table, column, value);
    case "Boolean":
      return typeof value === "boolean" ? value : refuse(notOfType(table, value, "Edm.Boolean"));
    case "DateTimeOffset":
      return instant(table, column, value);
    case "Date":
      return date(table, column, value);
    case "Binary":
      return binary(table, column, value);
  }
}

/** A body that cannot be read as a row of the table, in the words of Dynamics (wire 7, 0x80048d19). */
export function invalidPayload(table: Table, said: string): ApiFault {
  return laterFault(
    "InvalidPayload",
    `Error identified in Payload provided by the user for Entity :'${table.set}', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : Microsoft.OData.ODataException: ${said}`,
  );
}

/** What was sent, short enough to be repeated. */
export function quoted(value: unknown): string {
  const said = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return said.length > QUOTED ? `${said.slice(0, QUOTED)}…` : said;
}

function refuse(error: ApiFault): never {
  throw error;
}

function notOfType(table: Table, value: unknown, type: string): ApiFault {
  return invalidPayload(table, `Cannot convert the literal '${quoted(value)}' to the expected type '${type}'.`);
}

function text(table: Table, column: Column, value: unknown): string {
  if (typeof value !== "string") throw notOfType(table, value, "Edm.String");
  if (column.maximumLength !== undefined && value.length > column.maximumLength)
    throw fault(
      "StringLengthTooLong",
      `A validation error occurred. The length of the '${column.name}' attribute of the '${table.name}' entity exceeded the maximum allowed length of '${column.maximumLength}'.`,
    );
  return value;
}

function whole(table: Table, column: Column, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) throw notOfType(table, value, "Edm.Int32");
  if (value < (column.minimum ?? least) || value > (column.maximum ?? most))
    throw fault("IntegerValueOutOfRange", outOfRange(table, column, value, column.minimum ?? least, column.maximum ?? most));
  return value;
}

function choice(table: Table, column: Column, value: unknown): number {
  const number = whole(table, column, value, -2_147_483_648, 2_147_483_647);
  if (column.labels && !Object.hasOwn(column.labels, number))
    throw fault(
      "PicklistValueOutOfRange",
      `A validation error occurred. The value ${number} of '${column.name}' on record of type '${table.name}' is outside the valid range. Accepted Values: ${Object.keys(column.labels).join(",")}`,
    );
  return number;
}

/** A number, or its digits in a string (IEEE754Compatible of OData's JSON). As text, which loses none of them. */
function bigWhole(table: Table, column: Column, value: unknown): string {
  const digits = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof digits !== "string" || !INT64.test(digits)) throw notOfType(table, value, "Edm.Int64");
  const number = BigInt(digits);
  if (BigInt.asIntN(64, number) !== number) throw notOfType(table, value, "Edm.Int64");
  if (number < BigInt(column.minimum ?? number) || number > BigInt(column.maximum ?? number))
    throw fault("IntegerValueOutOfRange", outOfRange(table, column, digits, column.minimum, column.maximum));
  return number.toString();
}

function decimal(table: Table, column: Column, value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw notOfType(table, value, `Edm.${column.type}`);
  const least = column.minimum ?? -DECIMAL_LIMIT;
  const most = column.maximum ?? DECIMAL_LIMIT;
  if (value < least || value > most) throw fault("DecimalValueOutOfRange", outOfRange(table, column, value, least, most));
  return value;
}

function outOfRange(table: Table, column: Column, value: unknown, least: number | undefined, most: number | undefined): string {
  return `A validation error occurred. The value ${quoted(value)} of '${column.name}' on record of type '${table.name}' is outside the allowed range ${least ?? ""} to ${most ?? ""}.`;
}

/** In UTC, to the second: Dynamics drops what is finer (wire 7, Dates). */
function instant(table: Table, column: Column, value: unknown): string {
  const [, day = "", hour = "", minute = "", second = "0", zone = ""] =
    (typeof value === "string" ? INSTANT.exec(value) : null) ?? refuse(notOfType(table, value, "Edm.DateTimeOffset"));
  const at = new Date(`${day}T${hour}:${minute}:${second.padStart(2, "0")}${zone.toUpperCase()}`);
  if (!dayExists(day) || Number.isNaN(at.getTime())) throw notOfType(table, value, "Edm.DateTimeOffset");
  if (!storable(at)) throw fault("InvalidDateTime", `The date of '${column.name}' lies outside the supported range: ${quoted(value)}`);
  return `${at.toISOString().slice(0, 19)}Z`;
}

function date(table: Table, column: Column, value: unknown): string {
  if (typeof value !== "string" || !DATE.test(value) || !dayExists(value)) throw notOfType(table, value, "Edm.Date");
  if (!storable(new Date(value)))
    throw fault("InvalidDateTime", `The date of '${column.name}' lies outside the supported range: ${quoted(value)}`);
  return value;
}

function storable(at: Date): boolean {
  return at.getUTCFullYear() >= FIRST_YEAR && at.getUTCFullYear() <= LAST_YEAR;
}

/** A Date takes the 31st of April for the 1st of May. */
function dayExists(day: string): boolean {
  const read = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(read.getTime()) && read.toISOString().slice(0, 10) === day;
}

function binary(table: Table, column: Column, value: unknown): Buffer {
  if (typeof value !== "string" || value.length % 4 !== 0 || !BASE64.test(value)) throw notOfType(table, value, "Edm.Binary");
  if (value.length > MAXIMUM_BINARY) throw fault("AttachmentBlocked", `The value of '${column.name}' is too large.`);
  return Buffer.from(value, "base64");
}
