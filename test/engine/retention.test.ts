/** What is purged after its time is known again all the same: no email twice, and no history told as news. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { startEngine } from "../../src/engine/engine.ts";
import { purgeOldHeads } from "../../src/engine/purge.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { until } from "../e2e/results.ts";
import { letter, messageIdOf } from "./incoming.ts";
import { FOLDERS, INBOX, type MemoryBox, type MemoryWorld, openMemoryWorld, WORK } from "./memory-world.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const RUNS = 6;
const RETENTION = { headDays: 30, quarantineDays: 30, alertDays: 30, auditDays: 30 };
const MONTH = 31 * 86_400;

/** A letter; what is `shared` lies in a second mailbox too. */
const letters = fc.array(
  fc.record({ known: fc.boolean(), anonymous: fc.boolean(), shared: fc.boolean(), folder: fc.nat(FOLDERS.length - 1) }),
  { minLength: 3, maxLength: 10 },
);

/** One that becomes an email, the same in two mailboxes, and others that become none, with and without a Message-ID. */
const EACH_KIND = [true, false].flatMap((known) =>
  [true, false].flatMap((anonymous) => [true, false].map((shared) => ({ known, anonymous, shared, folder: 0 }))),
);

for (const kind of [exchangeKind, labelKind]) {
  onOneDatabaseEach(`after the purge, ${kind.name}`, [], (promise) => {
    promise("a mailbox whose position is lost is read again without an email made or a message decided anew", async (database) => {
      // Shrinking takes mailboxes too.
      await using world = await openMemoryWorld(database, kind, { mailboxes: 2 * RUNS + 60, filter: "contacts" });
      await world.app.crm.createRecords([{ type: "contact", name: "Carla", addresses: ["carla@customer.test"] }]);
      await fc.assert(
        fc.asyncProperty(letters, async (all) => {
          const boxes = [world.nextBox(), world.nextBox()];
          for (const [number, one] of all.entries()) deliver(world, boxes, number, one);
          for (const box of boxes) await box.round();
          const before = await Promise.all(boxes.map((box) => knownOf(world, box)));
          if (all === EACH_KIND) assert.deepEqual(await outcomes(world, boxes), ["duplicate", "skipped", "tracked"]);
          await purgeAfterAMonth(world);
          assert.deepEqual(await headsLeft(world, boxes), 0);
          for (const box of boxes) {
            let lost = false;
            box.onCall(({ verb }) => {
              if (verb !== "pull" || lost) return undefined;
              lost = true;
              return "forget";
            });
            const { received, tracked } = await box.round();
            assert.deepEqual([lost, received, tracked], [true, 0, 0]);
            box.nothingWrong();
          }
          assert.deepEqual(await Promise.all(boxes.map((box) => knownOf(world, box))), before);
        }),
        { numRuns: RUNS, endOnFailure: false, examples: [[EACH_KIND]] },
      );
    });
  });
}

onOneDatabaseEach("the service", [], (promise) => {
  promise("purges by itself what is too old, and the bodies of emails that were deleted", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const { app, clock } = world;
    const box = world.nextBox();
    await app.crm.createRecords([{ type: "contact", name: "Carla", addresses: ["carla@customer.test"] }]);
    box.arrive("deleted");
    box.arrive("skipped", [INBOX], { from: "somebody@stranger.test" });
    const { tracked, skipped } = await box.round();
    assert.deepEqual([tracked, skipped, await headsLeft(world, [box])], [1, 1, 1]);
    await database.query("delete from crm.email where subject = $1", [box.own("deleted")]);
    clock.forward(MONTH);
    const bodies = async () => (await database.query("select from crm.content where body is not null")).rows.length;
    assert.notEqual(await bodies(), 0);
    const engine = await startEngine(app.context, app.queue, {
      ...{ roles: new Set(["worker"] as const), organizations: app.organizations, pullSeconds: 3600, concurrency: 2, retention: RETENTION },
    });
    try {
      await until(async () => (await headsLeft(world, [box])) === 0 && (await bodies()) === 0);
    } finally {
      await engine.stop(10);
    }
  });
});

