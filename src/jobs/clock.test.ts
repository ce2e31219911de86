import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startClock } from "./clock.ts";

test("a clock runs at once and again, never two runs at a time, and not after it was stopped", async () => {
  let running = 0;
  let runs = 0;
  const enough = Promise.withResolvers<void>();
  const clock = startClock({ everyMs: 2, report: (error) => assert.fail(String(error)) }, async () => {
    running += 1;
    assert.equal(running, 1);
    await sleep(3);
    running -= 1;
    runs += 1;
    if (runs === 4) enough.resolve();
  });
  await enough.promise;
  await clock.stop();
  const after = runs;
  assert.equal(running, 0);
  await sleep(10);
  assert.equal(runs, after);
});

test("an error of a run is reported and the clock goes on", async () => {
  const reported: unknown[] = [];
  const again = Promise.withResolvers<void>();
  let runs = 0;
  const clock = startClock({ everyMs: 1, report: (error) => reported.push(error) }, async () => {
    runs += 1;
    if (runs === 1) throw new Error("first");
    again.resolve();
  });
  await again.promise;
  await clock.stop();
  assert.deepEqual(reported.map(String), ["Error: first"]);
});

test("a tick ends the wait, and one during a run is not lost", async () => {
  const second = Promise.withResolvers<void>();
  let runs = 0;
  const clock = startClock({ everyMs: 3_600_000, report: (error) => assert.fail(String(error)) }, async () => {
    runs += 1;
    await sleep(5);
    if (runs === 2) second.resolve();
  });
  clock.tick();
  await second.promise;
  await clock.stop();
  assert.equal(runs, 2);
});

test("stopping aborts the signal of the run", async () => {
  const clock = startClock({ everyMs: 1, report: (error) => assert.fail(String(error)) }, async (signal) => {
    await sleep(3_600_000, undefined, { signal });
  });
  await clock.stop();
});
