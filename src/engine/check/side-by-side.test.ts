import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { sideBySide } from "./side-by-side.ts";

interface Item {
  readonly group: string;
  readonly ticks: number;
  readonly index: number;
}

const never = new AbortController().signal;

test("all are done once, told in their order, and no more run at a time than there is room for", async () => {
  const one = fc.record({ group: fc.constantFrom<string>("a", "b", "c"), room: fc.integer({ min: 0, max: 3 }), ticks: fc.nat(4) });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), async (all, atATime) => {
      const rooms = new Map(all.map(({ group, room }) => [group, room]));
      const running: string[] = [];
      const width = {
        atATime,
        groupOf: ({ group }: Item) => group,
        ofGroup: ({ group }: Item) => rooms.get(group) ?? 0,
      };
      const numbered = all.map((item, index) => ({ ...item, index }));
      const done = await sideBySide(numbered, width, never, async ({ group, ticks, index }) => {
        running.push(group);
        assert.ok(running.length <= atATime);
        assert.ok(running.filter((other) => other === group).length <= Math.max(1, rooms.get(group) ?? 0));
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        running.splice(running.indexOf(group), 1);
        return index;
      });
      assert.deepEqual(done, [...all.keys()]);
    }),
    { numRuns: 60 },
  );
});

test("one that must wait for its group lets others go first", async () => {
  const begun: string[] = [];
  const width = { atATime: 2, groupOf: (one: string) => one.charAt(0), ofGroup: () => 1 };
  await sideBySide(["a1", "a2", "b1"], width, never, async (one) => {
    begun.push(one);
    await sleep(1);
  });
  assert.deepEqual(begun, ["a1", "b1", "a2"]);
});

test("after an interruption nothing more begins, and an error is told when what was begun has ended", async () => {
  const stop = new AbortController();
  const width = { atATime: 1, groupOf: () => "", ofGroup: () => 1 };
  const done = await sideBySide([1, 2, 3], width, stop.signal, async (one) => {
    if (one === 2) stop.abort();
    return one;
  });
  assert.deepEqual(done, [1, 2]);
  let ended = false;
  const wide = { ...width, atATime: 2, ofGroup: () => 2 };
  const failing = sideBySide(["bad", "slow", "later"], wide, never, async (one) => {
    if (one === "bad") throw new Error("bad");
    await sleep(5);
    assert.equal(one, "slow");
    ended = true;
  });
  await assert.rejects(failing, /bad/);
  assert.equal(ended, true);
});
