import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inPages } from "./in-pages.ts";

async function all(ids: readonly string[], size: number, after: string | null): Promise<string[][]> {
  const pages: string[][] = [];
  for await (const page of inPages(ids, size, after)) pages.push([...page]);
  return pages;
}

const ids = fc.uniqueArray(fc.string({ maxLength: 12 }), { maxLength: 60 });

test("each id stands in exactly one page, and all pages but the last are full", async () => {
  await fc.assert(
    fc.asyncProperty(ids, fc.integer({ min: 1, max: 9 }), async (some, size) => {
      const pages = await all(some, size, null);
      assert.deepEqual(pages.flat().sort(), some.toSorted());
      for (const page of pages.slice(0, -1)) assert.equal(page.length, size);
    }),
  );
});

test("going on behind a page gives what was in none before, whatever came and went meanwhile, in whatever order it is listed", async () => {
  await fc.assert(
    fc.asyncProperty(ids, ids, fc.nat(5), fc.integer({ min: 1, max: 9 }), async (before, come, at, size) => {
      const pages = await all(before, size, null);
      const seen = pages.slice(0, at + 1).flat();
      const after = seen.at(-1) ?? null;
      const still = before.filter((_, index) => index % 3 !== 0);
      const listed = [...new Set([...still, ...come])].reverse();
      const rest = (await all(listed, size, after)).flat();
      for (const id of rest) assert.ok(!seen.includes(id));
      for (const id of still) assert.ok(seen.includes(id) || rest.includes(id), "none is left out");
    }),
  );
});
