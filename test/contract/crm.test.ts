import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Database } from "../../src/database/database.ts";
import { addressKey } from "../../src/model/address.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Sql } from "../../src/model/sql.ts";
import { type EngineName, onBothEngines, testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { crmContract } from "./crm.contract.ts";
import { file, head, incoming, party, query, unique } from "./crm-fixtures.ts";
import type { CrmUnderTest } from "./crm-under-test.ts";
import { foreignCrm } from "./foreign-crm.ts";

for (const engine of ["pglite", "postgres"] as const) {
  const skip = engine === "postgres" && !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]);
  crmContract(`embedded CRM on ${engine}`, () => embeddedUnderTest(engine), { skip });
}

crmContract("a CRM that stands elsewhere and joins no transaction", async () => {
  const here = await embeddedUnderTest("pglite");
  return { ...here, crm: foreignCrm(here.crm) };
});

async function embeddedUnderTest(engine: EngineName): Promise<CrmUnderTest> {
  const database = await testDatabase(engine);
  const crm = openEmbeddedCrm(database);
  const only = <T>(values: Iterable<T>): T => {
    const [value] = values;
    assert.ok(value !== undefined);
    return value;
  };
  const at = (address: string) => ({ address: { name: "", address } });
  return {
    crm,
    user: async (entry) => only((await crm.putUsers([{ name: entry.address, ...entry }])).values()),
    queue: async (entry) => only((await crm.putQueues([{ name: entry.address, ...entry }])).values()),
    contact: async (entry) => only(await crm.createRecords([{ type: "contact", lastname: entry.addresses[0] ?? "", ...entry }])),
    settings: async (settings) => void (await crm.putSettings(settings)),
    draft: async ({ from, to = [], bcc = [], subject = "subject", ...rest }) =>
      only(await crm.createEmails([{ from: at(from), to: to.map(at), bcc: bcc.map(at), subject, ...rest }])),
    send: async (id, by) => void (await crm.sendEmail(id, by)),
    async read(id) {
      const email = await crm.readEmail(id);
      return email && { ...email, queueIds: email.queues.map((queue) => queue.id) };
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** The same database, counting statements. */
function counting(database: Database) {
  const count = { statements: 0 };
  const counted =
    (sql: Sql): Sql["query"] =>
    (text, values) => {
      count.statements++;
      return sql.query(text, values);
    };
  return {
    count,
    store: {
      query: counted(database),
      transaction: <T>(work: Parameters<typeof database.transaction<T>>[0], name?: string) =>
        database.transaction<T>((tx) => work({ open: true, query: counted(tx) }), name),
      listen: database.listen.bind(database),
    },
  };
}

onBothEngines("embedded CRM: a page of 500 takes a number of statements that does not depend on it", async (database) => {
  const { count, store } = counting(database);
  const crm = openEmbeddedCrm(store);
  const queues = await crm.putQueues([{ name: "q", address: unique("q") }]);
  const emails = Array.from({ length: 500 }, (_, n) =>
    incoming({
      html: `<p>${n}</p>`,
      text: String(n),
      attachments: [file("a", `a${n}`), file("logo", "logo")],
      placement: {
        queueIds: [...queues.values()],
        parties: [party(PARTICIPATION.sender, `s${n}@x.test`), party(PARTICIPATION.to, "t@x.test")],
      },
    }),
  );
  count.statements = 0;
  await crm.deliver(emails);
  assert.ok(count.statements <= 8, `deliver took ${count.statements} statements`);
  count.statements = 0;
  const facts = await crm.facts(
    query(emails.map((email, n) => head({ from: [`s${n}@x.test`], inReplyTo: [email.messageId ?? ""], subject: `CRM:0001${n + 100}` }))),
  );
  assert.ok(count.statements <= 8, `facts took ${count.statements} statements`);
  assert.equal(facts.emailsByMessageId.size, 500);
});

onBothEngines("embedded CRM: equal bodies and attachments are stored once", async (database) => {
  const crm = openEmbeddedCrm(database);
  await crm.deliver([
    incoming({ html: "<p>same</p>", attachments: [file("a", "logo")] }),
    incoming({ html: "<p>same</p>", attachments: [file("b", "logo"), file("c", "logo")] }),
  ]);
  await crm.deliver([incoming({ text: "logo" })]);
  assert.deepEqual((await database.query("select convert_from(body, 'UTF8') as body from crm.content order by 1")).rows, [
    { body: "<p>same</p>" },
    { body: "logo" },
  ]);
});

onBothEngines(
  "embedded CRM: what is new in an email's text is kept beside the whole, and as little as nothing is kept as nothing",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const [answer, letter] = [incoming({ text: "Yes.\n\n> Shall we?\n> Ann", reply: "Yes." }), incoming({ text: "Shall we?" })];
    await crm.deliver([answer, letter]);
    const [kept, whole] = [await crm.readEmail(answer.id), await crm.readEmail(letter.id)];
    assert.deepEqual([kept?.text, kept?.reply], ["Yes.\n\n> Shall we?\n> Ann", "Yes."]);
    assert.deepEqual([whole?.text, whole?.reply], ["Shall we?", null]);
  },
);

onBothEngines("embedded CRM: damaged or missing content is told, never handed out", async (database) => {
  const crm = openEmbeddedCrm(database);
  const email = incoming({ attachments: [file("a", "true")] });
  await crm.deliver([email]);
  const hash = (await crm.readEmail(email.id))?.attachments[0]?.hash ?? "";
  await database.query("update crm.content set body = 'false' where hash = $1", [hash]);
  await assert.rejects(crm.attachment(hash), isFailure("content damaged"));
  await assert.rejects(crm.attachment("0".repeat(64)), isFailure("content missing"));
});

onBothEngines("embedded CRM: delivery takes part in the caller's transaction", async (database) => {
  const crm = openEmbeddedCrm(database);
  const email = incoming({});
  await assert.rejects(
    database.transaction(async (tx) => {
      assert.deepEqual(await crm.deliver([email], tx), [{ id: email.id, result: "created" }]);
      throw new Error("roll back");
    }),
    /roll back/,
  );
  assert.equal(await crm.readEmail(email.id), null);
});

onBothEngines("embedded CRM: the address index follows every change of a record", async (database) => {
  const crm = openEmbeddedCrm(database);
  const [account] = await crm.createRecords([{ type: "account", name: "Acme", addresses: ["", " INFO@Acme.test "] }]);
  const found = async (address: string) =>
    ((await crm.facts(query([head({ from: [address] })]))).records.get(addressKey(address)) ?? []).map(
      ({ record, column, active, ownerId, doNotEmail }) => [record.type, record.name, column, active, ownerId, doNotEmail],
    );
  assert.deepEqual(await found("info@acme.test"), [["account", "Acme", 2, true, null, false]]);
  const owner = randomUUID();
  await database.query(
    "update crm.account set name = 'Acme Ltd', statecode = 1, ownerid = $2, donotemail = true, emailaddress1 = 'info@acme.test' where accountid = $1",
    [account?.id, owner],
  );
  assert.deepEqual(await found("info@acme.test"), [
    ["account", "Acme Ltd", 1, false, owner, true],
    ["account", "Acme Ltd", 2, false, owner, true],
  ]);
  await database.query("update crm.account set emailaddress1 = null, emailaddress2 = 'new@acme.test'");
  assert.deepEqual([await found("info@acme.test"), (await found("new@acme.test")).length], [[], 1]);
  await database.query("delete from crm.account");
  assert.deepEqual(await found("new@acme.test"), []);
  await database.query(
    "insert into crm.lead (leadid, companyname, emailaddress3) values (gen_random_uuid(), 'Lead Inc', 'ÄNNE@lead.test'), (gen_random_uuid(), 'Other', '  ')",
  );
  await database.query(
    "insert into crm.systemuser (systemuserid, fullname, mobilealertemail) values (gen_random_uuid(), 'Ann', 'änne@lead.test')",
  );
  assert.deepEqual(
    (await found("Änne@lead.test")).map((one) => one.slice(0, 3)),
    [
      ["systemuser", "Ann", 3],
      ["lead", "Lead Inc", 3],
    ],
    "best table first",
  );
});

onBothEngines("embedded CRM: more records than anybody can mean are seen to be too many", async (database) => {
  const crm = openEmbeddedCrm(database);
  await crm.createRecords(Array.from({ length: 150 }, () => ({ type: "contact" as const, addresses: ["crowd@x.test"] })));
  assert.equal((await crm.facts(query([head({ from: ["crowd@x.test"] })]))).records.get("crowd@x.test")?.length, 101);
});

onBothEngines("embedded CRM: 100,000 contacts written by one statement are indexed within it, in seconds", async (database) => {
  await database.query(
    "insert into crm.contact (contactid, lastname, emailaddress1, emailaddress2) select gen_random_uuid(), 'c' || n, 'c' || n || '@bulk.test', 'c' || n || '@other.test' from generate_series(1, 100000) n",
  );
  assert.deepEqual((await database.query("select count(*)::int as rows from crm.emailsearch")).rows, [{ rows: 200_000 }]);
  const facts = await openEmbeddedCrm(database).facts(query([head({ from: ["C777@bulk.test"] })]));
  assert.equal(facts.records.get("c777@bulk.test")?.[0]?.record.name, "c777");
});

onBothEngines("embedded CRM: a user made by plain SQL has settings and a token number", async (database) => {
  const crm = openEmbeddedCrm(database);
  await database.query(
    "insert into crm.systemuser (systemuserid, fullname, internalemailaddress) values (gen_random_uuid(), 'A', 'a@x.test'), (gen_random_uuid(), 'B', 'b@x.test')",
  );
  const voters = (await crm.facts(query([head({ to: ["a@x.test"] })]))).voters;
  assert.equal(voters.get("a@x.test")?.[0]?.filter, 1);
  assert.deepEqual((await database.query("select trackingtokenid from crm.usersettings order by 1")).rows, [
    { trackingtokenid: 1 },
    { trackingtokenid: 2 },
  ]);
});

onBothEngines("embedded CRM: tokens count by user and start again after the maximum", async (database) => {
  const crm = openEmbeddedCrm(database);
  await crm.putSettings({ maximumtrackingnumber: 99, trackingtokenidbase: 500 });
  await crm.putUsers([
    { name: "Ann", address: "ann@x.test" },
    { name: "Bob", address: "bob@x.test" },
  ]);
  await crm.putQueues([{ name: "Q", address: "q@x.test" }]);
  await database.query("update crm.usersettings set nexttrackingnumber = 98 where trackingtokenid = 1");
  const sent = async (from: string, by: string | null = null) => {
    const [id = ""] = await crm.createEmails([
      { from: { address: { name: "", address: from } }, to: [{ address: { name: "", address: "x@y.test" } }], subject: "s" },
    ]);
    await crm.sendEmail(id, by);
    return (await crm.claim(id, 1))?.trackingToken;
  };
  assert.deepEqual(
    [await sent("ann@x.test"), await sent("ann@x.test"), await sent("ann@x.test"), await sent("bob@x.test")],
    ["CRM:050198", "CRM:050199", "CRM:050100", "CRM:050201"],
  );
  assert.equal(await sent("q@x.test"), "CRM:050001", "mail of nobody has numbers of its own");
  const bob = (await crm.facts(query([head({ to: ["bob@x.test"] })]))).voters.get("bob@x.test")?.[0]?.record.id ?? "";
  assert.equal(await sent("q@x.test", bob), "CRM:050202", "a queue's mail counts for whoever pressed Send");
});

onBothEngines("embedded CRM: an email that plain SQL puts into Pending Send is sent like any other", async (database) => {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: "Ann@x.test" }]);
  const [inserted, updated] = [randomUUID(), randomUUID()];
  await database.query(
    "insert into crm.email (activityid, statuscode, createdon) values ($1, 6, now() - interval '1 hour'), ($2, 1, now())",
    [inserted, updated],
  );
  await database.query(
    "insert into crm.activityparty (activityid, ordinal, participationtypemask, partyid, partyobjecttypecode) select id, 1, 1, $2, 'systemuser' from unnest($1::uuid[]) id",
    [[inserted, updated], users.get("ann@x.test")],
  );
  await database.query("update crm.email set statuscode = 6 where activityid = $1", [updated]);
  assert.deepEqual(await crm.pending("ann@x.test", 10, new Date(Date.now() + 1000)), [
    { id: inserted, generation: 1 },
    { id: updated, generation: 1 },
  ]);
  const email = await crm.claim(inserted, 1);
  assert.deepEqual([email?.from?.address.address, email?.mayActAsSender, email?.submitterId], ["Ann@x.test", true, null]);
  await crm.settle(inserted, 1, { status: "sent", messageId: "m@x.test", subject: "s", sentOn: new Date(), attempts: 1, note: null });
  await database.query("update crm.email set statuscode = 6 where activityid = $1", [inserted]);
  assert.equal(
    (await crm.pending("ann@x.test", 10, new Date(Date.now() + 1000)))[0]?.generation,
    2,
    "sent once more is another generation",
  );
});

