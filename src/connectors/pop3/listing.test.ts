import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readCursor, Seen, writeCursor } from "./cursor.ts";
import { entriesOf, linesOf } from "./listing.ts";

const listed = (uidl: readonly string[], sizes: readonly (number | string)[]) => {
  const lines = (values: readonly (number | string)[]) =>
    linesOf(Buffer.from(values.map((value, index) => `${index + 1} ${value}\r\n`).join("")));
  const [ids, list] = [lines(uidl), lines(sizes)];
  return ids && list && entriesOf(ids, list);
};

test("messages have the server's ids with their sizes; equal ones are numbered", () => {
  assert.deepEqual(
    listed(["a", "b", "a", "a"], [10, 20, 10, "11 extra"])?.map(({ id }) => id),
    ["a 10", "b 20", "a 10 2", "a 11"],
  );
  assert.deepEqual(
    listed(["a", "b", "a", "a"], [10, 20, 10, 11])?.map(({ shared }) => shared),
    [true, false, true, false],
    "each of those that share an id says so",
  );
});

test("ids that cannot be stored are told apart all the same", () => {
  const ids = listed(["x".repeat(300), `${"x".repeat(300)}y`, "\u00e9\u0001"], [1, 1, 1])?.map(({ id }) => id) ?? [];
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.match(id, /^[ -~]{1,60}$/);
});

test("a listing that is damaged is none: what it leaves out would count as deleted", () => {
  assert.equal(linesOf(Buffer.from("1 a\r\n1 b\r\n")), null);
  assert.equal(linesOf(Buffer.from("1 a\r\nnonsense\r\n")), null);
  assert.equal(linesOf(Buffer.from("0 a\r\n")), null);
  assert.equal(listed(["a", "b"], [1]), null);
  assert.equal(listed(["a"], ["much"]), null);
});

test("ids are different, whatever the server lists", () => {
  const uidl = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "/", "1") });
  fc.assert(
    fc.property(fc.array(fc.tuple(uidl, fc.nat(3)), { maxLength: 30 }), (messages) => {
      const entries = listed(
        messages.map(([id]) => id),
        messages.map(([, size]) => size),
      );
      assert.equal(new Set(entries?.map(({ id }) => id)).size, messages.length);
    }),
    {
      examples: [
        [
          [
            ["a", 1],
            ["a", 1],
            ["a/1", 2],
            ["a/1/2", 3],
          ],
        ],
      ],
    },
  );
});

test("a cursor holds exactly the ids that were put into it, and survives being written", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { maxLength: 60 }),
      fc.array(fc.string()),
      fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") })),
      (ids, others, since) => {
        const none = Seen.none();
        const position = { since, seen: none.with(ids.map((id) => none.digest(id))) };
        const read = readCursor(writeCursor(position));
        assert.ok(read);
        assert.deepEqual([read.since, read.seen.size], [since, ids.length]);
        for (const id of [...ids, ...others]) assert.equal(read.seen.has(read.seen.digest(id)), ids.includes(id));
      },
    ),
  );
});

test("a cursor of a hundred thousand messages is about a megabyte, and read and written quickly", () => {
  const none = Seen.none();
  const cursor = writeCursor({
    since: null,
    seen: none.with(Array.from({ length: 100_000 }, (_, index) => none.digest(`uid-${index}/1000`))),
  });
  assert.ok(cursor.length < 1_100_000, String(cursor.length));
  assert.equal(readCursor(cursor)?.seen.size, 100_000);
});

test("what is no cursor of this version is lost", () => {
  for (const cursor of ["", "{}", '{"v":1,"since":null,"seen":"AAA"}', '{"v":2,"since":null,"seen":"AAAAAAAAAAA="}', "[1]"])
    assert.equal(readCursor(cursor), null, cursor);
});
