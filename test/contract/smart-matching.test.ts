import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Database } from "../../src/database/database.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import type { EarlierEmail, Facts } from "../../src/model/facts.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MessageHead } from "../../src/model/message.ts";
import type { Sql } from "../../src/model/sql.ts";
import { type EngineName, onBothEngines, testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { head, incoming, party, query } from "./crm-fixtures.ts";

const ON = { enablesmartmatching: true };
const DAY = 24 * 60 * 60 * 1_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);

/** A received email with these people; the first is its sender. */
function received(subject: string, [sender = "", ...to]: readonly string[], at = ago(1)) {
  const parties = [party(PARTICIPATION.sender, sender), ...to.map((one) => party(PARTICIPATION.to, one))];
  return incoming({ subject, received: at, placement: { parties } });
}

function found(facts: Facts): string[] {
  const emails = new Map([...facts.emailsByHash.values()].flat().map((one): [string, EarlierEmail] => [one.id, one]));
  return [...emails.keys()].sort();
}

const answerTo = (subject: string, from = "bob@out.test", to = "ann@in.test", change: Partial<Pick<MessageHead, "received">> = {}) =>
  head({ subject, from: [from], to: [to], ...change });

onBothEngines(
  "smart matching in the embedded CRM: received emails are found by a correspondent and the words, within 90 days",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    await crm.putUsers([{ name: "Ann", address: "ann@in.test" }]);
    await crm.putSettings(ON);
    const [offer, recent, old, elsewhere, ofOthers] = [
      received("Offer for the mill", ["ann@in.test", "bob@out.test"]),
      received("RE: Offer for the mill", ["Bob@Out.test", "ann@in.test"], ago(80)),
      received("Offer for the mill", ["bob@out.test", "ann@in.test"], ago(91)),
      received("Offer for the barn", ["bob@out.test", "ann@in.test"]),
      received("Offer for the mill", ["carl@out.test", "ann@in.test"]),
    ];
    await crm.deliver([offer, recent, old, elsewhere, ofOthers]);
    assert.deepEqual(found(await crm.facts(query([answerTo("Re: offer for the Mill")]))), [offer.id, recent.id].sort());
    const earlier = answerTo("Offer for the mill", "bob@out.test", "ann@in.test", { received: ago(60) });
    assert.deepEqual(
      found(await crm.facts(query([earlier]))),
      [recent.id, old.id].sort(),
      "the window is that of the message, not of today",
    );
    await crm.putSettings({ ...ON, DisableSmartMatching: true });
    assert.deepEqual(found(await crm.facts(query([answerTo("Offer for the mill")]))), []);
  },
);

onBothEngines("smart matching in the embedded CRM: emails that are sent are found, however they are sent", async (database) => {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: "ann@in.test" }]);
  const [bob] = await crm.createRecords([{ type: "contact", lastname: "Bob", addresses: ["bob@out.test"] }]);
  assert.ok(bob);
  await crm.putSettings(ON);
  const from = { record: { type: "systemuser", id: users.get("ann@in.test") ?? "", name: "Ann" } };
  const [sent = "", recorded = "", draft = ""] = await crm.createEmails([
    { from, to: [{ record: bob }], subject: "Offer for the mill" },
    { from, to: [{ record: bob }], subject: "Offer for the barn" },
    { from, to: [{ record: bob }], subject: "Offer for the house" },
  ]);
  await crm.sendEmail(sent, null);
  const claimed = await crm.claim(sent, 1);
  assert.match(claimed?.subject ?? "", /^Offer for the mill CRM:/);
  await crm.sendEmail(recorded, null, { issueSend: false });
  const asked = async (subject: string) => found(await crm.facts(query([answerTo(subject)])));
  assert.deepEqual(await asked("Re: Offer for the mill"), [sent], "before it is known whether it left, and without its token");
  assert.deepEqual(await asked("Re: Offer for the barn"), [recorded]);
  assert.deepEqual(await asked("Re: Offer for the house"), [], `the draft ${draft} is nothing that could be answered`);
  await crm.settle(sent, 1, { status: "retry", attempts: 1, notBefore: new Date(), note: "later" });
  await crm.claim(sent, 1);
  assert.deepEqual(await asked("Re: Offer for the mill"), [sent], "tried again, it is found as before");
});

