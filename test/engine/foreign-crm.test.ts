/** A CRM that takes no part in the ledger's transactions, as Dataverse: what breaks off between the two neither loses nor doubles. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Database } from "../../src/database/database.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Crm } from "../../src/ports.ts";
import { type CrmCall, foreignCrm } from "../contract/foreign-crm.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import type { TestDatabase } from "../databases.ts";
import { until } from "../e2e/results.ts";
import { openCodes } from "./alerts.ts";
import { messageIdOf } from "./incoming.ts";
import { type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { dispatch, draftFrom, emailOf, pressSend } from "./outgoing.ts";
import { addressOf, send } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** A world whose CRM stands elsewhere. */
interface ForeignWorld extends MemoryWorld {
  /** Asked at each call into the CRM; throws to make it fail. */
  onCrmCall: (call: CrmCall) => void;
}

async function openForeignWorld(database: Database, mailboxes = 1): Promise<ForeignWorld> {
  const world: ForeignWorld = Object.assign(await openMemoryWorld(database, labelKind, { mailboxes }), { onCrmCall: () => {} });
  const crm = foreignCrm(world.app.context.crm("CRM"), (call) => world.onCrmCall(call));
  world.app.context.crm = () => crm;
  return world;
}

function away(): Failure {
  const facts = { code: "crm away", message: "The CRM cannot be reached.", remedy: "Wait until it is back." };
  return new Failure({ ...facts, scope: "organization", waitingHelps: true });
}

/** What a call can end with: the CRM says that it is away, or nobody knows what it was. */
const ERRORS: Readonly<Record<string, () => Error>> = {
  "the CRM is away": away,
  "an error that nobody foresaw": () => new Error("socket hang up"),
};

/** Fails the first call at that moment. */
function failOnce(world: ForeignWorld, verb: keyof Crm, when: CrmCall["when"], error: () => Error): { readonly failed: () => boolean } {
  let failed = false;
  world.onCrmCall = (call) => {
    if (failed || call.verb !== verb || call.when !== when) return;
    failed = true;
    throw error();
  };
  return { failed: () => failed };
}

