import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
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
