import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { measuredForwards } from "./measured-receive.ts";
import type { ChildResult } from "./receive-child.ts";

/** Megabytes of a forward on the mail server. */
const FORWARD = 60;
/** Its bytes so many times: as they come, decoded twice, and what the garbage collector has not come to. */
const TIMES = 10;
/** What the garbage collector leaves lying of earlier ones may differ by so much. */
const UNCOLLECTED_MEGABYTES = 3 * FORWARD;

describe(`forwards of ${FORWARD} MB`, { skip: missingServers(["dovecot", "postgres"]) }, () => {
  let one: ChildResult;
  let three: ChildResult;

  before(async () => {
    ({ one, three } = await measuredForwards(FORWARD));
  });

  test("become emails in bounded memory", (context) => {
    context.diagnostic(summary(one));
    assert.equal(one.tracked, 1);
    assert.ok(one.peakMegabytes < one.startMegabytes + TIMES * FORWARD, summary(one));
  });

  test("are opened one at a time", (context) => {
    context.diagnostic(summary(three));
    assert.equal(three.tracked, 3);
    assert.ok(three.peakMegabytes < one.peakMegabytes + UNCOLLECTED_MEGABYTES, `three: ${summary(three)}; one: ${summary(one)}`);
  });
});

function summary({ peakMegabytes, startMegabytes, seconds, longestTask, longTasks }: ChildResult): string {
  return `peak ${peakMegabytes.toFixed(0)} MB (start ${startMegabytes.toFixed(0)} MB), ${seconds.toFixed(1)} s, longest task ${longestTask.toFixed(0)} ms, ${longTasks} longer than 20 ms`;
}
