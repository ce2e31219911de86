import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Turns } from "./turns.ts";

describe("callers that wait", () => {
  test("take turns: whoever asked for much does not keep the others waiting", () => {
    const turns = new Turns<string>();
    for (let count = 1; count <= 100; count++) turns.add("greedy", `greedy ${count}`);
    turns.add("modest", "modest 1");
    turns.add("modest", "modest 2");
    assert.deepEqual([turns.next(), turns.next(), turns.next(), turns.next()], ["greedy 1", "modest 1", "greedy 2", "modest 2"]);
  });

  test("come one by one in their own order, each once, and nobody waits longer than one round of the others", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 100 }), (callers) => {
        const turns = new Turns<{ caller: number; order: number }>();
        for (const [order, caller] of callers.entries()) turns.add(String(caller), { caller, order });
        assert.equal(turns.size, callers.length);
        const came: { caller: number; order: number }[] = [];
        for (let one = turns.next(); one !== undefined; one = turns.next()) came.push(one);
        assert.equal(came.length, callers.length);
        assert.equal(turns.size, 0);
        for (const caller of new Set(callers)) {
          const places = came.flatMap((one, place) => (one.caller === caller ? [{ place, order: one.order }] : []));
          for (const [index, { place, order }] of places.entries()) {
            const before = places[index - 1] ?? { place: -1, order: -1 };
            assert.ok(order > before.order);
            assert.ok(place - before.place <= new Set(callers).size);
          }
        }
      }),
    );
  });

  test("that gave up are not called", () => {
    const turns = new Turns<string>();
    turns.add("a", "one");
    turns.add("b", "two");
    turns.remove("a", "one");
    turns.remove("a", "one");
    turns.remove("c", "two");
    assert.equal(turns.size, 1);
    assert.equal(turns.next(), "two");
    assert.equal(turns.next(), undefined);
  });
});
