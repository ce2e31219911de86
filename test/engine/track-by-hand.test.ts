/** What a person says of one message: it is tracked, untracked, or about something, whatever the rules say, and no accident takes it back. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import type { RecordRef } from "../../src/model/record.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { missingServers } from "../servers/needs.ts";
import { atEach, copy, decisionsIn, emailsIn, explained, letter, makeFolders, messageIdOf, move, remove } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, type RigUser, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 80 });
});
after(() => rig?.[Symbol.asyncDispose]());

/** Ann takes only answers, Ben takes all mail. Letters are named for the test. */
interface Office extends AsyncDisposable {
  readonly app: RigApp;
  readonly ann: string;
  readonly ben: string;
  /** The same letter in the inbox of each; it is addressed to those to whom it came first. */
  arrives(name: string, ...users: readonly string[]): Promise<void>;
  /** Message-ID of the letter. */
  id(name: string): string;
  record(): Promise<RecordRef>;
}

async function openOffice(
  database: Database,
  { users = [], ...changes }: RigChanges & { readonly users?: readonly RigUser[] } = {},
): Promise<Office> {
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const readers: RigUser[] = [{ name: ann, filter: "replies" }, { name: ben }, ...users];
  const app = await rig.open(database, rig.configurationFor(readers, changes));
  const letters = new Map<string, string>();
  await Promise.all([...readers, ...(changes.queues ?? [])].map(({ name }) => makeFolders(rig.dovecot, name, "INBOX/Later")));
  return {
    app,
    ann,
    ben,
    id: (name) => messageIdOf(`${ann}-${name}`),
    async arrives(name, ...to) {
      const text =
        letters.get(name) ??
        letter({ id: `${ann}-${name}`, subject: `${ann} ${name}`, to: to.map(addressOf), from: `${ann}-carl@customer.test` });
      letters.set(name, text);
      for (const user of to) await rig.dovecot.append(user, "INBOX", text);
    },
    async record() {
      const [record] = await app.crm.createRecords([
        { type: "contact", lastname: `Carl of ${ann}`, addresses: [`${ann}-carl@customer.test`] },
      ]);
      assert.ok(record);
      return record;
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** One round, in which nothing fails. */
async function round(app: RigApp, ...users: readonly string[]) {
  const { counts, failures } = await receive(app, ...users);
  assert.deepEqual(failures, []);
  return counts;
}

/** Outcome and email of a letter in each mailbox. */
async function standing(
  database: Database,
  ...users: readonly string[]
): Promise<[mailbox: string, outcome: string, emailId: string | null][]> {
  return (await decisionsIn(database, ...users)).map(({ mailbox, outcome, emailId }) => [mailbox, outcome, emailId]);
}

async function numberIn(app: RigApp, messageId: string, user: string): Promise<string> {
  const { incoming } = await app.operations.explain(messageId);
  const number = incoming.find(({ mailbox }) => mailbox === addressOf(user))?.decisionId;
  assert.ok(number !== undefined);
  return String(number);
}

async function audited(database: Database, number: string): Promise<string[][]> {
  const { rows } = await database.query<{ actor: string; action: string }>(
    "select actor, action from waypost.audit where subject = $1 order by id",
    [`decision ${number}`],
  );
  return rows.map(({ actor, action }) => [actor, action]);
}

/** Everything at once by which a message could come back. */
async function everythingThatReadsAgain(database: Database, app: RigApp, user: string, name: string): Promise<void> {
  await copy(rig.dovecot, user, name, "INBOX", "INBOX/Later");
  await round(app, user);
  await move(rig.dovecot, user, name, "INBOX", "INBOX/Later");
  await round(app, user);
  // The position is lost.
  await database.query("delete from waypost.stream using waypost.mailbox where mailbox.id = mailbox_id and address = $1", [
    addressOf(user),
  ]);
  await round(app, user);
  await database.query(
    "update waypost.decision set reconsider = true from waypost.mailbox where mailbox.id = mailbox_id and address = $1",
    [addressOf(user)],
  );
  await app.operations.quarantineRetry("all");
  await round(app, user);
}

onOneDatabaseEach("what a person says of one message", servers, (promise) => {
  promise("track makes an email of a skipped message, about the record that was named, and all is told", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    const record = await office.record();
    await office.arrives("offer", ann);
    assert.equal((await round(app, ann)).skipped, 1);
    const number = await numberIn(app, office.id("offer"), ann);
    assert.match((await explained(app, `${ann}-offer`, ann)).sentences, new RegExp(`\`waypost track ${number}\``));

    const asked = await app.operations.track(`<${office.id("offer")}>`, `${ann}-CARL@customer.test`, EVE);
    assert.deepEqual([asked.state, asked.regarding, asked.left], ["asked", record, []]);
    assert.deepEqual(asked.messages, [{ decisionId: Number(number), mailbox: addressOf(ann), messageId: office.id("offer") }]);
    const waiting = await explained(app, `${ann}-offer`, ann);
    assert.equal(waiting.outcome, "skipped");
    assert.match(waiting.sentences, /eve on the command line asked for it by hand on .*, about the contact Carl of /);

    assert.equal((await round(app, ann)).tracked, 1);
    const { outcome, sentences } = await explained(app, `${ann}-offer`, ann);
    assert.equal(outcome, "tracked");
    assert.match(sentences, /asked for: yes\. eve on the command line asked for it by hand/);
    assert.match(sentences, new RegExp(`\`waypost untrack ${number}\``));
    const [email] = await emailsIn(database, ann);
    const whole = await app.crm.readEmail(email?.id ?? "");
    assert.deepEqual([whole?.regarding?.id, whole?.accepting], [record.id, null]);
    assert.deepEqual(await audited(database, number), [[EVE, "track"]]);
  });

  promise("track finds a message where it was moved to, and takes one out of quarantine", async (database) => {
    await using office = await openOffice(database, { profile: { maximumMessageMegabytes: 1 } });
    const { app, ann, ben } = office;
    await office.arrives("moved", ann);
    await rig.dovecot.append(ben, "INBOX", letter({ id: `${ann}-large`, body: `${"x".repeat(76)}\r\n`.repeat(16_000) }));
    assert.deepEqual([(await round(app, ann)).skipped, (await round(app, ben)).quarantined], [1, 1]);
    await move(rig.dovecot, ann, `${ann}-moved`, "INBOX", "INBOX/Later");
    await app.operations.track(office.id("moved"), null, EVE);
    assert.equal((await round(app, ann)).tracked, 1);

    await app.operations.track(office.id("large"), null, EVE);
    assert.equal((await round(app, ben)).quarantined, 1, "it is tried again, and too large still");
    await app.close();
    await using wider = await rig.open(
      database,
      rig.configurationFor([{ name: ann, filter: "replies" }, ben], { profile: { maximumMessageMegabytes: 10 } }),
    );
    await wider.operations.track(office.id("large"), null, EVE);
    assert.equal((await round(wider, ben)).tracked, 1);
    assert.deepEqual(
      (await wider.operations.quarantineList()).filter(({ messageId }) => messageId === office.id("large")),
      [],
    );
  });

  promise("what lies nowhere, belongs to a test or was never seen is said, and nothing is changed", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await office.arrives("gone", ann);
    await round(app, ann);
    await remove(rig.dovecot, ann, `${ann}-gone`, "INBOX");
    await round(app, ann);
    await assert.rejects(app.operations.track(office.id("gone"), null, EVE), { code: "message gone" });
    await assert.rejects(app.operations.track("never-seen@x.test", null, EVE), { code: "message unknown" });
    await assert.rejects(app.operations.regarding(office.id("gone"), "none", EVE), { code: "no email" });
    await assert.rejects(app.operations.track(office.id("gone"), "nobody", EVE), { code: "record unknown" });
    await assert.rejects(app.operations.track(office.id("gone"), `${ann}-nobody@x.test`, EVE), { code: "record unknown" });
    await office.record();
    await office.record();
    await assert.rejects(app.operations.track(office.id("gone"), `${ann}-carl@customer.test`, EVE), { code: "record not clear" });
    const { rows } = await database.query(
      "select from waypost.wish join waypost.mailbox on mailbox.address = $1 where message like mailbox.id || '%'",
      [addressOf(ann)],
    );
    assert.deepEqual([rows.length, (await round(app, ann)).tracked], [0, 0]);
  });

  promise(
    "untrack holds in every mailbox, for a new place, a lost position, an answered question, a retry and a mailbox to come",
    async (database) => {
      const third = rig.newUser();
      await using office = await openOffice(database, { users: [{ name: third }] });
      const { app, ann, ben } = office;
      await office.arrives("offer", ann, ben);
      await round(app, ben);
      await round(app, ann);
      const [email] = await emailsIn(database, ben);
      assert.ok(email);
      assert.deepEqual(await standing(database, ann, ben), [
        [ann, "duplicate", email.id],
        [ben, "tracked", email.id],
      ]);
      const result = await app.operations.untrack(office.id("offer"), false, EVE);
      assert.deepEqual(
        [result.email, result.emailId, result.messages.map(({ mailbox }) => mailbox).sort()],
        ["stays", email.id, [ann, ben].map(addressOf).sort()],
      );
      for (const user of [ann, ben]) {
        const { outcome, sentences } = await explained(app, `${ann}-offer`, user);
        assert.equal(outcome, "skipped");
        assert.match(sentences, /asked for: no\. eve on the command line untracked it by hand/);
        assert.match(sentences, new RegExp(`The email ${email.id} that was made of it stays in the CRM`));
      }
      for (const user of [ann, ben]) await everythingThatReadsAgain(database, app, user, `${ann}-offer`);
      await office.arrives("offer", third);
      const { rows } = await database.query<{ subject: string }>("select subject from crm.email where activityid = $1", [email.id]);
      assert.equal(rows.length, 1, "the email stays in the CRM");
      assert.equal((await round(app, third)).skipped, 1);
      assert.deepEqual(
        (await standing(database, ann, ben, third)).map(([, outcome]) => outcome),
        ["skipped", "skipped", "skipped"],
      );

      await app.operations.track(office.id("offer"), null, EVE);
      const counts = await round(app, ann, ben, third);
      assert.deepEqual([counts.tracked, counts.duplicate], [1, 2]);
      assert.deepEqual(new Set((await standing(database, ann, ben, third)).map(([, , id]) => id)), new Set([email.id]));
      assert.equal((await emailsIn(database, ann, ben, third)).length, 1);
      assert.deepEqual(await audited(database, await numberIn(app, office.id("offer"), ann)), [
        [EVE, "untrack"],
        [EVE, "track"],
      ]);
    },
  );

  promise("an answer that was untracked stays so when its question is tracked", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, ben } = office;
    await rig.dovecot.append(ann, "INBOX", letter({ id: `${ann}-answer`, answers: `${ann}-question` }));
    await round(app, ann);
    await app.operations.untrack(office.id("answer"), false, EVE);
    await office.arrives("question", ben);
    assert.equal((await round(app, ben)).tracked, 1);
    assert.equal((await round(app, ann)).tracked, 0);
    assert.equal((await explained(app, `${ann}-answer`, ann)).outcome, "skipped");
  });

  promise(
    "untrack with the email deleted: what belongs to it goes, answers stay, and only track makes it again, under its id",
    async (database) => {
      const queue = rig.newUser();
      await using office = await openOffice(database, { queues: [{ name: queue }] });
      const { app, ann, ben } = office;
      await office.arrives("offer", queue, ben);
      await rig.dovecot.append(ben, "INBOX", letter({ id: `${ann}-reply`, answers: `${ann}-offer`, subject: `${ann} reply` }));
      await round(app, queue);
      await round(app, ben);
      const before = await emailsIn(database, queue, ben);
      const [offer, reply] = [
        before.find(({ subject }) => subject.endsWith("offer")),
        before.find(({ subject }) => subject.endsWith("reply")),
      ];
      assert.ok(offer && reply);
      assert.equal(reply.correlatedTo, offer.id);
      assert.equal((await app.operations.untrack(office.id("offer"), true, EVE)).email, "deleted");
      assert.deepEqual(await emailsIn(database, queue, ben), [{ ...reply, correlatedTo: null }]);
      for (const table of ["activityparty where activityid", "queueitem where objectid", "activitymimeattachment where objectid"])
        assert.equal((await database.query(`select from crm.${table} = $1`, [offer.id])).rows.length, 0, table);
      for (const user of [queue, ben]) await everythingThatReadsAgain(database, app, user, `${ann}-offer`);
      await office.arrives("offer", ann);
      await round(app, ann);
      assert.equal((await emailsIn(database, ann, queue, ben)).length, 1);
      assert.match((await explained(app, `${ann}-offer`, ben)).sentences, /that was made of it was deleted/);
      assert.equal((await app.operations.untrack(office.id("offer"), true, EVE)).email, "none", "twice does no harm");

      await app.operations.track(office.id("offer"), null, EVE);
      const counts = await round(app, queue, ben, ann);
      assert.equal(counts.tracked, 1);
      assert.ok(
        (await emailsIn(database, ann, queue, ben)).some(({ id }) => id === offer.id),
        "the same email",
      );
    },
  );

  promise("an email that a person deleted in the CRM comes back by track alone, under its id", async (database) => {
    await using office = await openOffice(database);
    const { app, ben } = office;
    await office.arrives("offer", ben);
    await round(app, ben);
    const [email] = await emailsIn(database, ben);
    assert.ok(email);
    await database.query("delete from crm.email where activityid = $1", [email.id]);
    await everythingThatReadsAgain(database, app, ben, `${office.ann}-offer`);
    assert.deepEqual(await emailsIn(database, ben), []);
    assert.equal((await app.operations.track(office.id("offer"), null, EVE)).state, "asked");
    assert.equal((await round(app, ben)).tracked, 1);
    assert.deepEqual(
      (await emailsIn(database, ben)).map(({ id }) => id),
      [email.id],
    );
  });

  promise("a message without a Message-ID is untracked in every mailbox by its content, and tracked again", async (database) => {
    await using office = await openOffice(database);
    const { app, ben } = office;
    const other = rig.newUser();
    const text = letter({ id: null, subject: `${ben} scan`, body: `Scan of ${ben}` });
    await rig.dovecot.append(ben, "INBOX", text);
    await round(app, ben);
    const [email] = await emailsIn(database, ben);
    assert.ok(email);
    const { incoming } = await app.operations.explain(email.id);
    const number = String(incoming[0]?.decisionId);
    await app.operations.untrack(number, true, EVE);
    await database.query("update waypost.decision set reconsider = true where id = $1", [number]);
    await round(app, ben);
    assert.deepEqual(await emailsIn(database, ben), []);
    await app.close();

    await using later = await rig.open(database, rig.configurationFor([ben, other]));
    await rig.dovecot.append(other, "INBOX", text);
    const counts = await round(later, other);
    assert.deepEqual([counts.tracked, counts.duplicate, counts.skipped], [0, 0, 1]);
    await later.operations.track(number, null, EVE);
    assert.equal((await round(later, ben)).tracked, 1);
    assert.deepEqual(
      (await emailsIn(database, ben)).map(({ id }) => id),
      [email.id],
    );
  });

  promise(
    "what is an email already is said to be one; track and regarding say what it is about, explain tells, and none takes it off",
    async (database) => {
      await using office = await openOffice(database);
      const { app, ben } = office;
      const record = await office.record();
      await office.arrives("offer", ben);
      await round(app, ben);
      const [email] = await emailsIn(database, ben);
      const about = async () => (await app.crm.readEmail(email?.id ?? ""))?.regarding?.id ?? null;
      assert.equal((await app.operations.track(office.id("offer"), null, EVE)).state, "an email already");
      const told = await app.operations.track(email?.id ?? "", `contact:${record.id}`, EVE);
      assert.deepEqual([told.state, told.regarding?.id, await about()], ["an email already", record.id, record.id]);
      assert.equal((await app.operations.regarding(office.id("offer"), "none", EVE)).regarding, null);
      assert.equal(await about(), null);
      await app.operations.regarding(office.id("offer"), record.id.replace(/^/, "contact:"), EVE);
      assert.equal(await about(), record.id);
      const { sentences } = await explained(app, `${office.ann}-offer`, ben);
      assert.match(sentences, /regarding: yes\. eve on the command line said on .* by hand that it is about the contact Carl of/);
      assert.match(sentences, /regarding: no\. eve on the command line said on .* by hand that it is about no record/);
      assert.deepEqual(
        (await audited(database, await numberIn(app, office.id("offer"), ben))).map(([, action]) => action),
        ["regarding", "regarding", "regarding"],
      );
      assert.equal((await round(app, ben)).tracked, 0);
    },
  );

  promise("in a CRM that stands elsewhere it is the same, and a deletion that fails is done by saying it again", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, ben } = office;
    const record = await office.record();
    const here = app.context.crm("CRM");
    let isAway = false;
    const elsewhere = foreignCrm(here, ({ verb, when }) => {
      if (isAway && verb === "remove" && when === "before") throw new Error("it is away");
    });
    app.context.crm = () => elsewhere;
    await office.arrives("offer", ann);
    await round(app, ann);
    await app.operations.track(office.id("offer"), `contact:${record.id}`, EVE);
    assert.equal((await round(app, ann)).tracked, 1);
    const [email] = await emailsIn(database, ann, ben);
    assert.ok(email);
    await app.operations.regarding(office.id("offer"), "none", EVE);
    assert.equal((await app.crm.readEmail(email.id))?.regarding, null);

    isAway = true;
    await assert.rejects(app.operations.untrack(office.id("offer"), true, EVE), /it is away/);
    await office.arrives("offer", ben);
    assert.equal((await round(app, ben)).skipped, 1, "nothing brings it back meanwhile");
    isAway = false;
    assert.equal((await app.operations.untrack(office.id("offer"), true, EVE)).email, "deleted");
    await app.operations.track(office.id("offer"), null, EVE);
    assert.equal((await round(app, ann, ben)).tracked, 1);
    assert.deepEqual(
      (await emailsIn(database, ann, ben)).map(({ id }) => id),
      [email.id],
    );
  });

  promise("of two messages under one Message-ID the number is asked for, and only that one is touched", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, ben } = office;
    for (const user of [ann, ben])
      await rig.dovecot.append(user, "INBOX", letter({ id: `${ann}-twice`, subject: `${ann} to ${user}`, to: [addressOf(user)] }));
    await round(app, ann, ben);
    const failure = await app.operations.untrack(office.id("twice"), false, EVE).catch((error: unknown) => error);
    const [annNumber, benNumber] = [await numberIn(app, office.id("twice"), ann), await numberIn(app, office.id("twice"), ben)];
    assert.match(String(failure), new RegExp(`${annNumber} in ${addressOf(ann)} and ${benNumber} in ${addressOf(ben)}`));
    await app.operations.track(annNumber, null, EVE);
    await app.operations.untrack(benNumber, false, EVE);
    await round(app, ann, ben);
    assert.deepEqual(
      (await standing(database, ann, ben)).map(([, outcome]) => outcome),
      ["tracked", "skipped"],
    );
  });

  promise("what is untracked while it is being read does not become an email, and the others of its page do", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, ben } = office;
    await office.arrives("offer", ann);
    await round(app, ann);
    await office.arrives("offer", ben);
    await office.arrives("other", ben);
    let isSaid = false;
    using _ = atEach(app, async ({ reads }) => {
      if (reads !== "content" || isSaid) return;
      isSaid = true;
      await app.operations.untrack(office.id("offer"), false, EVE);
    });
    assert.deepEqual(
      (await receive(app, ben)).failures.map(({ code }) => code),
      ["word given meanwhile"],
    );
    await round(app, ben);
    assert.deepEqual(
      (await emailsIn(database, ben)).map(({ subject }) => subject),
      [`${ann} other`],
    );
  });
});
