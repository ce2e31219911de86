import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Engine, startEngine } from "../../src/engine/engine.ts";
import { STATUS } from "../../src/model/email.ts";
import { type EngineName, testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes } from "./alerts.ts";
import { decisionsIn, emailsIn, letter } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, mailIn, pressSend } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, type RigApp } from "./rig.ts";

const skip = missingServers(["dovecot", "postfix", "postgres"]);
let rig: EngineRig;
before(async () => {
  if (!skip) rig = await engineRig({ postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

const MAILBOXES = 5;
/** Milliseconds in which all work must be done: far more than it takes, and far less than for ever. */
const PATIENCE = 60_000;

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`after ${PATIENCE / 1000} s not yet: ${what}`);
    await sleep(100);
  }
}

/** The whole service without its web server, stopped in order at the end. */
async function started(app: RigApp): Promise<Engine & AsyncDisposable> {
  const engine = await startEngine(app.context, app.queue, {
    roles: new Set(["worker", "watcher"]),
    organizations: app.organizations,
    pullSeconds: 5,
    concurrency: 8,
  });
  return { ...engine, [Symbol.asyncDispose]: () => engine.stop(10) };
}

for (const [engine, poolSize] of [
  ["pglite", 1],
  ["postgres", 1],
  ["postgres", 10],
] as const satisfies readonly (readonly [EngineName, number])[]) {
  test(`with everything at once nobody waits for himself, and each message and email is there once (${engine}, pool of ${poolSize})`, {
    skip,
  }, async () => {
    await using database = await testDatabase(engine, { poolSize });
    const names = rig.newUsers(MAILBOXES);
    const outsider = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor(names));
    await contactsFor(app, outsider);
    await using running = await started(app);
    // The same three messages in all mailboxes, two of their own in each, and an email of each to the outsider and to the next user.
    const common = [1, 2, 3].map((one) => letter({ id: `common-${names[0]}-${one}`, to: names.map(addressOf) }));
    const own = (name: string) => [1, 2].map((one) => letter({ id: `own-${name}-${one}`, to: [addressOf(name)] }));
    const [ids] = await Promise.all([
      Promise.all(names.map((name) => pressSend(app, draftFrom(name, [outsider])))),
      ...names.flatMap((name) => [...common, ...own(name)].map((mime) => rig.dovecot.deliver(name, mime))),
    ]);
    const emails = async () => (await emailsIn(database)).length;
    await until("every message is an email", async () => (await emails()) === 3 + 2 * MAILBOXES);
    await until("every mailbox has decided about its messages", async () => (await decisionsIn(database)).length === 5 * MAILBOXES);
    await until("every email is sent", async () => {
      const found = await Promise.all(ids.map((id) => emailOf(app, id)));
      return found.every((email) => email.status === STATUS.sent);
    });
    await until("every copy is filed", async () => {
      const { rows } = await database.query<{ open: number }>(
        "select count(*)::int as open from waypost.outbox where sent_copy = 'waiting'",
      );
      return rows[0]?.open === 0;
    });
    await until("every email has arrived", async () => (await mailIn(rig.dovecot, outsider)).length === MAILBOXES);
    const outcomes = (await decisionsIn(database)).map((one) => one.outcome);
    assert.deepEqual(
      [outcomes.filter((one) => one === "tracked").length, outcomes.filter((one) => one === "duplicate").length],
      [3 + 2 * MAILBOXES, 3 * (MAILBOXES - 1)],
    );
    // An answer wakes its mailbox by itself.
    const [name = "", id = ""] = [names[0], ids[0]];
    const { messageId } = await emailOf(app, id);
    await rig.dovecot.deliver(
      name,
      `From: <${addressOf(outsider)}>\r\nTo: <${addressOf(name)}>\r\nMessage-ID: <answer-${name}@x.test>\r\nIn-Reply-To: <${messageId}>\r\n\r\nYes.\r\n`,
    );
    await until("the answer is there", async () => (await emailsIn(database)).some((one) => one.correlatedTo === id));
    await running.stop(10);
    assert.equal((await mailIn(rig.dovecot, outsider)).length, MAILBOXES, "none twice");
    for (const one of names) assert.equal((await mailIn(rig.dovecot, one, "Sent")).length, 1);
    assert.deepEqual(await openCodes(app), []);
    assert.deepEqual(
      app.logged.filter(({ level }) => level === "error"),
      [],
    );
  });
}
