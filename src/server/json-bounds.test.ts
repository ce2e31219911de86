import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { problemOfBounds } from "./json-bounds.ts";

const of = (text: string) => problemOfBounds(Buffer.from(text));

test("100 levels and 100,000 values pass, one more of each does not", () => {
  assert.equal(of("[".repeat(100) + "]".repeat(100)), null);
  assert.match(of("[".repeat(101) + "]".repeat(101)) ?? "", /more than 100 levels/);
  assert.equal(of(`[${"[],".repeat(100)}[]]`), null);
  assert.equal(of(`[${Array(99_999).fill("1").join(",")}]`), null);
  assert.match(of(`[${Array(100_001).fill("1").join(",")}]`) ?? "", /more than 100000 values/);
});

test("what stands within texts does not count, whatever is escaped in them", () => {
  const text = fc.string({ unit: fc.constantFrom('"', "\\", "[", "{", ",", "a", "\u0000", "é"), maxLength: 300 });
  fc.assert(fc.property(text, (one) => assert.equal(of(JSON.stringify([one.repeat(500), one])), null)));
  assert.match(of(`["\\\\",${"[".repeat(200)}`) ?? "", /levels/);
});
