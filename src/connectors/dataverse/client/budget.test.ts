import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Budget } from "./budget.ts";
import { ONLINE } from "./limits.ts";

const small = { window: 300_000, requests: 20, execution: 60_000 };

describe("the budget of an organization", () => {
  test("never lets the organization count more requests in any window than are allowed, whenever it counts each of them", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            pause: fc.integer({ min: 0, max: 40_000 }),
            took: fc.integer({ min: 0, max: 2_000 }),
            counted: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
          { maxLength: 200 },
        ),
        (all) => {
          const budget = new Budget(small);
          const starts: number[] = [];
          let now = 1_000_000;
          for (const { pause, took, counted } of all) {
            now += pause;
            const wait = budget.wait(now);
            now += wait;
            assert.equal(budget.wait(now), 0, "who waited as long as told may start");
            budget.started();
            starts.push(now + Math.floor(took * counted));
            now += took;
            budget.ended(now, took);
          }
          for (const [index, start] of starts.entries()) {
            const before = starts[index - small.requests];
            if (before !== undefined) assert.ok(start - before >= small.window, `${small.requests + 1} requests in ${start - before} ms`);
          }
        },
      ),
    );
  });

  test("lets nothing start while the execution time of the window is used up, and lets it again afterwards", () => {
    const budget = new Budget(small);
    budget.started();
    budget.ended(10_000, 60_000);
    assert.equal(budget.wait(10_000), 301_000);
    assert.equal(budget.wait(311_000), 0);
  });

  test("counts what is under way with the time that requests usually take", () => {
    const budget = new Budget(small);
    budget.started();
    budget.ended(0, 20_000);
    budget.started();
    assert.equal(budget.wait(0), 0);
    budget.started();
    assert.ok(budget.wait(0) > 0);
    budget.ended(0, 100);
    budget.ended(0, 100);
    assert.equal(budget.wait(0), 0);
  });

  test("believes the organization when it says that less is left, because others work in the same account", () => {
    const budget = new Budget(small);
    budget.told(0, { requests: 1, execution: null });
    assert.equal(budget.wait(0), 0);
    budget.started();
    assert.equal(budget.wait(0), 301_000);
  });

  test("does not believe that more is left than it counts itself: it is the word of one server", () => {
    const budget = new Budget(small);
    for (let count = 0; count < small.requests; count++) budget.started();
    budget.told(0, { requests: 5000, execution: 1_000_000 });
    assert.ok(budget.wait(0) > 0);
  });

  test("uses what is allowed online: 6,000 requests at once, and the next when the first of them left the window", () => {
    assert.ok(ONLINE.budget !== null);
    const budget = new Budget(ONLINE.budget);
    for (let count = 0; count < 6000; count++) {
      assert.equal(budget.wait(0), 0);
      budget.started();
      budget.ended(0, 1);
    }
    assert.equal(budget.wait(0), 301_000);
  });
});
