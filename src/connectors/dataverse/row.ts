import { z } from "zod";
import { Failure } from "../../model/failure.ts";
import type { RecordRef } from "../../model/record.ts";

/** A row of a table as JSON. What it holds is foreign: read through the functions here, which take nothing for granted. */
export type Row = Readonly<Record<string, unknown>>;

const ROW = z.record(z.string(), z.unknown());
const PAGE = z.object({ value: z.array(ROW), "@odata.nextLink": z.string().optional() });

/** A page of rows, and where the next one is. @throws Failure when it is none */
export function pageOf(body: unknown): { readonly rows: readonly Row[]; readonly next: string | null } {
  const read = PAGE.safeParse(body);
  if (!read.success) throw notUnderstood("a list of rows");
  return { rows: read.data.value, next: read.data["@odata.nextLink"] ?? null };
}

/** One row. @throws Failure when it is none */
export function rowOf(body: unknown): Row {
  const read = ROW.safeParse(body);
  if (!read.success) throw notUnderstood("a row");
  return read.data;
}

/** Text of a column; null where it is empty or was not read. */
export function textOf(row: Row, column: string): string | null {
  const value = row[column];
  return typeof value === "string" ? value : absent(value, column);
}

export function numberOf(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === "number" ? value : absent(value, column);
}

export function flagOf(row: Row, column: string): boolean | null {
  const value = row[column];
  return typeof value === "boolean" ? value : absent(value, column);
}

export function instantOf(row: Row, column: string): Date | null {
  const text = textOf(row, column);
  if (text === null) return null;
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) throw notUnderstood(column);
  return instant;
}

/** A GUID in the form in which the product compares them: small letters. */
export function idOf(row: Row, column: string): string | null {
  return textOf(row, column)?.toLowerCase() ?? null;
}

/** A GUID that a row cannot be without. @throws Failure when it is missing */
export function keyOf(row: Row, column: string): string {
  const id = idOf(row, column);
  if (id === null) throw notUnderstood(column);
  return id;
}

/** The row that a lookup refers to. Its table is told by an annotation, or, where the lookup knows one table only, is `table`. */
export function lookupOf(row: Row, attribute: string, table?: string): RecordRef | null {
  const property = `_${attribute}_value`;
  const id = idOf(row, property);
  const type = textOf(row, `${property}@Microsoft.Dynamics.CRM.lookuplogicalname`) ?? table;
  if (id === null || type === undefined) return null;
  return { type, id, name: textOf(row, `${property}@OData.Community.Display.V1.FormattedValue`) ?? "" };
}

function absent(value: unknown, column: string): null {
  if (value === null || value === undefined) return null;
  throw notUnderstood(column);
}

/** The organization answered with something else than its own metadata says. */
export function notUnderstood(what: string): Failure {
  return new Failure({
    scope: "organization",
    code: "answer not understood",
    message: `The Dataverse Web API answered with something that is not ${what === "" ? "understood" : what}.`,
    remedy: "Look whether a proxy or another program answers at this address; if it is Dynamics, please report it.",
    waitingHelps: true,
  });
}
