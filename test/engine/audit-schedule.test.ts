/** Audits that nobody asks for: each mailbox has its turn once in a while, and gives way like all work. */
import assert from "node:assert/strict";
import { NEVER, type Slice } from "../../src/engine/connections/slice.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Received, receiveMailbox } from "../../src/engine/receive/receive-mailbox.ts";
import { leaseKey, withLease } from "../../src/jobs/lease.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { until } from "../e2e/results.ts";
import { alertHistory, mailboxId, theAlert } from "./alerts.ts";
import { INBOX, type MemoryBox, openMemoryWorld, WORK } from "./memory-world.ts";
import { addressOf } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const MISSING = "auditing: messages missing";
const HOURS = 24;

/** Another mailbox waits, always. */
const WANTED: Slice = { length: 0, isWanted: async () => true };

/** One turn of a mailbox, as the service takes it. */
async function turn({ app, name }: MemoryBox, slice: Slice): Promise<Received> {
  const { context } = app;
  const id = await mailboxId(context.database, addressOf(name));
  let received: Received | null = null;
  await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
    received ??= await receiveMailbox(context, id, lease, new AbortController().signal, { slice, auditHours: HOURS });
  });
  assert.ok(received);
  const { failure } = received as Received;
  assert.equal(failure, null);
  return received;
}

onOneDatabaseEach("audits by themselves", [], (promise) => {
  promise("one is due a day after the last, a gap is one alert, and the repair closes it", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind);
    const box = world.nextBox();
    box.arrive("one");
    box.arrive("two");
    assert.equal((await turn(box, NEVER)).report, null, "none is due on the first day");
    const history = async () => alertHistory(database, await mailboxId(database, addressOf(box.name)));
    await database.query("delete from crm.email where subject = $1", [box.own("one")]);
    world.clock.forward((HOURS - 1) * 3600);
    assert.equal((await turn(box, NEVER)).report, null);
    world.clock.forward(3600);
    assert.equal((await turn(box, NEVER)).report?.missing, 1);
    assert.equal((await turn(box, NEVER)).report, null, "it had its turn");
    assert.deepEqual(await history(), [`${MISSING} open`]);
    world.clock.forward(HOURS * 3600);
    assert.equal((await turn(box, NEVER)).report?.missing, 1);
    assert.equal((await theAlert(box.app, MISSING)).times, 2);
    assert.deepEqual(await box.emails(), ["two"], "nothing is delivered by itself");
    const signal = new AbortController().signal;
    await box.app.operations.audit([addressOf(box.name)], true, signal, () => {});
    assert.deepEqual([await box.emails(), await history()], [["one", "two"], [`${MISSING} closed`]]);
    await box.assertComplete();
  });

  promise("it gives way after each page, goes on where it was, and counts each message once", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const box = world.nextBox();
    for (let number = 0; number < 1001; number++) box.arrive(`letter${number}`, [INBOX]);
    for (let number = 0; number < 3; number++) box.arrive(`work${number}`, [WORK]);
    await box.round();
    await database.query("delete from waypost.decision where subject = $1", [box.own("work1")]);
    world.clock.forward(HOURS * 3600);
    const told: (string | number | undefined)[][] = [];
    for (let end = "unfinished"; end === "unfinished"; ) {
      const received = await turn(box, WANTED);
      end = received.end;
      told.push([end, received.report?.there, received.report?.skipped]);
      assert.ok(told.length < 10, JSON.stringify(told));
    }
    assert.deepEqual(told, [
      ["unfinished", 3, 2],
      ["unfinished", 503, 502],
      ["unfinished", 1003, 1002],
      ["unfinished", 1004, 1003],
      ["done", 1004, 1003],
    ]);
    assert.equal((await turn(box, NEVER)).report, null);
    assert.match((await theAlert(box.app, MISSING)).message, /of 1004 messages .*, 1 is missing in the CRM: 1 passed by/);
  });

  promise("the service does it, and goes on reading", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind);
    const box = world.nextBox();
    box.arrive("one");
    await box.round();
    await database.query("delete from crm.email where subject = $1", [box.own("one")]);
    world.clock.forward(HOURS * 3600);
    const { app } = box;
    const { organizations } = app;
    const engine = await startEngine(app.context, app.queue, {
      ...{ roles: new Set(["worker"] as const), organizations, pullSeconds: 3600, concurrency: 2, auditHours: HOURS },
    });
    try {
      const id = await mailboxId(database, addressOf(box.name));
      await until(async () => (await alertHistory(database, id)).length > 0);
      box.arrive("two");
      await app.context.wake("receive", id);
      await until(async () => (await box.emails()).includes("two"));
    } finally {
      await engine.stop(10);
    }
    assert.deepEqual(await box.emails(), ["two"]);
  });
});
