import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sql } from "../model/sql.ts";
import { contentHash, putContent } from "./content.ts";

/** Takes statements down; answers the look-up with the hashes that are stored. */
function recording(stored: readonly string[]): { sql: Sql; inserts: (readonly unknown[])[] } {
  const inserts: (readonly unknown[])[] = [];
  const sql: Sql = {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      if (text.startsWith("insert")) inserts.push(values);
      return { rows: (text.startsWith("select") ? stored.map((hash) => ({ hash })) : []) as Row[], rowCount: 0, command: "" };
    },
  };
  return { sql, inserts };
}

test("bodies that are stored already are not sent again", async () => {
  const [old, fresh] = [Buffer.from("old"), Buffer.from("fresh")];
  const { sql, inserts } = recording([contentHash(old)]);
  await putContent(sql, new Map([old, fresh].map((body) => [contentHash(body), body])));
  assert.deepEqual(inserts, [[contentHash(fresh), fresh]]);
});

test("no bodies take no statement", async () => {
  const { sql, inserts } = recording([]);
  await putContent(sql, new Map());
  assert.deepEqual(inserts, []);
});

test("many small bodies go in one statement, large ones in several, always in order of their hashes", async () => {
  const small = Array.from({ length: 2_000 }, (_, n) => Buffer.from(String(n)));
  const large = Array.from({ length: 4 }, (_, n) => Buffer.alloc(9 * 1024 * 1024, n));
  for (const [bodies, statements] of [
    [small, 1],
    [large, 4],
  ] as const) {
    const { sql, inserts } = recording([]);
    await putContent(sql, new Map(bodies.map((body) => [contentHash(body), body])));
    const hashes = inserts.flat().filter((value) => typeof value === "string");
    assert.equal(inserts.length, statements);
    assert.equal(hashes.length, bodies.length);
    assert.deepEqual(hashes, hashes.toSorted());
  }
});

test("one body larger than a statement shall be goes alone", async () => {
  const body = Buffer.alloc(20 * 1024 * 1024);
  const { sql, inserts } = recording([]);
  await putContent(sql, new Map([[contentHash(body), body]]));
  assert.deepEqual(
    inserts.map((values) => values[0]),
    [contentHash(body)],
  );
});
