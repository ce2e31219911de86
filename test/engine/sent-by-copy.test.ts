/** Sending through mail systems that file their own copies: what Sent says of a message that was never answered. */
import assert from "node:assert/strict";
import { intend, markTransmitting } from "../../src/ledger/outbox.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { messageIdFor } from "../../src/sending/message-id.ts";
import { graphKind } from "../contract/memory/graph-kind.ts";
import { messageIdOf } from "../contract/memory/kind.ts";
import type { Fate } from "../contract/memory/server.ts";
import { mailboxId, openCodes, theAlert } from "./alerts.ts";
import { type MemoryBox, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { dispatch, draftFrom, emailOf, pressSend } from "./outgoing.ts";
import { addressOf, send } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const NOTHING = { sent: 0, failed: 0, waiting: 0, unknown: 0 };
const MINUTE = 60;
/** In seconds: a copy that has not appeared by then never will. */
const COPY_APPEARS_WITHIN = 15 * MINUTE;

interface Sender {
  readonly world: MemoryWorld;
  readonly box: MemoryBox;
  /** Presses Send for an email to somebody outside; resolves to its id. `fates`: what becomes of it on the way. */
  sends(...fates: readonly Fate[]): Promise<string>;
  /** One round of sending. */
  round(): Promise<typeof NOTHING>;
  statusOf(id: string): Promise<number>;
  /** How often it arrived, and how many copies of it are in Sent. */
  copiesOf(id: string): readonly [arrived: number, inSent: number];
}

async function senderIn(world: MemoryWorld): Promise<Sender> {
  const { app, server } = world;
  const box = world.nextBox();
  const recipient = `${box.name}@outside.test`;
  await app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [recipient] }]);
  const named = (id: string, messageId: string | null) => messageId?.startsWith(`${id}.`) ?? false;
  return {
    world,
    box,
    async sends(...fates) {
      server.fates.push(...fates);
      return pressSend(app, draftFrom(box.name, [recipient]));
    },
    async round() {
      const { counts, failures } = await send(app, box.name);
      assert.deepEqual(failures, []);
      return counts;
    },
    statusOf: async (id) => (await emailOf(app, id)).status,
    copiesOf: (id) => [
      server.outside.filter(({ mime }) => mime.includes(`<${id}.`)).length,
      box.stored.in(box.stored.folder("Sent").id).filter((message) => named(id, messageIdOf(message))).length,
    ],
  };
}

// The kinds of mail systems in memory do not differ in how they send.
const kind = graphKind();

