import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { type MeasuredReceive, measuredReceive } from "./measured-receive.ts";
import type { ChildResult } from "./receive-child.ts";

const MESSAGES = 100_000;
/** Customers' letters among them. */
const TRACKED = 5_000;

/** Resident memory of a process that reads the folder into PostgreSQL, from its start to its end. */
const POSTGRES_MEGABYTES = 300;
/** What reading the folder may take beyond PGlite, the floor being a process that only writes and reads as many bytes in as many rows. */
const ABOVE_FLOOR_MEGABYTES = 150;

describe(`bounded memory: a folder of ${MESSAGES} messages`, { skip: missingServers(["dovecot", "postgres"]) }, () => {
  let folder: MeasuredReceive;
  let floor: ChildResult;

  before(async () => {
    folder = await measuredReceive(MESSAGES);
  });
  after(() => folder[Symbol.asyncDispose]());

  test(`is read in under ${POSTGRES_MEGABYTES} MB on PostgreSQL, ${TRACKED} of them tracked`, async (context) => {
    const result = await folder.run("postgres", "tracked");
    context.diagnostic(summary(result));
    assertAllRead(result);
    assert.ok(Math.max(result.startMegabytes, result.peakMegabytes) < POSTGRES_MEGABYTES, summary(result));
  });

  test("leaves PGlite a floor to measure from", async (context) => {
    floor = await folder.run("pglite", "floor");
    context.diagnostic(summary(floor));
    assert.equal(floor.received, MESSAGES);
  });

  test(`is read in at most ${ABOVE_FLOOR_MEGABYTES} MB above PGlite's own floor, ${TRACKED} of them tracked`, async (context) => {
    const result = await folder.run("pglite", "tracked");
    context.diagnostic(summary(result));
    assertAllRead(result);
    assert.ok(result.peakMegabytes <= floor.peakMegabytes + ABOVE_FLOOR_MEGABYTES, `${summary(result)}; the floor: ${summary(floor)}`);
  });
});

function assertAllRead({ received, tracked }: ChildResult): void {
  assert.deepEqual({ received, tracked }, { received: MESSAGES, tracked: TRACKED });
}

function summary({ startMegabytes, peakMegabytes, megabytes, seconds, longestTask }: ChildResult): string {
  const course = megabytes.map((one) => one.toFixed(0)).join(", ");
  return `peak ${peakMegabytes.toFixed(0)} MB (start ${startMegabytes.toFixed(0)} MB; course ${course} MB), ${seconds.toFixed(0)} s, longest task ${longestTask.toFixed(0)} ms`;
}