onBothEngines(
  "smart matching in the embedded CRM: emails from before it was switched on, or set otherwise, are found too",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const emails = Array.from({ length: 1_100 }, (_, n) =>
      received(`Offer ${n} for mills`, ["bob@out.test", "ann@in.test"], ago(1 + (n % 3))),
    );
    const tooOld = received("Offer 7 for mills", ["bob@out.test", "ann@in.test"], ago(100));
    await crm.deliver([...emails, tooOld]);
    const asked = async (subject: string) => found(await crm.facts(query([answerTo(subject)])));
    assert.deepEqual(await asked("Offer 7 for mills"), []);
    await crm.putSettings(ON);
    for (const n of [0, 7, 500, 1_099]) assert.deepEqual(await asked(`Re: Offer ${n} for mills`), [emails[n]?.id]);
    assert.deepEqual(await asked("Offer 7 for my mills"), []);
    await crm.putSettings({ ...ON, hashdeltasubjectcount: 1 });
    assert.ok((await asked("Offer 7 for my mills")).includes(emails[7]?.id ?? ""));
    await crm.putSettings({ ...ON, hashfilterkeywords: "^(Offer|Answer) " });
    assert.deepEqual(await asked("Answer 7 for mills"), [emails[7]?.id]);
    const before = await versions(database);
    await crm.putSettings({ ...ON, hashfilterkeywords: "^(Offer|Answer) ", DoNotAutoTrackEmail: true });
    assert.deepEqual(await versions(database), before, "settings that make the same hashes write none");
  },
);

onBothEngines("smart matching in the embedded CRM: other settings are tried on emails that have no hashes of theirs", async (database) => {
  const crm = openEmbeddedCrm(database);
  const settings = await crm.organizationSettings();
  const emails = Array.from({ length: 1_100 }, (_, n) =>
    received(`Offer ${n} for mills`, ["bob@out.test", "ann@in.test"], ago(1 + (n % 3))),
  );
  const [late, old] = [ago(0), ago(40)].map((at) => received("Offer 7 for mills", ["bob@out.test", "ann@in.test"], at));
  await crm.deliver([...emails, ...(late && old ? [late, old] : [])]);
  const before = await versions(database);
  const tried = async (others: Partial<typeof settings>, subject: string, change: Parameters<typeof answerTo>[3] = {}) => {
    const trial = await crm.trial({ settings: [settings, { ...settings, ...ON, ...others }], emailsSince: ago(30), perKey: 10 });
    return found(await trial.facts(query([answerTo(subject, "bob@out.test", "ann@in.test", change)])));
  };
  for (const n of [0, 500, 1_099]) assert.deepEqual(await tried({}, `Re: Offer ${n} for mills`), [emails[n]?.id]);
  assert.deepEqual(await tried({}, "Offer 7 for mills", { received: ago(1.5) }), [emails[7]?.id], "not before their time, nor later ones");
  assert.deepEqual(await tried({}, "Offer 7 for my mills"), []);
  assert.ok((await tried({ hashdeltasubjectcount: 1 }, "Offer 7 for my mills")).includes(emails[7]?.id ?? ""));
  assert.deepEqual(await tried({ DisableSmartMatching: true }, "Offer 500 for mills"), []);
  assert.deepEqual(await versions(database), before, "nothing is written");
  await crm.putSettings(ON);
  assert.deepEqual(await tried({ DoNotAutoTrackEmail: true }, "Re: Offer 500 for mills"), [emails[500]?.id], "those that are there serve");
});

/** Which rows there are, as the database numbers their writers. */
async function versions(database: Database): Promise<unknown> {
  return (await database.query("select min(xmin::text::bigint)::text as first, max(xmin::text::bigint)::text as last from crm.emailhash"))
    .rows;
}

onBothEngines("smart matching in the embedded CRM: what is deleted leaves no hash", async (database) => {
  const crm = openEmbeddedCrm(database);
  await crm.putSettings(ON);
  await crm.deliver([received("Offer", ["bob@out.test", "ann@in.test"])]);
  const hashes = async () => (await database.query("select from crm.emailhash")).rows.length;
  assert.equal(await hashes(), 2);
  await database.query("delete from crm.email");
  assert.equal(await hashes(), 0);
});

onBothEngines(
  "smart matching in the embedded CRM: dates that are none, characters of all kinds and hundreds of people are stored and asked for",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    await crm.putSettings({ ...ON, hashdeltasubjectcount: 2 });
    const odd = `\u0000 \ud800 ${Array.from({ length: 30 }, (_, n) => `w${n}`).join(" ")}`;
    const people = ["bob@out.test", ...Array.from({ length: 300 }, (_, n) => `p${n}\u0000@out.test`)];
    await crm.deliver([received(odd, people), received(odd, people, new Date(Number.NaN))]);
    const facts = await crm.facts(
      query([
        head({ subject: odd, from: ["bob@out.test"], to: people, received: new Date(Number.NaN) }),
        head({ subject: odd, from: ["bob@out.test"], to: people, received: ago(0) }),
      ]),
    );
    assert.ok(found(facts).length > 0);
  },
);

