import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { onBothEngines, type TestDatabase, testDatabase } from "../../test/databases.ts";
import { missingServers } from "../../test/servers/needs.ts";
import { REASON } from "../model/decision.ts";
import { Failure } from "../model/failure.ts";
import { remainderOf } from "../model/identity.ts";
import { closeAlerts, openAlert } from "./alerts.ts";
import { writeAudit } from "./audit.ts";
import { findCopies } from "./by-hand.ts";
import { findDecisions } from "./decision-rows.ts";
import { type DecidedMessage, decideAnew, decisionsByIdentity, reconsiderWaiting, storeDecisions } from "./decisions.ts";
import { decisionsAt } from "./listed-places.ts";
import { quarantine, release } from "./quarantine.ts";
import { type Aging, countWaitingWith, type PurgedPart, purgeAged, purgeHeads, purgeHeadsWith } from "./retention.ts";
import { ANN, decided, describeMailboxes, head, later, NOW, ORGANIZATION } from "./test-data.ts";
import { LOOK_ALIKE, toldBefore } from "./told-before.ts";

const DAY = 86_400;
const EMAIL = "44444444-4444-8444-8444-444444444444";

/** Words of a message that nobody else writes. */
const SECRETS = ["plum-subject", "plum-sender", "plum-answer", "plum-question"];

const SECRET: DecidedMessage = decided("plum-id@plum-sender.test", {
  identity: "fingerprint",
  head: head("plum-id@plum-sender.test", {
    ref: { stream: "INBOX", id: "1.7" },
    subject: "About plum-subject",
    from: [{ name: "Plum", address: "plum-sender@stranger.test" }],
    inReplyTo: ["plum-question@example.test"],
  }),
  waitingFor: ["plum-question@example.test"],
  rules: [
    { rule: "start date", answer: "yes", because: "It is not too old.", isGeneral: true },
    {
      rule: "filter",
      answer: "no",
      because: "Nobody knows plum-answer.",
      records: [{ type: "contact", id: EMAIL, name: "plum-answer" }],
      settings: { incomingemailfilteringmethod: 2 },
    },
  ],
  automaticAnswer: { sender: "plum-sender@stranger.test", mailbox: "ann@crm.test", conversation: "plum-subject", received: NOW },
});

function store(database: TestDatabase, messages: readonly DecidedMessage[], now = NOW): Promise<Map<string, number>> {
  return database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, messages, now));
}

async function purgeBefore(database: TestDatabase, before: Date, limit = 100): Promise<number> {
  let all = 0;
  for (let after: number | null = 0; after !== null; ) {
    const walk = { after, limit, deletedEmails: [] };
    const part: PurgedPart = await database.transaction((tx) => purgeHeads(tx, before, walk, later(31 * DAY)));
    all += part.purged;
    after = part.goesOnAfter;
  }
  return all;
}

async function purgeAllWith(database: TestDatabase, address: string): Promise<number> {
  let all = 0;
  for (let after: number | null = 0; after !== null; ) {
    const walk = { after, limit: 2, deletedEmails: [] };
    const part: PurgedPart = await database.transaction((tx) => purgeHeadsWith(tx, address, walk, later(9)));
    all += part.purged;
    after = part.goesOnAfter;
  }
  return all;
}

/** Tables of the ledger in which one of these words stands. */
async function tablesWith(database: TestDatabase, words: readonly string[]): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'waypost' and table_type = 'BASE TABLE' order by 1",
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const { rows: some } = await database.query(`select from waypost.${name} one where one::text ~ $1 limit 1`, [words.join("|")]);
    if (some.length > 0) found.push(name);
  }
  return found;
}

onBothEngines(
  "of a message that is no email nothing is left after its time but outcome, reason, answers and fingerprints",
  async (database) => {
    await describeMailboxes(database);
    const id = (await store(database, [SECRET])).get(SECRET.identity);
    assert.deepEqual(await tablesWith(database, SECRETS), ["automatic_answer", "decision"], "it was there");
    assert.equal(await purgeBefore(database, later(1)), 1);
    assert.deepEqual(await tablesWith(database, SECRETS), []);
    const [row, ...others] = await findDecisions(database, "<plum-id@plum-sender.test>");
    assert.equal(others.length, 0);
    assert.deepEqual(
      [row?.id, row?.messageId, row?.sender, row?.subject, row?.outcome, row?.reason, row?.purgedAt, row?.waitingFor],
      [id, null, null, null, "skipped", REASON.noCorrelationMatch, later(31 * DAY), []],
    );
    assert.deepEqual(row?.rules, [
      { rule: "start date", answer: "yes", because: "It is not too old." },
      { rule: "filter", answer: "no", because: "", settings: { incomingemailfilteringmethod: 2 } },
    ]);
    assert.deepEqual((await findCopies(database, { messageId: "plum-id@plum-sender.test", emailId: null, number: null }))[0]?.head, null);
    assert.deepEqual([...(await decisionsByIdentity(database, ANN, [SECRET.identity])).decided.values()], [id], "it is known again");
    const woken = await database.transaction((tx) => reconsiderWaiting(tx, ORGANIZATION, ["plum-question@example.test"]));
    assert.deepEqual(woken, [], "it waits for nothing any more");
    assert.equal(await purgeBefore(database, later(1)), 0, "once");
  },
);

