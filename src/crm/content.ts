import { hash } from "node:crypto";
import { Failure } from "../model/failure.ts";
import type { Sql } from "../model/sql.ts";

/** Bytes that one statement carries to the database: more would only need memory on both sides at once. */
const STATEMENT_BYTES = 16 * 1024 * 1024;
/** Rows of one statement; two parameters each, and the protocol counts parameters in 16 bits. */
const STATEMENT_ROWS = 10_000;

/** The key of a body in the content store: SHA-256 in lower-case hex. */
export function contentHash(body: Buffer): string {
  return hash("sha256", body);
}

/**
 * Those of these bodies, by their hashes, that are not stored. One statement. To the end of the transaction nobody deletes those that are, see
 * purgeLeftContent.
 */
export async function missingContent(sql: Sql, bodies: ReadonlyMap<string, Buffer>): Promise<ReadonlyMap<string, Buffer>> {
  if (bodies.size === 0) return bodies;
  const { rows } = await sql.query<{ hash: string }>(
    "select hash from crm.content where hash = any($1::text[]) and body is not null for key share",
    [[...bodies.keys()]],
  );
  const stored = new Set(rows.map((row) => row.hash));
  return new Map([...bodies].filter(([hash]) => !stored.has(hash)));
}

/**
 * Stores bodies by their hashes; one that is there already stays, and one that was purged is there again. One statement as long as there are not more than STATEMENT_BYTES; all are
 * asked for at once, so that what refers to them can be asked for right behind. In order of the hashes, so that two writers of the same bodies wait
 * for each other instead of deadlocking.
 */
export async function insertContent(sql: Sql, bodies: ReadonlyMap<string, Buffer>): Promise<void> {
  const inOrder = [...bodies].sort(([one], [other]) => (one < other ? -1 : 1));
  await Promise.all([...batches(inOrder)].map((batch) => insertBatch(sql, batch)));
}

async function insertBatch(sql: Sql, batch: readonly (readonly [string, Buffer])[]): Promise<void> {
  const places = batch.map((_, index) => `($${2 * index + 1}::text, $${2 * index + 2}::bytea)`).join(", ");
  await sql.query(
    `insert into crm.content (hash, size, body) select hash, length(body), body from (values ${places}) one (hash, body)
     on conflict (hash) do update set body = excluded.body where content.body is null`,
    batch.flat(),
  );
}

/** Stores those of these bodies that are not there yet. */
export async function putContent(sql: Sql, bodies: ReadonlyMap<string, Buffer>): Promise<void> {
  await insertContent(sql, await missingContent(sql, bodies));
}

/** The body with that hash. Throws Failure when there is none, or when its bytes are no longer those that were stored. */
export async function getContent(sql: Sql, hash: string): Promise<Buffer> {
  const { rows } = await sql.query<{ body: Buffer | null }>("select body from crm.content where hash = $1", [hash]);
  const body = rows[0]?.body;
  if (!body) throw damaged("content missing", `The content ${hash} is not in the database.`);
  return verified(hash, body);
}

/** The same bytes, or a Failure: nobody shall receive or read something else than what was stored. */
export function verified(hash: string, body: Buffer): Buffer {
  if (contentHash(body) !== hash) throw damaged("content damaged", `The content ${hash} is no longer what was stored.`);
  return body;
}

function damaged(code: string, message: string): Failure {
  return new Failure({ scope: "item", code, message, remedy: "Restore it from a backup of the database.", waitingHelps: false });
}

function* batches(bodies: readonly [string, Buffer][]): Generator<[string, Buffer][]> {
  let batch: [string, Buffer][] = [];
  let bytes = 0;
  for (const one of bodies) {
    const full = batch.length === STATEMENT_ROWS || bytes + one[1].length > STATEMENT_BYTES;
    if (full && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += one[1].length;
  }
  if (batch.length > 0) yield batch;
}
