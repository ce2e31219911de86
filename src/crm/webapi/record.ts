import { contentHash } from "../content.ts";
import type { Draft } from "./body.ts";
import { fault } from "./error-codes.ts";
import type { Referred } from "./references.ts";
import type { Storage } from "./storage.ts";
import type { Column, Table } from "./table.ts";
import { invalidPayload, quoted, type Value } from "./values.ts";

/** A row by the database's columns, as JSON has them; binaries as `\x` and hex digits. */
export type Row = Record<string, unknown>;

/** What a draft writes: a row, and the bodies that it names by their hashes. */
export interface Written {
  readonly record: Row;
  readonly contents: Map<string, Buffer>;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Whole numbers of the database by the name of their type. */
const RANGES: ReadonlyMap<string, number> = new Map([
  ["smallint", 32_767],
  ["integer", 2_147_483_647],
]);

/**
 * The database's row of what a draft says. Columns without a place in the database are left out: whoever writes the table does something of its own with them. Throws
 * ApiFault 400 for a value that the database cannot hold.
 */
export function recordOf(draft: Draft, storage: Storage, referred: ReadonlyMap<Column, Referred | null>): Written {
  const written: Written = { record: {}, contents: new Map() };
  for (const [column, value] of draft.values) putValue(written, draft.table, storage, column, value);
  for (const [column, row] of referred) putReference(written.record, storage, column, row);
  return written;
}

/** Sets a lookup, with the table that it leads to and the name of the row where the database keeps those beside it. */
export function putReference(
  record: Row,
  storage: Storage,
  column: Column,
  row: { readonly id: string; readonly table: Table; readonly title: string | null } | null,
): void {
  if (column.stored === undefined) return;
  record[column.stored] = row?.id ?? null;
  if (column.storedTarget !== undefined) record[column.storedTarget] = row?.table.name ?? null;
  const title = `${column.stored}name`;
  if (storage.columns.has(title) && !storage.columns.get(title)?.computed) record[title] = row?.title ?? null;
}

function putValue({ record, contents }: Written, table: Table, storage: Storage, column: Column, value: Value): void {
  if (column.stored === undefined) return;
  if (column.storedAs === "content" || column.storedAs === "base64") {
    const body = bodyOf(table, column, value);
    if (body) contents.set(contentHash(body), body);
    record[column.stored] = body && contentHash(body);
    return;
  }
  if (column.storedAs === "presence") {
    record[column.stored] = value !== null && value !== "";
    return;
  }
  if (column.storedAs === "json" && typeof value === "string") {
    record[column.stored] = parsed(table, column, value);
    return;
  }
  if (Buffer.isBuffer(value)) {
    record[column.stored] = `\\x${value.toString("hex")}`;
    return;
  }
  const most = RANGES.get(storage.columns.get(column.stored)?.type ?? "");
  if (typeof value === "number" && most !== undefined && (value > most || value < -most - 1))
    throw fault("IntegerValueOutOfRange", `The value ${value} of '${column.name}' on record of type '${table.name}' is out of range.`);
  record[column.stored] = value;
}

function bodyOf(table: Table, column: Column, value: Value): Buffer | null {
  if (value === null || Buffer.isBuffer(value)) return value;
  const text = String(value);
  if (column.storedAs !== "base64") return Buffer.from(text, "utf8");
  if (text.length % 4 !== 0 || !BASE64.test(text))
    throw invalidPayload(table, `Cannot convert the literal '${quoted(text)}' to the expected type 'Edm.Binary'.`);
  return Buffer.from(text, "base64");
}

function parsed(table: Table, column: Column, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault(
      "InvalidArgument",
      `The value of '${column.name}' of '${table.name}' is no JSON: ${error instanceof Error ? error.message : ""}`,
    );
  }
}