/** The same database, of whose transactions one does all its work and is then not committed: the next of that name after `arm`. */
function uncommitted(database: TestDatabase, name: string): { readonly database: Database; readonly arm: () => void } {
  let armed = false;
  const transaction: Database["transaction"] = (work, itsName) =>
    database.transaction(async (tx) => {
      const result = await work(tx);
      if (!armed || itsName !== name) return result;
      armed = false;
      throw new Error("the process is gone before the commit");
    }, itsName);
  const proxy = new Proxy<Database>(database, {
    get(target, property) {
      if (property === "transaction") return transaction;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return {
    database: proxy,
    arm: () => {
      armed = true;
    },
  };
}

onOneDatabaseEach("a CRM that joins no transaction", [], (promise) => {
  /** A question in one mailbox, which breaks off once from `arm` on, and its answer, which came first, in another that takes only answers. */
  async function askAndAnswer(world: ForeignWorld, arm: () => void): Promise<void> {
    const [asked, answered] = [world.nextBox(), world.nextBox()];
    await world.app.crm.putUsers([{ name: answered.name, address: addressOf(answered.name), filter: 1 }]);
    answered.arrive("answer", undefined, { answers: asked.own("question"), to: [addressOf(answered.name)] });
    await answered.round();
    assert.deepEqual(await answered.decisions(), { answer: ["skipped"] });
    asked.arrive("question", undefined, { to: [addressOf(asked.name)] });
    asked.arrive("anonymous", undefined, { anonymous: true });
    arm();
    assert.equal((await asked.tryRound()).length, 1, "it broke off");
    // The whole organization waits for a CRM that is away.
    world.clock.forward(60);
    await asked.round();
    assert.deepEqual(await asked.decisions(), { anonymous: ["tracked"], question: ["tracked"] });
    await asked.assertComplete();
    await answered.round();
    assert.deepEqual(await answered.decisions(), { answer: ["tracked"] }, "decided again, for its question came");
    await answered.assertComplete();
    assert.deepEqual(await openCodes(world.app), []);
  }

  for (const [what, error] of Object.entries(ERRORS)) {
    for (const [verb, when] of [
      ["facts", "before"],
      ["deliver", "before"],
      ["deliver", "after"],
    ] as const) {
      promise(`receiving, ${what} ${when} ${verb}: one email, and what waited for it is decided again`, async (database) => {
        await using world = await openForeignWorld(database, 2);
        await askAndAnswer(world, () => void failOnce(world, verb, when, error));
      });
    }
  }

  promise(
    "receiving, the process is gone between delivery and commit: one email, and what waited for it is decided again",
    async (database) => {
      const { database: breaking, arm } = uncommitted(database, "deliver emails");
      await using world = await openForeignWorld(breaking, 2);
      await askAndAnswer(world, arm);
    },
  );

  for (const when of ["before", "after"] as const) {
    promise(`receiving, untracked by a person just ${when} it is delivered: no email is left of it`, async (database) => {
      await using world = await openForeignWorld(database, 2);
      const [asked, answered] = [world.nextBox(), world.nextBox()];
      await world.app.crm.putUsers([{ name: answered.name, address: addressOf(answered.name), filter: 1 }]);
      answered.arrive("answer", undefined, { answers: asked.own("question"), to: [addressOf(answered.name)] });
      await answered.round();
      asked.arrive("question", undefined, { to: [addressOf(asked.name)] });
      await asked.round();
      const crm = world.app.context.crm("CRM");
      const said: string[] = [];
      const untrack = async (moment: typeof when) => {
        if (moment !== when || said.length > 0) return;
        said.push(moment);
        await world.app.operations.untrack(messageIdOf(answered.own("answer")), false, "Eve");
      };
      const deliver: Crm["deliver"] = async (emails) => {
        await untrack("before");
        const delivered = await crm.deliver(emails);
        await untrack("after");
        return delivered;
      };
      world.app.context.crm = () => ({ ...crm, deliver });
      await answered.tryRound();
      await answered.round();
      assert.deepEqual([said, await answered.decisions(), await answered.emails()], [[when], { answer: ["skipped"] }, []]);
    });
  }

  promise(
    "one message that the CRM does not take is quarantined, and what was delivered with it before is not doubled",
    async (database) => {
      await using world = await openForeignWorld(database);
      const box = world.nextBox();
      for (const name of ["one", "two", "three", "four", "five"]) box.arrive(name);
      const crm = world.app.context.crm("CRM");
      const deliver: Crm["deliver"] = async (emails) => {
        for (const email of emails) {
          if (email.subject.endsWith("-three"))
            throw new Failure({ scope: "item", code: "refused", message: "Not this one.", remedy: "Look at it.", waitingHelps: false });
          await crm.deliver([email]);
        }
        return [];
      };
      world.app.context.crm = () => ({ ...crm, deliver });
      await box.round();
      assert.deepEqual((await box.emails()).sort(), ["five", "four", "one", "two"]);
      assert.deepEqual((await box.decisions()).three, ["quarantined"]);
    },
  );

  promise(
    "sending, the CRM is away when it is to be told: the alert closes when it was told, with nothing else to send",
    async (database) => {
      await using world = await openForeignWorld(database);
      const box = world.nextBox();
      const recipient = `${box.name}@outside.test`;
      await world.app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [recipient] }]);
      const id = await pressSend(world.app, draftFrom(box.name, [recipient]));
      failOnce(world, "settle", "before", away);
      assert.equal((await send(world.app, box.name)).failures.length, 1);
      assert.deepEqual(await openCodes(world.app), ["sending: crm away"]);
      world.clock.forward(60);
      await send(world.app, box.name);
      assert.deepEqual([(await emailOf(world.app, id)).status, await openCodes(world.app)], [STATUS.sent, []]);
    },
  );

  promise("where asking what waits costs something it is asked seldom, and a wake is enough for an email to leave", async (database) => {
    await using world = await openForeignWorld(database);
    const { app, server } = world;
    const { organizations } = app;
    const box = world.nextBox();
    const recipient = `${box.name}@outside.test`;
    await app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [recipient] }]);
    const crm: Crm = { ...app.context.crm("CRM"), pendingPullSeconds: 3600 };
    app.context.crm = () => crm;
    let asked = 0;
    world.onCrmCall = ({ verb, when }) => {
      if (verb === "pendingSenders" && when === "before") asked += 1;
    };
    const engine = await startEngine(app.context, app.queue, {
      roles: new Set(["worker"]),
      organizations,
      pullSeconds: 3600,
      concurrency: 2,
    });
    try {
      await until(() => Promise.resolve(asked > 0));
      // Longer than the time after which a CRM is asked whom asking costs nothing.
      await setTimeout(6000);
      assert.equal(asked, 1, "it is asked at the start, and then not for an hour");
      const id = await pressSend(app, draftFrom(box.name, [recipient]));
      await until(async () => (await emailOf(app, id)).status === STATUS.sent);
    } finally {
      await engine.stop(10);
    }
    assert.equal(server.outside.length, 1);
  });

  for (const [what, error] of Object.entries(ERRORS)) {
    for (const verb of ["pending", "claim", "outgoing", "settle"] as const) {
      for (const when of ["before", "after"] as const) {
        promise(`sending, ${what} ${when} ${verb}: it arrives once and is Sent`, async (database) => {
          await using world = await openForeignWorld(database);
          const { app, clock, server } = world;
          const box = world.nextBox();
          const recipient = `${box.name}@outside.test`;
          await app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [recipient] }]);
          // The second was never answered: it is concluded on by what the CRM says of it.
          const [id, unanswered] = [
            await pressSend(app, draftFrom(box.name, [recipient])),
            await pressSend(app, draftFrom(box.name, [recipient])),
          ];
          server.fates.push("silent");
          await send(app, box.name);
          const { failed } = failOnce(world, verb, when, error);
          await pressSend(app, draftFrom(box.name, [recipient]));
          for (let round = 0; round < 4; round++) {
            clock.forward(3600);
            await dispatch(app).catch(() => undefined);
            await send(app, box.name);
          }
          assert.equal(failed(), true, "it failed once");
          assert.deepEqual([(await emailOf(app, id)).status, (await emailOf(app, unanswered)).status], [STATUS.sent, STATUS.sent]);
          assert.equal(server.outside.length, 3);
          assert.equal(
            new Set(server.outside.map(({ mime }) => /^Message-ID: .*$/im.exec(mime.toString("latin1"))?.[0])).size,
            3,
            "each once",
          );
          assert.deepEqual(await openCodes(app), []);
        });
      }
    }
  }
});