onBothEngines(
  "embedded CRM: SendEmail sends drafts and failed emails, records others as sent, and refuses with a reason",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    await crm.putUsers([{ name: "Ann", address: "ann@x.test" }]);
    const from = { address: { name: "", address: "ann@x.test" } };
    const [id = "", recorded = "", nobody = ""] = await crm.createEmails([
      { from, to: [from], subject: "a" },
      { from, bcc: [from], subject: "b" },
      { from, subject: "c" },
    ]);
    assert.deepEqual(await crm.sendEmail(id, null), { status: STATUS.pendingSend, generation: 1 });
    await assert.rejects(crm.sendEmail(id, null), isFailure("not open"));
    assert.deepEqual(await crm.sendEmail(recorded, null, { issueSend: false }), { status: STATUS.sent, generation: 0 });
    await assert.rejects(crm.sendEmail(nobody, null), isFailure("80040B04"));
    await assert.rejects(crm.sendEmail(randomUUID(), null), isFailure("80040217"));
    const received = incoming({});
    await crm.deliver([received]);
    await assert.rejects(crm.sendEmail(received.id, null), isFailure("incoming email"));
    assert.deepEqual((await database.query("select statecode, statuscode from crm.email where activityid = $1", [id])).rows, [
      { statecode: 1, statuscode: 6 },
    ]);
    assert.deepEqual(await Promise.allSettled([crm.sendEmail(nobody, null)]).then(([one]) => one?.status), "rejected");
  },
);

