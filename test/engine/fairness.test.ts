/** A mailbox or folder with years of mail keeps nobody waiting: told by the order of events, not by the clock. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEngine } from "../../src/engine/engine.ts";
import { PAGE_SIZE } from "../../src/engine/receive/read-stream.ts";
import { readMailbox, readProfile } from "../../src/ledger/mailboxes.ts";
import { STATUS } from "../../src/model/email.ts";
import { type EngineName, testDatabase } from "../databases.ts";
import { fillInbox } from "../servers/large-folder.ts";
import { missingServers } from "../servers/needs.ts";
import { mailboxId } from "./alerts.ts";
import { atEach, decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig } from "./rig.ts";

const skip = missingServers(["dovecot", "postfix", "postgres"]);
let rig: EngineRig;
before(async () => {
  if (!skip) rig = await engineRig({ postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

const MESSAGES = 4000;
const ARCHIVE = "INBOX/Archive";
/** Milliseconds; far more than any of it takes. */
const PATIENCE = 120_000;

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`not yet: ${what}`);
    await sleep(50);
  }
}

/** An account with a large folder below the inbox. */
async function archivist(): Promise<string> {
  const name = rig.newUser();
  fillInbox(rig.dovecot, { messages: MESSAGES, user: name, customerEvery: 0 });
  await rig.dovecot.withImap(name, async (client) => {
    await client.mailboxCreate(ARCHIVE);
    await client.mailboxOpen("INBOX");
    await client.messageMove("1:*", ARCHIVE);
  });
  return name;
}

for (const [engine, maxConcurrentConnections] of [
  ["pglite", 1],
  ["postgres", 2],
] as const satisfies readonly (readonly [EngineName, number])[]) {
  test(`while a large folder is read, new mail of its inbox and of another mailbox is read, and an email is sent (${engine}, ${maxConcurrentConnections} at a time)`, {
    skip,
  }, async () => {
    await using database = await testDatabase(engine);
    const [ann, ben, outsider] = [await archivist(), rig.newUser(), rig.newUser()];
    const readFrom = "2020-01-01T00:00:00Z";
    await using app = await rig.open(
      database,
      rig.configurationFor([{ name: ann, filter: "replies", mailbox: { readFrom } }, ben], { profile: { maxConcurrentConnections } }),
    );
    await contactsFor(app, outsider);
    const ids = { ann: await mailboxId(database, addressOf(ann)), ben: await mailboxId(database, addressOf(ben)) };
    let pages = 0;
    let email = "";
    const isDecided = async (name: string) => (await decisionsIn(database)).some((one) => one.messageId === messageIdOf(`${name}-new`));
    const benWaits = async () => {
      const mailbox = await readMailbox(database, ids.ann);
      const profile = mailbox && (await readProfile(database, mailbox.profile));
      assert.ok(profile, "Ann's mailbox has a profile");
      return app.context.connections.isWanted({ mailbox, profile }, "receive");
    };
    const isSent = async () => (await emailOf(app, email)).status === STATUS.sent;
    using _ = atEach(app, async ({ reads, folder }) => {
      if (reads !== "heads" || folder !== ARCHIVE) return;
      // The second page is about to be read when all this happens, and is read once Ben's mailbox was read or stands in line.
      if (++pages === 2) {
        email = await pressSend(app, draftFrom(ben, [outsider]));
        for (const name of [ann, ben]) await rig.dovecot.deliver(name, letter({ id: `${name}-new`, to: [addressOf(name)] }));
        await app.context.wake("receive", ids.ben);
        await until("Ben's mailbox is read or waits", async () => (await isDecided(ben)) || (await benWaits()));
      }
      if (pages === MESSAGES / PAGE_SIZE) await until("the email is sent before the end of the large folder", isSent);
    });
    const running = await startEngine(app.context, app.queue, {
      roles: new Set(["worker"]),
      organizations: app.organizations,
      pullSeconds: 3600,
      concurrency: 4,
      sliceMs: 0,
    });
    try {
      await until("the new mail of both is decided", async () => (await isDecided(ann)) && (await isDecided(ben)));
      for (const name of [ann, ben]) {
        const { rows } = await database.query<{ earlier: number }>(
          `select count(*) as earlier from waypost.decision
           where mailbox_id = $1 and message_id <> $3 and id < (select id from waypost.decision where message_id = $2)`,
          [ids.ann, messageIdOf(`${name}-new`), messageIdOf(`${ann}-new`)],
        );
        const earlier = rows[0]?.earlier ?? MESSAGES;
        assert.ok(earlier <= 2 * PAGE_SIZE, `${earlier} of ${MESSAGES} were read before the mail of ${name}`);
      }
      await until("the large folder is read", async () => (await decisionsIn(database, ann)).length === MESSAGES + 1);
      assert.deepEqual(
        (await emailsIn(database, ben)).map((one) => one.messageId),
        [messageIdOf(`${ben}-new`)],
      );
      const { rows } = await database.query<{ places: number }>("select count(*) as places from waypost.location where gone_at is null");
      assert.ok((rows[0]?.places ?? 0) >= MESSAGES + 2);
    } finally {
      await running.stop(10);
    }
    assert.deepEqual(
      app.logged.filter(({ level }) => level === "error"),
      [],
    );
  });
}