onBothEngines("what is an email, waits in quarantine, is about to be decided or is not old enough keeps its head", async (database) => {
  await describeMailboxes(database);
  const kept = [
    decided("tracked@a.test", { outcome: "tracked", emailId: EMAIL }),
    decided("quarantined@a.test", { outcome: "quarantined" }),
    decided("forward@a.test", { outcome: "quarantined", head: head("forward@a.test", { unreadable: "It cannot be opened." }) }),
    decided("due@a.test"),
  ];
  const forwarded = { kind: "too large", size: 9, limit: 1 } as const;
  const stranger = decided("stranger@a.test", { outcome: "quarantined", head: head("stranger@a.test", { forwarded }) });
  const ids = await store(database, [
    ...kept,
    stranger,
    decided("copy@a.test", { outcome: "duplicate", emailId: EMAIL }),
    decided("old@a.test"),
  ]);
  await store(database, [decided("young@a.test")], later(5));
  await database.transaction((tx) => decideAnew(tx, [ids.get("identity of due@a.test") ?? 0]));
  assert.equal(await purgeBefore(database, later(5)), 3);
  const { rows } = await database.query<{ identity: string }>("select identity from waypost.decision where head is not null order by id");
  assert.deepEqual(
    rows.map((row) => row.identity),
    [...kept.map((one) => one.identity), "identity of young@a.test"].toSorted(
      (one, other) => (ids.get(one) ?? 99) - (ids.get(other) ?? 99),
    ),
  );
});

onBothEngines("so many decisions are looked at at a time, whatever became of them, until there are no more", async (database) => {
  await describeMailboxes(database);
  const names = ["one", "email", "three"];
  for (const name of names)
    await store(database, [decided(`${name}@a.test`, name === "email" ? { outcome: "tracked", emailId: EMAIL } : {})]);
  const senders = async () =>
    (await Promise.all(names.map((name) => findDecisions(database, `${name}@a.test`)))).map(([row]) => row?.sender);
  const walk = { after: 0, limit: 2, deletedEmails: [] };
  const first = await database.transaction((tx) => purgeHeads(tx, later(9), walk, NOW));
  assert.deepEqual([first.purged, await senders()], [1, [null, "carl@stranger.test", "carl@stranger.test"]]);
  assert.equal(await purgeBefore(database, later(9), 2), 1);
  assert.equal(await purgeBefore(database, later(9), 1), 0);
  assert.deepEqual(await senders(), [null, "carl@stranger.test", null]);
});

onBothEngines("a purged message that is decided anew is kept whole again", async (database) => {
  await describeMailboxes(database);
  await store(database, [SECRET]);
  await purgeBefore(database, later(1));
  await store(database, [SECRET], later(40 * DAY));
  const [row] = await findDecisions(database, "plum-id@plum-sender.test");
  assert.deepEqual([row?.subject, row?.purgedAt, row?.waitingFor], ["About plum-subject", null, ["plum-question@example.test"]]);
});

onBothEngines("in its place a purged message is known by what is left of its head, and as the look-alike that it was", async (database) => {
  await describeMailboxes(database);
  await store(database, [{ ...SECRET, rules: [...SECRET.rules, LOOK_ALIKE] }]);
  await purgeBefore(database, later(1));
  const told = (await toldBefore(database, ANN, "INBOX", [SECRET.head.ref.id])).get(SECRET.head.ref.id);
  assert.deepEqual([told?.head, told?.remainder, told?.isLookAlike], [null, remainderOf(SECRET.head), true]);
  const there = (await decisionsAt(database, ANN, "INBOX", [SECRET.head.ref.id])).get(SECRET.head.ref.id);
  assert.deepEqual([there?.outcome, there?.messageId], ["skipped", null], "an audit finds it there, and has no Message-ID to tell");
});

onBothEngines("of an address nothing is left in mail that is no email, wherever it stood; mail of others stays", async (database) => {
  await describeMailboxes(database);
  const carla = { name: "", address: "Carla@Customer.test" };
  await store(database, [
    decided("a@x.test", { head: head("a@x.test", { from: [carla] }) }),
    decided("b@x.test", { head: head("b@x.test", { cc: [carla] }) }),
    decided("c@x.test", { rules: [{ rule: "filter", answer: "no", because: "Nobody knows carla@customer.test." }] }),
    decided("d@x.test"),
    decided("e@x.test", { outcome: "quarantined", head: head("e@x.test", { from: [carla] }) }),
  ]);
  assert.deepEqual(await tablesWith(database, ["[cC]arla@"]), ["decision"]);
  assert.equal(await purgeAllWith(database, "CARLA@customer.test "), 3);
  assert.equal((await findDecisions(database, "d@x.test"))[0]?.sender, "carl@stranger.test");
  assert.equal(await countWaitingWith(database, "carla@customer.test"), 1);
  await database.query("delete from waypost.decision where outcome = 'quarantined'");
  assert.deepEqual(await tablesWith(database, ["[cC]arla@"]), []);
});