onBothEngines("embedded CRM: two presses of Send at once make one generation", async (database) => {
  const crm = openEmbeddedCrm(database);
  const from = { address: { name: "", address: "ann@x.test" } };
  const [id = ""] = await crm.createEmails([{ from, to: [from], subject: "a" }]);
  const results = await Promise.allSettled([crm.sendEmail(id, null), crm.sendEmail(id, null)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal((await crm.outgoing(id))?.generation, 1);
});

onBothEngines(
  "embedded CRM: a setting that is none stops the organization instead of being guessed; unknown names stay",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    await database.query(`update crm.organization set settings = '{"SomethingNew": 3, "trackingprefix": "OLD:"}'`);
    assert.deepEqual((await crm.settings()).unknown, ["SomethingNew"]);
    const { settings, unknown } = await crm.putSettings({ trackingprefix: "NEW:", maximumtrackingnumber: 9999 });
    assert.deepEqual(
      [settings.trackingprefixhistory, settings.maximumtrackingnumber, settings.emailcorrelationenabled, unknown],
      [["OLD:"], 9999, true, ["SomethingNew"]],
    );
    assert.deepEqual((await crm.putSettings({})).settings.trackingprefixhistory, ["NEW:", "OLD:"], "prefixes of earlier times still match");
    await assert.rejects(crm.putSettings({ trackingtokeniddigits: 11 }), isFailure("settings invalid"));
    await database.query(`update crm.organization set settings = '{"DoNotAutoTrackEmail": "yes"}'`);
    await assert.rejects(
      crm.facts(query([])),
      (error) =>
        isFailure("settings invalid")(error) &&
        error instanceof Failure &&
        error.scope === "organization" &&
        /DoNotAutoTrackEmail/.test(error.message),
    );
  },
);

onBothEngines("embedded CRM: a mailbox whose owner is not in the CRM is told of", async (database) => {
  const missing = { mailbox: { address: "a@x.test", owner: { type: "systemuser", id: randomUUID() } }, heads: [] };
  await assert.rejects(openEmbeddedCrm(database).facts(missing), isFailure("mailbox owner missing"));
});

onBothEngines(
  "embedded CRM: the list of emails pages through all of them, newest first, and by record, queue, direction and subject",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const [contact] = await crm.createRecords([{ type: "contact", firstname: "C", lastname: "D", addresses: ["c@x.test"] }]);
    const queues = [...(await crm.putQueues([{ name: "Q", address: "q@x.test" }])).values()];
    // Three at the same instant: their order is by id, and no page may lose one of them.
    const emails = Array.from({ length: 25 }, (_, n) =>
      incoming({ subject: `Mail ${n}`, received: new Date(Date.UTC(2024, 0, 1 + Math.trunc(n / 3))) }),
    );
    assert.ok(contact);
    const about = incoming({
      subject: "ABOUT c",
      received: new Date(Date.UTC(2023, 0, 1)),
      placement: { regarding: contact, queueIds: queues },
    });
    const from = incoming({
      received: new Date(Date.UTC(2023, 0, 2)),
      placement: { parties: [party(PARTICIPATION.sender, "c@x.test", contact)] },
    });
    await crm.deliver([...emails, about, from]);
    const seen: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = await crm.listEmails({ limit: 4, after });
      seen.push(...page.emails.map(({ id }) => id));
      after = page.next;
    }
    assert.equal(new Set(seen).size, 27);
    assert.deepEqual(seen.slice(-2), [from.id, about.id]);
    const ids = async (given: object) => (await crm.listEmails({ limit: 10, ...given })).emails.map(({ id }) => id);
    assert.deepEqual(await ids({ recordId: contact.id }), [from.id, about.id]);
    assert.deepEqual(await ids({ queueId: queues[0] }), [about.id]);
    assert.deepEqual(await ids({ subject: "about C" }), [about.id]);
    assert.deepEqual([await ids({ outgoing: true }), await ids({ statuses: [STATUS.sent] })], [[], []]);
    assert.deepEqual(await crm.readRecord(contact.id), {
      type: "contact",
      id: contact.id,
      name: "C D",
      active: true,
      addresses: ["c@x.test"],
    });
    await assert.rejects(crm.listEmails({ limit: 1, after: "x" }), isFailure("no such page"));
  },
);

