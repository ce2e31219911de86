/** A mailbox that the CRM's own program works on is refused, told, and taken up by itself when that program lets go of it. */
import assert from "node:assert/strict";
import type { Database } from "../../src/database/database.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Crm, Elsewhere } from "../../src/ports.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { alertHistory, mailboxId, openCodes, theAlert } from "./alerts.ts";
import { type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { draftFrom, emailOf, pressSend } from "./outgoing.ts";
import { addressOf, check, send } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const READS = { because: "Dynamics itself reads it.", remedy: "Switch it off there." };
const SENDS = { because: "Dynamics itself sends for it.", remedy: "Set outgoing email to None." };
/** Longer than an answer of the CRM counts. */
const LATER = 6 * 60;

/** A world whose CRM has a program of its own for email. */
interface SharedWorld extends MemoryWorld {
  /** What that program works on; throws where the CRM cannot be asked. */
  elsewhere: () => ReadonlyMap<string, Elsewhere>;
  asked: number;
}

async function openSharedWorld(database: Database, mailboxes = 1): Promise<SharedWorld> {
  const own = await openMemoryWorld(database, labelKind, { mailboxes });
  const world: SharedWorld = Object.assign(own, { elsewhere: () => new Map(), asked: 0 });
  const inner: Crm = {
    ...own.app.context.crm("CRM"),
    synchronizedElsewhere: async () => {
      world.asked++;
      return world.elsewhere();
    },
  };
  const crm = foreignCrm(inner);
  own.app.context.crm = () => crm;
  return world;
}

onOneDatabaseEach("a mailbox that the CRM's own program works on", [], (promise) => {
  promise("is not read, is told with the remedy, and is read by itself once that has ended", async (database) => {
    await using world = await openSharedWorld(database);
    const box = world.nextBox();
    const address = addressOf(box.name);
    world.elsewhere = () => new Map([[address, { receive: READS }]]);
    box.arrive("one");
    const before = world.server.calls.length;
    assert.deepEqual(await box.tryRound(), ["synchronized elsewhere"]);
    assert.equal(world.server.calls.length, before, "its mail server is not asked");
    const alert = await theAlert(world.app, "receiving: synchronized elsewhere");
    assert.deepEqual([alert.scope, alert.message, alert.remedy], ["mailbox", READS.because, READS.remedy]);
    const status = (await world.app.operations.status()).mailboxes.find((one) => one.address === address);
    assert.deepEqual([status?.receiving.state, status?.receiving.because, status?.sending.state], ["failing", READS.because, "new"]);
    const { mailboxes } = await world.app.operations.explain(address);
    assert.ok(
      mailboxes[0]?.sentences.some((one) => one.startsWith("It is not read: ") && one.endsWith(`${READS.because} ${READS.remedy}`)),
    );

    world.elsewhere = () => new Map();
    world.clock.forward(LATER);
    await box.round();
    assert.deepEqual(await box.emails(), ["one"]);
    assert.deepEqual(await alertHistory(database, await mailboxId(database, address)), ["receiving: synchronized elsewhere closed"]);
  });

  promise("leaves its emails in Pending Send, and sends them once that has ended; it is read all the while", async (database) => {
    await using world = await openSharedWorld(database);
    const box = world.nextBox();
    world.elsewhere = () => new Map([[addressOf(box.name), { send: SENDS }]]);
    const recipient = `${box.name}@outside.test`;
    await world.app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [recipient] }]);
    const id = await pressSend(world.app, draftFrom(box.name, [recipient]));
    box.arrive("one");
    await box.round();
    assert.deepEqual(await box.emails(), ["one"]);
    const refused = await send(world.app, box.name);
    assert.deepEqual(
      refused.failures.map(({ code }) => code),
      ["synchronized elsewhere"],
    );
    assert.equal((await emailOf(world.app, id)).status, STATUS.pendingSend);
    assert.deepEqual([world.server.outside.length, await openCodes(world.app)], [0, ["sending: synchronized elsewhere"]]);

    world.elsewhere = () => new Map();
    world.clock.forward(LATER);
    await send(world.app, box.name);
    assert.equal((await emailOf(world.app, id)).status, STATUS.sent);
    assert.deepEqual([world.server.outside.length, await openCodes(world.app)], [1, []]);
  });

  promise("costs one question for all mailboxes of the organization in some minutes", async (database) => {
    await using world = await openSharedWorld(database, 3);
    const boxes = [world.nextBox(), world.nextBox(), world.nextBox()];
    for (const box of boxes) for (let round = 0; round < 3; round++) await box.round();
    assert.equal(world.asked, 1);
    world.clock.forward(LATER);
    for (const box of boxes) await box.round();
    assert.equal(world.asked, 2);
  });

  promise("is refused by check, which asks at once and connects to no server for it", async (database) => {
    await using world = await openSharedWorld(database, 2);
    const [first, second] = [world.nextBox(), world.nextBox()];
    await first.round();
    world.elsewhere = () => new Map([first, second].map(({ name }) => [addressOf(name), { receive: READS, send: SENDS }]));
    const asked = world.asked;
    const checks = await check(world.app, [first.name, second.name], { testMessage: false });
    assert.equal(world.asked, asked + 1, "once for all, whatever was known");
    for (const { steps, test } of checks) {
      const failed = steps.filter(({ result }) => result === "failed");
      assert.deepEqual(
        failed.map(({ direction, code, message, remedy }) => [direction, code, message, remedy]),
        [
          ["receive", "synchronized elsewhere", READS.because, READS.remedy],
          ["send", "synchronized elsewhere", SENDS.because, SENDS.remedy],
        ],
      );
      assert.equal(steps.length, 2);
      assert.deepEqual([test.incomingemailstatus, test.outgoingemailstatus], [2, 2]);
    }
    assert.deepEqual(await first.tryRound(), ["synchronized elsewhere"], "what check was told counts for reading too");
  });

  promise("is nobody's trouble but the organization's where the CRM cannot be asked, and is asked again after that", async (database) => {
    await using world = await openSharedWorld(database);
    const box = world.nextBox();
    box.arrive("one");
    world.elsewhere = () => {
      throw new Failure({ scope: "organization", code: "crm away", message: "It is away.", remedy: "Wait.", waitingHelps: true });
    };
    assert.deepEqual(await box.tryRound(), ["crm away"]);
    assert.deepEqual(await box.emails(), []);
    // One alert while it lasts, though the organization's settings can be read.
    for (let round = 0; round < 3; round++) {
      world.clock.forward(LATER);
      await box.tryRound();
    }
    assert.deepEqual(await alertHistory(database, "CRM"), ["receiving: crm away open"]);
    world.elsewhere = () => new Map();
    world.clock.forward(LATER);
    await box.round();
    assert.deepEqual(await box.emails(), ["one"]);
    assert.deepEqual(await openCodes(world.app), []);
  });
});