onOneDatabaseEach("what a person says of a message that is purged", [], (promise) => {
  promise("counts where it lies: it is read there again, and untracked it comes back in no other mailbox", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { mailboxes: 3, filter: "contacts" });
    const { operations, crm } = world.app;
    const [first, second, third] = [world.nextBox(), world.nextBox(), world.nextBox()];
    for (const name of ["wanted", "unwanted"]) first.arrive(name, [INBOX], { from: "late@customer.test" });
    await first.round();
    await purgeAfterAMonth(world);
    assert.equal(await headsLeft(world, [first]), 0);
    await operations.untrack(messageIdOf(first.own("unwanted")), false, "Ann");
    await operations.track(messageIdOf(first.own("wanted")), null, "Ann");
    assert.equal((await first.round()).tracked, 1);
    assert.deepEqual(await first.emails(), ["wanted"]);
    await crm.createRecords([{ type: "contact", name: "Late", addresses: ["late@customer.test"] }]);
    await purgeAfterAMonth(world);
    const window = { from: new Date(0), to: world.clock.now() };
    const replayed = await operations.replay([first.stored.address], window, new AbortController().signal, () => {});
    assert.deepEqual([replayed.counts.skipped, replayed.counts.tracked], [1, 0], "a replay does not bring back what is untracked");
    for (const { mime } of first.stored.messages.values())
      for (const box of [second, third]) box.stored.put([box.stored.folder(INBOX).id], mime, world.clock.now());
    for (const box of [second, third]) {
      const { tracked, duplicate, skipped } = await box.round();
      assert.deepEqual([tracked, duplicate, skipped], [0, 1, 1]);
    }
  });

  promise("does not count for another message that lies in its place now", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const { operations } = world.app;
    const box = world.nextBox();
    box.arrive("asked", [INBOX], { from: "somebody@stranger.test" });
    await box.round();
    await purgeAfterAMonth(world);
    await operations.track(messageIdOf(box.own("asked")), null, "Ann");
    const [[number, stored] = []] = box.stored.messages;
    assert.ok(number !== undefined && stored !== undefined);
    const other = { id: box.own("other"), from: "else@stranger.test", subject: box.own("other"), body: "Private." };
    box.stored.messages.set(number, { ...stored, mime: Buffer.from(letter(other)) });
    assert.equal((await box.round()).tracked, 0);
    assert.deepEqual(await box.emails(), []);
    box.stored.messages.set(number, stored);
    assert.equal((await box.round()).tracked, 1, "it was asked for, and lies there again");
    assert.deepEqual(await box.emails(), ["asked"]);
  });

  promise("counts also where the folder has it", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const box = world.nextBox();
    box.arrive("filed", [WORK], { from: "somebody@stranger.test" });
    await box.round();
    await purgeAfterAMonth(world);
    await world.app.operations.folderTrack(box.stored.address, WORK, { regarding: null, children: false }, "Ann");
    assert.equal((await box.round()).tracked, 1);
    assert.deepEqual(await box.emails(), ["filed"]);
  });

  promise("a replay reads again what was purged, and the audit misses nothing of it", async (database) => {
    await using world = await openMemoryWorld(database, labelKind, { filter: "contacts" });
    const { app, clock } = world;
    const box = world.nextBox();
    const from = clock.now();
    box.arrive("late", [INBOX], { from: "later@customer.test" });
    box.arrive("never", [INBOX]);
    await box.round();
    await purgeAfterAMonth(world);
    const address = [box.stored.address];
    const { reports } = await app.operations.audit(address, true, new AbortController().signal, () => {});
    assert.deepEqual([reports[0]?.skipped, reports[0]?.missing], [2, 0]);
    await app.crm.createRecords([{ type: "contact", name: "Later", addresses: ["later@customer.test"] }]);
    const window = { from, to: clock.now() };
    for (const tracked of [1, 0]) {
      const { counts } = await app.operations.replay(address, window, new AbortController().signal, () => {});
      assert.equal(counts.tracked, tracked);
    }
    assert.deepEqual(await box.emails(), ["late"]);
  });
});

interface Sent {
  readonly known: boolean;
  readonly anonymous: boolean;
  readonly shared: boolean;
  readonly folder: number;
}

function deliver(world: MemoryWorld, [first, second]: readonly MemoryBox[], number: number, sent: Sent): void {
  assert.ok(first && second);
  const id = `${first.name}-${number}`;
  const from = sent.known ? "carla@customer.test" : "somebody@stranger.test";
  const mime = Buffer.from(letter({ id: sent.anonymous ? null : id, from, subject: id, body: `This is ${id}.` }));
  world.clock.forward(1);
  for (const box of sent.shared ? [first, second] : [first]) {
    const folder = box.stored.folder(FOLDERS[sent.folder] ?? INBOX);
    box.stored.put([folder.id], mime, world.clock.now());
  }
}

async function purgeAfterAMonth({ app, clock }: MemoryWorld): Promise<void> {
  clock.forward(MONTH);
  await purgeOldHeads(app.context, app.organizations, RETENTION, new AbortController().signal);
}

async function headsLeft({ database }: MemoryWorld, boxes: readonly MemoryBox[]): Promise<number | undefined> {
  const { rows } = await database.query<{ heads: number }>(
    `select count(head)::int as heads from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id
     where address = any($1) and outcome in ('skipped', 'duplicate')`,
    [boxes.map((box) => box.stored.address)],
  );
  return rows[0]?.heads;
}

async function outcomes({ database }: MemoryWorld, boxes: readonly MemoryBox[]): Promise<string[]> {
  const { rows } = await database.query<{ outcome: string }>(
    "select distinct outcome from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = any($1) order by 1",
    [boxes.map((box) => box.stored.address)],
  );
  return rows.map((row) => row.outcome);
}

/** The decisions of a mailbox, where their messages lie, and its emails. */
async function knownOf({ database }: MemoryWorld, box: MemoryBox): Promise<unknown> {
  const { rows } = await database.query(
    `select decision.id, identity, outcome, reason, email_id, array(select folders::text from waypost.location where decision_id = decision.id and gone_at is null order by 1) as lies
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id where address = $1 order by decision.id`,
    [box.stored.address],
  );
  return { decisions: rows, emails: await box.emails() };
}
