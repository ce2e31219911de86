import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../src/database/open.ts";
import type { StepName } from "../../src/engine/step.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { missingServers } from "../servers/needs.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { openCodes } from "./alerts.ts";
import { startForgetfulProxy } from "./forgetful-proxy.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, mailIn, pressSend, untilDelivered } from "./outgoing.ts";
import { type EngineRig, engineRig, type RigApp, receive, send, testClock } from "./rig.ts";
import { onceAt, standStill } from "./steps.ts";

const servers = ["dovecot", "postfix", "postgres"] as const;
const skip = missingServers(servers);
let rig: EngineRig;
let postgres: Postgres;
before(async () => {
  if (skip) return;
  [rig, postgres] = await Promise.all([engineRig({ postfix: {} }), startPostgres({ fsync: false, extra: "synchronous_commit = on" })]);
});
after(async () => {
  await rig?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

/** Milliseconds that the database stays away. */
const AWAY = 300;
/** Milliseconds in which PostgreSQL sends its clients away. */
const TO_STOP = 200;

const RECEIVE_STEPS: readonly StepName[] = [
  "receive.pulled",
  "receive.decided",
  "receive.read",
  "receive.claimed",
  "receive.delivered",
  "receive.committed",
];
const SEND_STEPS: readonly StepName[] = [
  "send.intended",
  "send.claimed",
  "send.composed",
  "send.transmitting",
  "send.answered",
  "send.stored",
  "send.settled",
  "send.copied",
];

/** Works while the database goes away at the step and comes back; an error must say that it was the database. */
async function whileAwayFrom(step: StepName, work: () => Promise<unknown>): Promise<void> {
  let back: Promise<void> = Promise.resolve();
  using moment = onceAt(step, () => {
    const stopped = postgres.stop({ mode: "immediate" });
    standStill(TO_STOP);
    back = stopped.then(() => sleep(AWAY)).then(() => postgres.start());
  });
  await work().catch((error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.deepEqual([error.scope, error.code], ["process", "database unavailable"]);
    assert.match(error.remedy, /Waypost connects again by itself/);
  });
  assert.ok(moment.reached(), `${step} was never reached`);
  await back;
}

/** The first round after it may still find the connections dead. */
async function untilItWorks(app: RigApp): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      await app.database.query("select 1");
      return;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(100);
    }
  }
}

for (const poolSize of [1, 10]) {
  describe(`the database goes away in the middle of it, pool of ${poolSize}`, { skip }, () => {
    /** A new database in the server that comes and goes. */
    async function fresh(port = postgres.port) {
      const name = `away_${Math.random().toString(36).slice(2)}`;
      postgres.psql(`create database ${name} template template0`);
      return openDatabase({ url: `postgresql://postgres@127.0.0.1:${port}/${name}`, poolSize, report: () => {} });
    }

    test("receiving: the page is aborted, nothing is quarantined for it, and all is there once afterwards", async () => {
      const ann = rig.newUser();
      await using database = await fresh();
      await using app = await rig.open(database, rig.configurationFor([ann]));
      const wanted: string[] = [];
      for (const [number, step] of RECEIVE_STEPS.entries()) {
        const ids = [1, 2, 3].map((one) => `${ann}-${number}-${one}`);
        for (const id of ids) await rig.dovecot.deliver(ann, letter({ id }));
        wanted.push(...ids.map(messageIdOf));
        await whileAwayFrom(step, () => receive(app, ann));
        await untilItWorks(app);
        const { failures } = await receive(app, ann);
        assert.deepEqual(failures, [], step);
        assert.deepEqual((await emailsIn(database)).map((one) => one.messageId).sort(), wanted.sort(), step);
        assert.deepEqual(await app.operations.quarantineList(), [], step);
        assert.deepEqual(await openCodes(app), [], step);
      }
      const decided = await decisionsIn(database);
      assert.deepEqual(
        decided.map((one) => one.outcome),
        wanted.map(() => "tracked"),
      );
      assert.equal((await receive(app, ann)).counts.received, 0);
    });

    test("sending: each email arrives once, none becomes unknown, and no answer of the mail server is forgotten", async () => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using database = await fresh();
      await using app = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await contactsFor(app, ben);
      for (const [number, step] of SEND_STEPS.entries()) {
        const id = await pressSend(app, draftFrom(ann, [ben]));
        await whileAwayFrom(step, () => send(app, ann));
        await untilItWorks(app);
        clock.forward(60);
        await send(app, ann);
        const email = await emailOf(app, id);
        assert.deepEqual([email.status, email.attempts, email.generation], [STATUS.sent, 1, 1], `${step}: ${email.lastSendResponse}`);
        assert.deepEqual(await openCodes(app), [], step);
        const arrived = await untilDelivered(rig.dovecot, ben, number + 1);
        assert.equal(arrived.filter((one) => one.messageId === email.messageId).length, 1, step);
        clock.forward(60);
        await send(app, ann);
        const copies = await mailIn(rig.dovecot, ann, "Sent");
        assert.equal(copies.filter((one) => one.messageId === email.messageId).length, 1, step);
      }
      assert.equal((await mailIn(rig.dovecot, ben)).length, SEND_STEPS.length);
    });

    test("sending: leave to transmit that was given and never heard of makes nothing unknown, for nothing was transmitted", async () => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using proxy = await startForgetfulProxy(postgres.port);
      await using database = await fresh(proxy.port);
      await using app = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben]));
      proxy.forgetAnswerTo("set stage = 'transmitting'");
      await send(app, ann).catch(() => undefined);
      assert.ok(proxy.forgot());
      await untilItWorks(app);
      clock.forward(60);
      await send(app, ann);
      const email = await emailOf(app, id);
      assert.deepEqual([email.status, email.attempts], [STATUS.sent, 1], email.lastSendResponse ?? "");
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
      assert.deepEqual(await openCodes(app), []);
    });
  });
}
