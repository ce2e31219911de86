import assert from "node:assert/strict";
import { test } from "node:test";
import { anyId, anyOf, groupsOf, literal, MOST_CONDITIONS } from "./any-of.ts";

test("a literal cannot be left: quotes in it are doubled", () => {
  assert.equal(literal("O'Neil' or true or 'x"), "'O''Neil'' or true or ''x'");
});

test("many values become several filters, each of them once, and the conditions of one value stay together", () => {
  const values = Array.from({ length: 1_000 }, (_, n) => `v${n}`);
  const groups = groupsOf(values, (value) => [`a eq '${value}'`, `b eq '${value}'`]);
  assert.ok(groups.every((group) => group.length <= MOST_CONDITIONS && group.length % 2 === 0));
  assert.equal(new Set(groups.flat()).size, 2_000);
  assert.deepEqual(
    anyOf(["x"], (value) => [`a eq ${value}`, `b eq ${value}`]),
    ["a eq x or b eq x"],
  );
  assert.deepEqual(anyId("id", []), []);
});

test("long values do not make a long address", () => {
  const filters = anyOf(
    Array.from({ length: 80 }, (_, n) => `${n}${"ü".repeat(300)}`),
    (value) => [`a eq ${literal(value)}`],
  );
  assert.ok(filters.every((filter) => encodeURIComponent(filter).length < 13_000));
});
