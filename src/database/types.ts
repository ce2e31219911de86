/**
 * How values cross the border to SQL, the same on both engines: both speak PostgreSQL's text format, and only this file knows it.
 *
 * | SQL | read as |
 * |---|---|
 * | int2, int4, int8, oid, float | number; an int8 beyond Number.MAX_SAFE_INTEGER throws |
 * | numeric, text, uuid, interval, anything else | string |
 * | date, timestamp without time zone | string as PostgreSQL writes it: it names no instant |
 * | timestamptz | Date |
 * | bytea | Buffer |
 * | json, jsonb | parsed |
 * | arrays of these | array |
 */
import pg from "pg";

type Decode = (text: string) => unknown;

/** Object ids of PostgreSQL's types (pg_type.dat); fixed for ever. */
const OID = { bytea: 17, int8: 20, date: 1082, timestamp: 1114, interval: 1186, byteaArray: 1001, int8Array: 1016 } as const;
const ARRAYS_OF_TEXT = { numeric: 1231, date: 1182, timestamp: 1115, interval: 1187, uuid: 2951, varchar: 1015 } as const;

const textArray = textDecoder(1009);

const DECODERS = new Map<number, Decode>([
  [OID.int8, toSafeInteger],
  [OID.date, asText],
  [OID.timestamp, asText],
  [OID.interval, asText],
  [OID.bytea, toBytes],
  [OID.int8Array, (text) => mapNested(textArray(text), toSafeInteger)],
  [OID.byteaArray, (text) => mapNested(textArray(text), toBytes)],
  ...Object.values(ARRAYS_OF_TEXT).map((oid): [number, Decode] => [oid, textArray]),
]);

/** Reads one value of the type with that object id from PostgreSQL's text format. */
export function decoderOf(oid: number): Decode {
  return DECODERS.get(oid) ?? textDecoder(oid);
}

/** A parameter as PostgreSQL reads it: text, or bytes for bytea. */
export type Encoded = string | Buffer | null;

/** Encodes one parameter. Throws a TypeError for what has no SQL form, objects too: a jsonb parameter is JSON text. */
export function encode(value: unknown): Encoded {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return encodeArray(value);
  return encodeScalar(value);
}

function encodeScalar(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return value.toISOString();
  throw new TypeError(`A ${typeof value} is no SQL parameter. JSON goes in as text: JSON.stringify it.`);
}

/** Array literal (PostgreSQL manual 8.15.2): every element quoted, so that no content can change the structure. */
function encodeArray(values: readonly unknown[]): string {
  const elements = values.map((value) => {
    if (value === null || value === undefined) return "NULL";
    if (Array.isArray(value)) return encodeArray(value);
    const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString("hex")}` : encodeScalar(value);
    return `"${text.replace(/[\\"]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

function textDecoder(oid: number): Decode {
  return pg.types.getTypeParser(oid, "text");
}

function asText(text: string): string {
  return text;
}

function toSafeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The integer ${text} from the database is too large to be read exactly.`);
  return number;
}

function toBytes(text: string): Buffer {
  // Both engines write the hex form: bytea_output is set to it when a session opens.
  return Buffer.from(text.slice(2), "hex");
}

function mapNested(value: unknown, convert: (text: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => mapNested(one, convert));
  return typeof value === "string" ? convert(value) : value;
}