test("embedded CRM: two deliveries that stand in each other's way on PostgreSQL go in one order and never deadlock", {
  skip: missingServers(["postgres"]),
}, async () => {
  await using database = await testDatabase("postgres", { poolSize: 4 });
  const crm = openEmbeddedCrm(database);
  const ids = () => Array.from({ length: 3 }, () => randomUUID()).sort();
  const same = ids().map((id) => incoming({ id }));
  const texts = ["1", "2", "3"].sort((one, other) => (hashOf(one) < hashOf(other) ? -1 : 1));
  const withTexts = (order: string[]) => ids().map((id, n) => incoming({ id, text: order[n] ?? null }));
  const pairs = [
    { what: "the same emails", obstacle: same[1], lists: [same, same.toReversed()] },
    { what: "the same bodies", obstacle: incoming({ text: texts[1] ?? null }), lists: [withTexts(texts), withTexts(texts.toReversed())] },
  ];
  for (const { what, obstacle, lists } of pairs) {
    assert.ok(obstacle, what);
    // Both deliveries have to wait at the middle one, each with what it wrote before; out of order they would then want each other's.
    const standing = Promise.withResolvers<void>();
    const aside = Promise.withResolvers<void>();
    const held = database.transaction(async (tx) => {
      await crm.deliver([obstacle], tx);
      standing.resolve();
      await aside.promise;
      throw new Error("out of the way");
    });
    await Promise.race([standing.promise, held]);
    const deliveries = Promise.all(lists.map((list) => crm.deliver(list)));
    await waiting(database, 2);
    aside.resolve();
    await assert.rejects(held, /out of the way/);
    await deliveries;
  }
});

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Until so many sessions of this database wait for a lock. */
async function waiting(sql: Sql, sessions: number): Promise<void> {
  const query = "select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  while ((await sql.query<{ waiting: number }>(query)).rows[0]?.waiting !== sessions) await setTimeout(10);
}

test("embedded CRM: claims on PostgreSQL race over several connections and have one winner", {
  skip: missingServers(["postgres"]),
}, async () => {
  await using database = await testDatabase("postgres", { poolSize: 8 });
  const crm = openEmbeddedCrm(database);
  const from = { address: { name: "", address: "ann@x.test" } };
  const ids = await crm.createEmails(Array.from({ length: 10 }, () => ({ from, to: [from], subject: "a" })));
  for (const id of ids) await crm.sendEmail(id, null);
  const claims = await Promise.all(ids.flatMap((id) => Array.from({ length: 4 }, () => crm.claim(id, 1))));
  const won = claims.filter((one) => one !== null);
  assert.equal(won.length, 10);
  assert.equal(new Set(won.map(({ trackingToken }) => trackingToken)).size, 10, "no token twice");
});

function isFailure(code: string) {
  return (error: unknown): boolean => error instanceof Failure && error.code === code && error.remedy !== "";
}
