import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCursor, writeCursor } from "./cursor.ts";
import { NO_LIKENESS, Seen } from "./seen.ts";

const named = (id: string) => ({ id });

/** As it comes out of the store. */
function stored(seen: Seen, since: Date | null = null): Seen {
  const read = readCursor(writeCursor({ since, seen }));
  assert.ok(read);
  assert.deepEqual(read.since, since);
  return read.seen;
}

const likeness = fc.integer({ min: 0, max: 2 ** 32 - 2 });

test("a cursor holds exactly the ids that were put into it and did not leave, with their likenesses, and survives being written", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ left: fc.array(fc.nat(30)), put: fc.array(fc.tuple(fc.nat(30), likeness)) }), { maxLength: 6 }),
      fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") })),
      async (steps, since) => {
        let seen = Seen.none();
        const model = new Map<string, number>();
        for (const { left, put } of steps) {
          const gone = left.map(String).filter((id) => model.has(id));
          seen = await seen.changed(
            gone.map((id) => seen.digest(id)),
            put.map(([id, value]) => [seen.digest(String(id)), value]),
          );
          for (const id of gone) model.delete(id);
          for (const [id, value] of put) model.set(String(id), value);
          seen = stored(seen, since);
          assert.equal(seen.size, model.size);
          for (let id = 0; id <= 30; id++) assert.equal(seen.likeness(seen.digest(String(id))), model.get(String(id)) ?? null);
        }
      },
    ),
  );
});

test("what a mailbox holds is compared with what was handed out of it, however much of it changed since it was written whole", async () => {
  const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `uid-${from + index}`);
  const put = (seen: Seen, some: readonly string[]) => some.map((id) => [seen.digest(id), Number(id.slice(4)) + 1] as const);
  let seen = Seen.none();
  for (let from = 0; from < 12_000; from += 500) seen = stored(await seen.changed([], put(seen, ids(from, from + 500))));
  assert.equal(seen.size, 12_000);
  for (let id = 0; id < 12_000; id++) assert.equal(seen.likeness(seen.digest(`uid-${id}`)), id + 1);

  const first = await seen.compare(ids(5000, 12_100).map(named));
  assert.deepEqual([first.known.length, first.left.length], [7000, 5000]);
  assert.deepEqual(first.fresh, ids(12_000, 12_100).map(named));
  seen = stored(await seen.changed(first.left, put(seen, ids(12_000, 12_100))));
  assert.equal(seen.size, 7100);

  const second = await seen.compare(ids(4990, 12_099).map(named));
  assert.deepEqual(second.fresh, ids(4990, 5000).map(named), "what left and comes back is new");
  assert.deepEqual(second.left, [seen.digest("uid-12099")]);
});

test("with each page only what changed is written anew: what is large stays the same for thousands of messages", async () => {
  let seen = Seen.none();
  const first = (cursor: string) => cursor.slice(0, cursor.indexOf("\n"));
  const bases = new Set<string>();
  let changes = 0;
  for (let page = 0; page < 100; page++) {
    seen = await seen.changed(
      [],
      Array.from({ length: 500 }, (_, index) => [seen.digest(`uid-${page}-${index}`), index]),
    );
    const cursor = writeCursor({ since: null, seen });
    bases.add(first(cursor));
    changes = Math.max(changes, cursor.length - first(cursor).length);
  }
  assert.ok(bases.size <= 13, `${bases.size} times the whole`);
  assert.ok(changes < 70_000, `${changes} characters of changes`);
  assert.equal(stored(seen).size, 50_000);
});

test("others have their turn while a hundred thousand ids are compared and written", async () => {
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const items = Array.from({ length: 100_000 }, (_, index) => named(`uid-${index}`));
  const none = Seen.none();
  const seen = await none.changed(
    [],
    items.map(({ id }) => [none.digest(id), NO_LIKENESS] as const),
  );
  turns = 0;
  assert.equal((await seen.compare(items)).known.length, items.length);
  assert.ok(turns >= 50, `compared in ${turns} turns`);
  turns = 0;
  const { left } = await seen.compare([]);
  assert.equal((await seen.changed(left, [])).size, 0);
  done = true;
  assert.ok(turns >= 100, `emptied in ${turns} turns`);
});

test("what is no cursor of this version is lost", async () => {
  const whole = writeCursor({ since: null, seen: await Seen.none().changed([], [[1n, 2]]) });
  assert.equal(readCursor(whole)?.seen.size, 1);
  const damaged = [
    "",
    "{}",
    "[1]",
    '{"v":1,"since":null,"seen":"AAAAAAAAAAA="}',
    whole.trim(),
    `AAAA${whole}`,
    whole.replace('"v":2', '"v":3'),
  ];
  for (const cursor of damaged) assert.equal(readCursor(cursor), null, cursor);
});
