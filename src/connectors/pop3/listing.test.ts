import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { entriesOf, linesOf } from "./listing.ts";

const answer = (values: readonly (number | string)[]) => Buffer.from(values.map((value, index) => `${index + 1} ${value}\r\n`).join(""));

const listed = async (uidl: readonly string[], sizes: readonly (number | string)[]) => {
  const [ids, list] = [await linesOf(answer(uidl)), await linesOf(answer(sizes))];
  const entries = ids && list && (await entriesOf(ids, list));
  return entries && [...entries.values()];
};

test("messages have the server's ids with their sizes; equal ones are numbered", async () => {
  assert.deepEqual(
    (await listed(["a", "b", "a", "a"], [10, 20, 10, "11 extra"]))?.map(({ id }) => id),
    ["a 10", "b 20", "a 10 2", "a 11"],
  );
  assert.deepEqual(
    (await listed(["a", "b", "a", "a"], [10, 20, 10, 11]))?.map(({ shared }) => shared),
    [true, false, true, false],
    "each of those that share an id says so",
  );
});

test("ids that cannot be stored are told apart all the same", async () => {
  const entries = await listed(["x".repeat(300), `${"x".repeat(300)}y`, "\u00e9\u0001"], [1, 1, 1]);
  const ids = entries?.map(({ id }) => id) ?? [];
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.match(id, /^[ -~]{1,60}$/);
});

test("a listing that is damaged is none: what it leaves out would count as deleted", async () => {
  assert.equal(await linesOf(Buffer.from("1 a\r\n1 b\r\n")), null);
  assert.equal(await linesOf(Buffer.from("1 a\r\nnonsense\r\n")), null);
  assert.equal(await linesOf(Buffer.from("0 a\r\n")), null);
  assert.equal(await listed(["a", "b"], [1]), null);
  assert.equal(await listed(["a"], ["much"]), null);
});

test("the two lists fit together in whatever order each comes, and not where they name other messages", async () => {
  const [ids, sizes, others] = await Promise.all(
    ["3 c\r\n1 a\r\n2 b\r\n", "1 10\r\n3 30\r\n2 20\r\n", "1 10\r\n3 30\r\n4 40\r\n"].map((text) => linesOf(Buffer.from(text))),
  );
  assert.ok(ids && sizes && others);
  assert.deepEqual(
    [...((await entriesOf(ids, sizes))?.values() ?? [])].map(({ number, id }) => [number, id]),
    [
      [3, "c 30"],
      [1, "a 10"],
      [2, "b 20"],
    ],
  );
  assert.equal(await entriesOf(ids, others), null);
});

test("ids are different, whatever the server lists", async () => {
  const uidl = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "/", "1") });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(uidl, fc.nat(3)), { maxLength: 30 }), async (messages) => {
      const entries = await listed(
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

test("others have their turn while a listing of a hundred thousand messages is read", async () => {
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  const many = Array.from({ length: 100_000 }, (_, index) => index);
  const [uidl, list] = [answer(many.map((index) => `uid-${index}`)), answer(many)];
  setImmediate(count);
  const ids = await linesOf(uidl);
  assert.ok(turns >= 50, `read in ${turns} turns`);
  const sizes = await linesOf(list);
  turns = 0;
  assert.equal((ids && sizes && (await entriesOf(ids, sizes)))?.size, many.length);
  done = true;
  assert.ok(turns >= 50, `joined in ${turns} turns`);
});