test("smart matching in the embedded CRM: a pattern for noise that could run without bound stops the organization instead of the process", async () => {
  await using database = await testDatabase("pglite");
  const crm = openEmbeddedCrm(database);
  for (const [hashfilterkeywords, words] of [
    ["(?=a+)+b", /hashfilterkeywords: cannot be used: it holds "\(\?=a", which may run without bound/],
    ["(Re", /hashfilterkeywords: cannot be used: it opens a group that it does not close/],
  ] as const) {
    await assert.rejects(
      crm.putSettings({ hashfilterkeywords }),
      (error) => error instanceof Failure && error.code === "settings invalid" && words.test(error.message),
    );
  }
  await assert.rejects(crm.putSettings({ hashdeltasubjectcount: 3 }), /hashdeltasubjectcount/);
});

/** Counts what is asked. */
function counting(sql: Sql, count: { statements: number }): Sql {
  return {
    query: (text, values) => {
      count.statements++;
      return sql.query(text, values);
    },
  };
}

onBothEngines(
  "smart matching in the embedded CRM: a page of 500 takes no further statement to be asked about, and one to be delivered",
  async (database) => {
    const count = { statements: 0 };
    const crm = openEmbeddedCrm({
      query: counting(database, count).query,
      transaction: (work, name) => database.transaction((tx) => work({ open: true, query: counting(tx, count).query }), name),
      listen: database.listen.bind(database),
    });
    const spent = async (settings: object) => {
      await crm.putSettings(settings);
      const emails = Array.from({ length: 500 }, (_, n) =>
        received(`Offer ${n} ${randomUUID()}`, [`bob${n}@out.test`, "ann@in.test", `c${n}@out.test`]),
      );
      count.statements = 0;
      await crm.deliver(emails);
      const delivering = count.statements;
      count.statements = 0;
      const facts = await crm.facts(query(emails.map(({ subject }, n) => answerTo(`Re: ${subject}`, `bob${n}@out.test`))));
      return { delivering, asking: count.statements, found: found(facts).length };
    };
    const [without, with_] = [await spent({}), await spent(ON)];
    assert.deepEqual([without.found, with_.found], [0, 500]);
    assert.deepEqual([with_.asking - without.asking, with_.delivering - without.delivering], [0, 1]);
    assert.ok(with_.asking <= 8 && with_.delivering <= 8, JSON.stringify(with_));
  },
);

/** Rows and entries of indexes that a look-up for one message may read beside a hundred thousand. */
const FEW = 100;

for (const engine of ["pglite", "postgres"] as const satisfies readonly EngineName[]) {
  test(`smart matching in the embedded CRM: a look-up reads few of many hashes, with statistics and without (${engine})`, {
    skip: engine === "postgres" && missingServers(["postgres"]),
  }, async () => {
    // One session, so that it has told of all its reading when it is asked.
    await using database = await testDatabase(engine, { poolSize: 1 });
    const crm = openEmbeddedCrm(database);
    await crm.putUsers([{ name: "Ann", address: "ann@in.test" }]);
    await crm.putSettings(ON);
    // A customer's robot reports all day long under one subject, and many others write once.
    const reports = received("Daily report", ["robot@out.test", "ann@in.test"]);
    await crm.deliver([reports, received("Offer for the mill", ["bob@out.test", "ann@in.test"])]);
    await database.query(
      `insert into crm.email (activityid, subject, directioncode, statuscode, sender, receivedon)
       select gen_random_uuid(), 'Daily report', false, 4, 'robot@out.test', now() - n * interval '1 minute' from generate_series(1, 20000) n`,
    );
    await database.query(
      `insert into crm.emailhash (activityid, hash, at) select email.activityid, one.hash, receivedon
       from crm.email cross join (select hash from crm.emailhash where activityid = $1) one where subject = 'Daily report' on conflict do nothing`,
      [reports.id],
    );
    await database.query(
      `insert into crm.emailhash (activityid, hash, at) select activityid, -n, receivedon
       from crm.email cross join generate_series(1, 3) n where subject = 'Daily report'`,
    );
    for (const statistics of ["no statistics", "statistics"]) {
      if (statistics === "statistics") await database.query("analyze");
      for (const [one, expected] of [
        [answerTo("Re: Offer for the mill"), 1],
        [answerTo("Daily report", "robot@out.test"), 10],
      ] as const) {
        const before = await rowsRead(database);
        assert.equal(found(await crm.facts(query([one]))).length, expected);
        const read = (await rowsRead(database)) - before;
        assert.ok(read <= FEW, `with ${statistics} it reads ${read} rows`);
      }
    }
  });
}

/** Rows and entries of indexes read so far in the tables of emails. */
async function rowsRead(database: Database): Promise<number> {
  await database.query("select pg_stat_force_next_flush()");
  const { rows } = await database.query<{ read: number }>(
    `select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'crm' and relname in ('email', 'emailhash', 'activityparty'))
       + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'crm' and relname in ('email', 'emailhash', 'activityparty')) as read`,
  );
  return Number(rows[0]?.read ?? 0);
}