onOneDatabaseEach("sending through a mail system that files its own copies", [], (promise) => {
  const withSender = (work: (sender: Sender) => Promise<void>) => async (database: MemoryWorld["database"]) => {
    await using world = await openMemoryWorld(database, kind);
    await work(await senderIn(world));
    assert.deepEqual(await openCodes(world.app), []);
  };

  promise(
    "what is accepted is Sent, arrives once, and its copy is the mail system's: none is filed a second time",
    withSender(async ({ world, sends, round, statusOf, copiesOf }) => {
      const id = await sends();
      assert.deepEqual(await round(), { ...NOTHING, sent: 1 });
      assert.deepEqual([await statusOf(id), copiesOf(id)], [STATUS.sent, [1, 1]]);
      assert.equal((await world.app.operations.explain(id)).outgoing[0]?.sentCopy, null, "nobody looked for a place for it");
    }),
  );

  promise(
    "what was never answered and is in Sent was sent; it is looked for by itself, and nobody has to decide",
    withSender(async ({ world, sends, round, statusOf, copiesOf }) => {
      const id = await sends("silent");
      assert.deepEqual(await round(), { ...NOTHING, waiting: 1 });
      assert.equal(await statusOf(id), STATUS.sending);
      await dispatch(world.app);
      assert.deepEqual(await round(), NOTHING);
      assert.deepEqual([await statusOf(id), copiesOf(id)], [STATUS.sent, [1, 1]]);
      assert.match((await emailOf(world.app, id)).lastSendResponse ?? "", /its own copy is in Sent/);
    }),
  );

  promise(
    "a copy that appears late is waited for: no second message leaves meanwhile",
    withSender(async ({ world, sends, round, statusOf, copiesOf }) => {
      const id = await sends("silent, copy late");
      await round();
      for (let minute = 0; minute < 10; minute++) {
        await round();
        world.clock.forward(MINUTE);
      }
      assert.deepEqual([await statusOf(id), copiesOf(id)], [STATUS.sending, [1, 0]]);
      const looked = world.server.calls.filter((call) => call.verb === "wasSent").length;
      assert.ok(looked >= 9 && looked <= 11, `looked ${looked} times in ten minutes`);
      for (const file of world.server.late) file();
      await round();
      assert.deepEqual([await statusOf(id), copiesOf(id)], [STATUS.sent, [1, 1]]);
    }),
  );

  promise(
    "what was lost on the way is sent once more under the same Message-ID when no copy can come any more",
    withSender(async ({ world, sends, round, statusOf, copiesOf }) => {
      const id = await sends("lost");
      await round();
      world.clock.forward(COPY_APPEARS_WITHIN - 1);
      assert.deepEqual([await round(), copiesOf(id)], [NOTHING, [0, 0]]);
      world.clock.forward(MINUTE);
      assert.deepEqual(await round(), { ...NOTHING, sent: 1 });
      assert.deepEqual([await statusOf(id), copiesOf(id), (await emailOf(world.app, id)).attempts], [STATUS.sent, [1, 1], 2]);
      world.clock.forward(COPY_APPEARS_WITHIN);
      assert.deepEqual([await round(), copiesOf(id)], [NOTHING, [1, 1]]);
    }),
  );

  promise(
    "an email that a killed process had in hand is looked for in the same way",
    withSender(async ({ world, box, sends, round, statusOf, copiesOf }) => {
      const { app, database, clock } = world;
      const killed = async (arrives: boolean) => {
        const id = await sends();
        const holder = database.presence.instanceId;
        const messageId = messageIdFor(id, 1, "example.test");
        const mailbox = await mailboxId(database, addressOf(box.name));
        const row = await intend(
          database,
          { organization: "CRM", emailId: id, generation: 1, mailboxId: mailbox, messageId },
          holder,
          clock.now(),
        );
        assert.ok(row && (await app.context.crm("CRM").claim(id, 1)));
        await markTransmitting(database, row, holder, clock.now());
        const copy = Buffer.from(`From: ${addressOf(box.name)}\r\nMessage-ID: <${messageId}>\r\n\r\n`);
        if (arrives) box.stored.put([box.stored.folder("Sent").id], copy);
        return id;
      };
      const [sent, lost] = [await killed(true), await killed(false)];
      await round();
      assert.deepEqual([await statusOf(sent), await statusOf(lost)], [STATUS.sent, STATUS.sending]);
      clock.forward(COPY_APPEARS_WITHIN);
      await round();
      assert.deepEqual([await statusOf(sent), await statusOf(lost)], [STATUS.sent, STATUS.sent]);
      assert.deepEqual(
        [copiesOf(sent), copiesOf(lost)],
        [
          [0, 1],
          [1, 1],
        ],
      );
    }),
  );

  promise(
    "a message that is lost each time is Failed after ten attempts, not sent for ever",
    withSender(async ({ world, sends, round, statusOf, copiesOf }) => {
      const id = await sends(...Array.from({ length: 20 }, (): Fate => "lost"));
      for (let attempt = 0; attempt < 12; attempt++) {
        await round();
        world.clock.forward(COPY_APPEARS_WITHIN + MINUTE);
      }
      assert.deepEqual([await statusOf(id), copiesOf(id), (await emailOf(world.app, id)).attempts], [STATUS.failed, [0, 0], 10]);
      world.server.fates.length = 0;
    }),
  );

  promise("while Sent cannot be read the other emails go; if that lasts, a person decides", async (database) => {
    await using world = await openMemoryWorld(database, kind);
    const { sends, round, statusOf, copiesOf, box } = await senderIn(world);
    const unanswered = await sends("silent");
    await round();
    box.onCall(({ verb }) => {
      if (verb !== "wasSent") return undefined;
      throw new Failure({ scope: "mailbox", code: "busy", message: "Sent is busy.", remedy: "Wait.", waitingHelps: true });
    });
    const other = await sends();
    assert.deepEqual(await round(), { ...NOTHING, sent: 1 });
    assert.deepEqual([await statusOf(unanswered), await statusOf(other), copiesOf(other)], [STATUS.sending, STATUS.sent, [1, 1]]);
    world.clock.forward(4 * 60 * MINUTE);
    await round();
    const alert = await theAlert(world.app, "sending: outcome unknown");
    assert.match(alert.message, /The connection was lost before the answer came\. Sent is busy\./);
    await world.app.operations.decide(unanswered, "sent");
    assert.deepEqual([await statusOf(unanswered), await openCodes(world.app)], [STATUS.sent, []]);
  });

  promise(
    "a mail system that asks for a pause is not sent to before it is over, and no attempt is used up",
    withSender(async ({ world, box, sends, round, statusOf }) => {
      const id = await sends();
      const over = new Date(world.clock.now().getTime() + 3_600_000);
      box.onCall(({ verb }) => {
        if (verb !== "submit") return undefined;
        throw new Failure({
          scope: "mailbox",
          code: "throttled",
          message: "30 a minute.",
          remedy: "Wait.",
          waitingHelps: true,
          notBefore: over,
        });
      });
      assert.deepEqual(
        (await send(world.app, box.name)).failures.map((one) => one.code),
        ["throttled"],
      );
      box.nothingWrong();
      world.clock.set(new Date(over.getTime() - 1));
      assert.deepEqual([await round(), await statusOf(id)], [NOTHING, STATUS.pendingSend]);
      world.clock.set(over);
      assert.deepEqual(await round(), { ...NOTHING, sent: 1 });
      assert.equal((await emailOf(world.app, id)).attempts, 1);
    }),
  );
});
