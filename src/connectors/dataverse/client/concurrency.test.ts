import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Concurrency } from "./concurrency.ts";

describe("requests at the same time", () => {
  test("stay between one and the most that is allowed, whatever happens", () => {
    const event = fc.record({ well: fc.boolean(), running: fc.integer({ min: 1, max: 60 }), startedAt: fc.integer(), now: fc.integer() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 52 }), fc.array(event), (most, events) => {
        const concurrency = new Concurrency(most);
        for (const { well, running, startedAt, now } of events) {
          if (well) concurrency.wentWell(running);
          else concurrency.wasTooMuch(startedAt, now);
          assert.ok(concurrency.allowed >= 1 && concurrency.allowed <= most);
        }
      }),
    );
  });

  test("grow by one in a round in which all places were taken, up to the most", () => {
    const concurrency = new Concurrency(52);
    let rounds = 0;
    for (; concurrency.allowed < 52; rounds++) {
      const { allowed } = concurrency;
      for (let one = 0; one <= allowed; one++) concurrency.wentWell(allowed + 1);
      assert.ok(concurrency.allowed <= allowed + 1);
    }
    assert.equal(rounds, 48);
  });

  test("do not grow while places are empty", () => {
    const concurrency = new Concurrency(52);
    for (let count = 0; count < 1000; count++) concurrency.wentWell(1);
    assert.equal(concurrency.allowed, 4);
  });

  test("are halved once for all that was sent before the server said that it was too much", () => {
    const concurrency = new Concurrency(52);
    for (let count = 0; count < 2000; count++) concurrency.wentWell(60);
    assert.equal(concurrency.allowed, 52);
    for (let startedAt = 0; startedAt < 50; startedAt++) concurrency.wasTooMuch(startedAt, 100 + startedAt);
    assert.equal(concurrency.allowed, 26);
    concurrency.wasTooMuch(151, 200);
    assert.equal(concurrency.allowed, 13);
  });
});