onBothEngines("an address is found in whatever stands around it, and another one that holds its letters is not", async (database) => {
  await describeMailboxes(database);
  const because = [
    "<ann.o'x+1@x.test>",
    "of ann.o'x+1@x.test.",
    "mailto:Ann.o'x+1@x.test?subject=",
    "list\tann.o'x+1@x.test",
    "%3cann.o'x+1@x.test%3e",
  ];
  const others = [
    "joann.o'x+1@x.test",
    "jo.ann.o'x+1@x.test",
    "ann.o'x+1@x.test.example",
    "ann.o'x+1@x.tests",
    "annpo'x+1@x.test",
    "ann.o'x+1@xtest",
  ];
  const messages = [...because, ...others].map((text, number) =>
    decided(`${number}@a.test`, { rules: [{ rule: "filter", answer: "no", because: text }] }),
  );
  await store(database, messages);
  const walk = { after: 0, limit: 100, deletedEmails: [] };
  const part = await database.transaction((tx) => purgeHeadsWith(tx, "ann.o'x+1@x.test", walk, later(9)));
  assert.equal(part.purged, because.length);
  const { rows } = await database.query<{ said: string }>(
    "select rules -> 0 ->> 'because' as said from waypost.decision where head is not null",
  );
  assert.deepEqual(rows.map(({ said }) => said).toSorted(), others.toSorted());
});

test("who forgets an address holds no message while it waits for another (postgres)", { skip: missingServers(["postgres"]) }, async () => {
  await using database = await testDatabase("postgres", { poolSize: 4 });
  await describeMailboxes(database);
  const [first, second] = [decided("first@a.test"), decided("second@a.test")];
  await store(database, [first]);
  await store(database, [second]);
  const [isHeld, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let tries = 0;
  const storing = database.transaction(async (tx) => {
    tries++;
    await tx.query("select from waypost.decision where identity = $1 for update", [second.identity]);
    isHeld.resolve();
    await goOn.promise;
    await tx.query("select from waypost.decision where identity = $1 for update", [first.identity]);
  });
  await Promise.race([isHeld.promise, storing]);
  const purging = purgeAllWith(database, "carl@stranger.test");
  await Promise.race([someoneWaits(database), purging]);
  goOn.resolve();
  const [purged] = await Promise.all([purging, storing]);
  assert.deepEqual([purged, tries], [2, 1]);
});

/** Until a session of this database waits for a lock. */
async function someoneWaits(database: TestDatabase): Promise<void> {
  const query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  while ((await database.query(query)).rows.length === 0) await setTimeout(10);
}

onBothEngines("closed alerts, closed entries of the quarantine and old entries of the audit go; open ones stay", async (database) => {
  await describeMailboxes(database);
  const alert = { scope: "mailbox", code: "receiving: x", message: "m", remedy: "r" } as const;
  await openAlert(database, { ...alert, subject: ANN }, NOW);
  await closeAlerts(database, "mailbox", ANN, "", NOW);
  await openAlert(database, { ...alert, subject: ANN }, NOW);
  const ids = [
    ...(
      await store(
        database,
        ["a", "b"].map((one) => decided(one, { outcome: "quarantined" })),
      )
    ).values(),
  ];
  const failure = new Failure({ scope: "item", code: "c", message: "m", remedy: "r", waitingHelps: false });
  await database.transaction(async (tx) => {
    await quarantine(
      tx,
      ANN,
      ids.map((decisionId) => ({ decisionId, step: "read", failure })),
      NOW,
    );
    await release(tx, ids.slice(0, 1), NOW);
    for (const at of [NOW, later(9)]) await writeAudit(tx, { at, actor: "Ann", action: "approve", subject: "ann@example.test" });
  });
  const purge = (what: Aging, before: Date) => database.transaction((tx) => purgeAged(tx, what, before, 10));
  for (const what of ["alert", "quarantine", "audit"] as const)
    assert.deepEqual([await purge(what, NOW), await purge(what, later(1)), await purge(what, later(1))], [0, 1, 0], what);
  const { rows } = await database.query(
    "select (select count(*)::int from waypost.alert) as alerts, (select count(*)::int from waypost.quarantine) as entries, (select count(*)::int from waypost.audit) as audit",
  );
  assert.deepEqual(rows, [{ alerts: 1, entries: 1, audit: 1 }]);
});
