import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NumberLists, numberOf } from "./number-lists.ts";

test("lists of numbers give back what was added to each, the last first, and forget what is taken", () => {
  const step = fc.record({ key: fc.nat(3), value: fc.nat(2 ** 31), isTaken: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(5), (steps, most) => {
      const lists = new NumberLists();
      const expected = new Map<number, number[]>();
      for (const { key, value, isTaken } of steps) {
        const own = expected.get(key) ?? [];
        if (isTaken) assert.deepEqual(lists.take(key), own);
        else lists.add(key, value);
        expected.set(key, isTaken ? [] : [value, ...own]);
      }
      const isEven = (value: number) => value % 2 === 0;
      for (const [key, own] of expected) assert.deepEqual(lists.newest(key, most, isEven), own.filter(isEven).slice(0, most));
    }),
  );
});

test("lists of numbers grow past what is set aside for them", () => {
  const lists = new NumberLists();
  for (let value = 0; value < 5_000; value++) lists.add(value % 2, value);
  assert.deepEqual(
    lists.take(1),
    Array.from({ length: 2_500 }, (_, index) => 4_999 - 2 * index),
  );
});

test("of a list that a stranger made long only the newest thousand are looked at", () => {
  const lists = new NumberLists();
  for (let value = 0; value < 1_500; value++) lists.add(7, value);
  assert.deepEqual(
    lists.newest(7, 1, (value) => value < 500),
    [],
  );
  assert.deepEqual(
    lists.newest(7, 1, (value) => value <= 500),
    [500],
  );
});

test("texts have numbers that a double holds exactly", () => {
  const numbers = ["", "a", "b", "a\nb"].map(numberOf);
  assert.equal(new Set(numbers).size, numbers.length);
  for (const one of numbers) assert.ok(Number.isSafeInteger(one));
});
