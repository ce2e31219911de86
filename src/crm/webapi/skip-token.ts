import { z } from "zod";
import { ApiFault } from "./exchange.ts";
import { isGuid, readLiteral } from "./literal.ts";
import type { OrderTerm } from "./order-sql.ts";

/** Where a page ended: the values of its last row that the answer is in the order of. A row that comes or goes elsewhere moves nothing. */
export interface Position {
  /** Of the page to come, from 2. */
  readonly page: number;
  /** As text, in the order of the terms; null: missing. */
  readonly values: readonly (string | null)[];
  /** Rows that `$top` still lets through; null: no `$top`. */
  readonly left: number | null;
  /** Of change tracking: the token that the first page began with. */
  readonly token?: string;
}

const LONGEST = 16_384;
const COOKIE = /^<cookie pagenumber="\d{1,9}" pagingcookie="([A-Za-z0-9_-]*)" istracking="False" \/>$/;

const contents = z.strictObject({
  p: z.int().min(2).max(1_000_000_000),
  k: z.array(z.string().nullable()).max(20),
  l: z.int().min(0).max(1_000_000_000).nullable(),
  t: z.string().max(200).optional(),
});

/**
 * A position as the `$skiptoken` of a next link, in the form of Dynamics' (wire 7, Paging). It says only where to go on: whoever changes it gets another
 * page of what that caller may read anyway.
 */
export function writeSkipToken({ page, values, left, token }: Position): string {
  const inside = Buffer.from(JSON.stringify({ p: page, k: values, l: left, t: token })).toString("base64url");
  return `<cookie pagenumber="${page}" pagingcookie="${inside}" istracking="False" />`;
}

/** Reads a `$skiptoken`. Throws ApiFault 400 for what no next link holds. */
export function readSkipToken(text: string): Position {
  const inside = text.length > LONGEST ? undefined : COOKIE.exec(text)?.[1];
  const read = contents.safeParse(inside === undefined ? null : parsed(Buffer.from(inside, "base64url").toString()));
  if (!read.success) throw new ApiFault(400, "0x8004112a", "Invalid page number in paging cookie.");
  const { p: page, k: values, l: left, t: token } = read.data;
  return { page, values, left, ...(token !== undefined && { token }) };
}

/** Checks that a position is one in this order, each value of its term's type. Throws ApiFault 400. */
export function checkPosition({ values }: Position, terms: readonly OrderTerm[]): Position["values"] {
  if (values.length !== terms.length || !terms.every(({ type }, index) => isOfType(values[index] ?? null, type))) {
    throw new ApiFault(400, "0x80041129", "Order by columns do not match those in paging cookie.");
  }
  return values;
}

/** SQL of a term's value as text, in the form that a position holds. */
export function positionSql({ sql, type }: OrderTerm): string {
  return type === "timestamptz" ? `to_char(${sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` : `(${sql})::text`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isOfType(value: string | null, type: string): boolean {
  if (value === null) return true;
  if (type === "text") return !value.includes("\0");
  if (type === "uuid") return isGuid(value);
  const literal = readLiteral(value);
  if (type === "numeric" || type === "float8") return literal?.type === "number" && Number.isFinite(Number(literal.text));
  if (type === "boolean") return literal?.type === "boolean";
  return literal?.type === (type === "date" ? "date" : "instant");
}
