import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import pg from "pg";
import {
  changedSince,
  changeToken,
  countDeletedSince,
  deletedSince,
  forgetDeletions,
  readChangeToken,
  type Since,
} from "../../src/crm/webapi/changes.ts";
import { ApiFault } from "../../src/crm/webapi/exchange.ts";
import { Parameters } from "../../src/crm/webapi/parameters.ts";
import { tableNamed } from "../../src/crm/webapi/tables.ts";
import type { Sql } from "../../src/model/sql.ts";
import { onBothEngines, testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const DAY = 86_400_000;

const contact = tableNamed("contact");
const email = tableNamed("email");
assert.ok(contact && email);

async function told(sql: Sql, since: Since): Promise<string[]> {
  const parameters = new Parameters();
  const { rows } = await sql.query<{ id: string }>(
    `select row.contactid as id from crm.contact row where ${changedSince(since, parameters)} order by 1`,
    parameters.values,
  );
  return rows.map(({ id }) => id);
}

async function since(sql: Sql, token: string, now = NOW): Promise<Since> {
  return await readChangeToken(sql, token, now);
}

onBothEngines("rows that were made or changed after a token are told, and no others; deleted ones by their ids", async (database) => {
  const [old, changed, gone] = [randomUUID(), randomUUID(), randomUUID()];
  await database.query("insert into crm.contact (contactid, lastname) select id, 'Before' from unnest($1::uuid[]) id", [
    [old, changed, gone],
  ]);
  const token = await changeToken(database, NOW);
  assert.match(token, /^\d+\.\d+!03\/01\/2026 12:00:00$/);
  const made = randomUUID();
  await database.query("insert into crm.contact (contactid, lastname) values ($1, 'New')", [made]);
  await database.query("update crm.contact set lastname = 'After' where contactid = $1", [changed]);
  await database.query("delete from crm.contact where contactid = $1", [gone]);
  const from = await since(database, token);
  assert.deepEqual(await told(database, from), [changed, made].sort());
  assert.deepEqual(await deletedSince(database, contact, from, { limit: 10 }), [gone]);
  assert.equal(await countDeletedSince(database, contact, from), 1);

  await database.query("insert into crm.contact (contactid, lastname) values ($1, 'Again')", [gone]);
  assert.deepEqual(await deletedSince(database, contact, from, { limit: 10 }), [], "what is there again is not gone");

  const next = await since(database, await changeToken(database, NOW));
  assert.deepEqual(await told(database, next), []);
});

onBothEngines("each change of a row gives it a greater version than any row had before", async (database) => {
  const ids = [randomUUID(), randomUUID()];
  await database.query("insert into crm.email (activityid, subject) select id, 'one' from unnest($1::uuid[]) id", [ids]);
  const greatest = async () =>
    Number((await database.query<{ it: string }>("select max(versionnumber)::text as it from crm.email")).rows[0]?.it);
  const before = await greatest();
  const { rows } = await database.query<{ version: string }>(
    "update crm.email set subject = 'two' where activityid = $1 returning versionnumber::text as version",
    [ids[0]],
  );
  assert.ok(Number(rows[0]?.version) > before);
  await database.query("update crm.email set subject = null where activityid = $1", [ids[1]]);
  const { rows: emptied } = await database.query<{ subject: string }>("select subject from crm.email where activityid = $1", [ids[1]]);
  assert.equal(emptied[0]?.subject, "");
});

onBothEngines(
  "an email goes with its parties, attachments and queue items, and all but the parties are told as deleted",
  async (database) => {
    const [activity, queue, item] = [randomUUID(), randomUUID(), randomUUID()];
    await database.query("insert into crm.email (activityid, subject) values ($1, 'x')", [activity]);
    await database.query(
      "insert into crm.activityparty (activityid, ordinal, participationtypemask, addressused) values ($1, 1, 2, 'a@b.example')",
      [activity],
    );
    await database.query("insert into crm.queue (queueid, name) values ($1, 'q')", [queue]);
    await database.query("insert into crm.queueitem (queueitemid, queueid, objectid, title) values ($1, $2, $3, 'x')", [
      item,
      queue,
      activity,
    ]);
    const from = await since(database, await changeToken(database, NOW));
    await database.query("delete from crm.email where activityid = $1", [activity]);
    const { rows } = await database.query("select from crm.activityparty where activityid = $1", [activity]);
    assert.equal(rows.length, 0);
    const queueItem = tableNamed("queueitem");
    assert.ok(queueItem);
    assert.deepEqual(await deletedSince(database, queueItem, from, { limit: 10 }), [item]);
    assert.deepEqual(await deletedSince(database, email, from, { limit: 10 }), [activity]);
  },
);

onBothEngines("many deletions are told page by page, each once", async (database) => {
  const ids = Array.from({ length: 25 }, () => randomUUID()).sort();
  await database.query("insert into crm.contact (contactid, lastname) select id, 'x' from unnest($1::uuid[]) id", [ids]);
  const from = await since(database, await changeToken(database, NOW));
  await database.query("delete from crm.contact where contactid = any($1::uuid[])", [ids]);
  const seen: string[] = [];
  for (;;) {
    const page = await deletedSince(database, contact, from, { after: seen.at(-1) ?? null, limit: 7 });
    if (page.length === 0) break;
    seen.push(...page);
  }
  assert.deepEqual(seen, ids);
});

onBothEngines("addresses are told where they change, and keep their identity where they do not", async (database) => {
  const id = randomUUID();
  await database.query(
    "insert into crm.contact (contactid, lastname, emailaddress1, emailaddress2) values ($1, 'x', 'one@b.example', 'two@b.example')",
    [id],
  );
  const rows = async () =>
    (
      await database.query<{ id: string; address: string; version: string }>(
        "select emailsearchid as id, emailaddress as address, versionnumber::text as version from crm.emailsearch where parentobjectid = $1 order by emailcolumnnumber",
        [id],
      )
    ).rows;
  const [one, two] = await rows();
  await database.query("update crm.contact set emailaddress2 = 'new@b.example', telephone1 = '1' where contactid = $1", [id]);
  const [still, changed] = await rows();
  assert.deepEqual(still, one);
  assert.equal(changed?.id, two?.id);
  assert.equal(changed?.address, "new@b.example");
  assert.ok(Number(changed?.version) > Number(two?.version));
  await database.query("update crm.contact set emailaddress1 = null where contactid = $1", [id]);
  assert.deepEqual(
    (await rows()).map(({ address }) => address),
    ["new@b.example"],
  );
});

onBothEngines("a token that is too old, of another database, of the future or none at all is refused by name", async (database) => {
  const token = await changeToken(database, NOW);
  const [numbers = "", date = ""] = token.split("!");
  const [transaction = "", cluster = ""] = numbers.split(".");
  const refused = (given: string, code: string, now = NOW) =>
    assert.rejects(
      readChangeToken(database, given, now),
      (error: unknown) => error instanceof ApiFault && error.code === code,
      given.slice(0, 60),
    );
  await readChangeToken(database, token, new Date(NOW.getTime() + 30 * DAY));
  await refused(token, "0x80044352", new Date(NOW.getTime() + 31 * DAY));
  await refused(`${transaction}.${BigInt(cluster) + 1n}!${date}`, "0x80044352");
  await refused(`${BigInt(transaction) + 1_000_000n}.${cluster}!${date}`, "0x80044352");
  await refused(`${transaction}.${cluster}!99/99/2026 12:00:00`, "0x80044352");
  for (const none of ["", "919042", "'; drop table crm.contact; --", `${"9".repeat(21)}.1!${date}`, "1".repeat(100_000)]) {
    await refused(none, "0x80040203");
  }
  await database.query(`update crm.organization set settings = settings || '{"ExpireChangeTrackingInDays": 2}'`);
  await refused(token, "0x80044352", new Date(NOW.getTime() + 3 * DAY));
});

onBothEngines("deletions are forgotten when no token is young enough to ask for them", async (database) => {
  const id = randomUUID();
  await database.query("insert into crm.contact (contactid, lastname) values ($1, 'x')", [id]);
  const from = await since(database, await changeToken(database, NOW));
  await database.query("delete from crm.contact where contactid = $1", [id]);
  const inDays = (days: number) => new Date(Date.now() + days * DAY);
  assert.equal(await forgetDeletions(database, inDays(30), 10), 0);
  assert.deepEqual(await deletedSince(database, contact, from, { limit: 10 }), [id]);
  assert.ok((await forgetDeletions(database, inDays(32), 10)) >= 1);
  assert.deepEqual(await deletedSince(database, contact, from, { limit: 10 }), []);
});

/** The first begins, the second begins later and is done, somebody reads, and only then the first is done. */
const BEGUN_BEFORE_COMMITTED_AFTER = [
  { who: 0, what: "write" },
  { who: 1, what: "write" },
  { who: 1, what: "commit" },
  { who: 2, what: "read" },
  { who: 0, what: "commit" },
];

const skip = !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]);

test("whatever is committed in whatever order while others read, nothing is missed", { skip }, async () => {
  await using database = await testDatabase("postgres");
  const url = "url" in database.place ? database.place.url : assert.fail("there is no server");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ who: fc.nat(2), what: fc.constantFrom("write", "commit", "undo", "read") }), { minLength: 5, maxLength: 40 }),
      async (steps) => {
        await using world = await startWorld();
        for (const { who, what } of steps) await world.step(who, what);
        await world.check();
      },
    ),
    { numRuns: 25, examples: [[BEGUN_BEFORE_COMMITTED_AFTER]] },
  );

  /** Three writers with transactions of their own, and a reader that keeps a copy by tokens. */
  async function startWorld() {
    const writers = await Promise.all(
      [0, 1, 2].map(async () => {
        const session = new pg.Client({ connectionString: url });
        await session.connect();
        return { session, open: false };
      }),
    );
    await database.query("delete from crm.contact");
    let token = await changeToken(database, NOW);
    const copy = new Map<string, string>();
    const read = async () => {
      const from = await since(database, token);
      token = await changeToken(database, NOW);
      const parameters = new Parameters();
      const { rows } = await database.query<{ id: string; name: string }>(
        `select row.contactid as id, row.lastname as name from crm.contact row where ${changedSince(from, parameters)}`,
        parameters.values,
      );
      for (const { id, name } of rows) copy.set(id, name);
    };
    const end = async (writer: (typeof writers)[number], command: string) => {
      if (writer.open) await writer.session.query(command);
      writer.open = false;
    };
    return {
      async step(who: number, what: string) {
        const writer = writers[who];
        if (!writer) return;
        if (what === "read") return await read();
        if (what === "commit" || what === "undo") return await end(writer, what === "commit" ? "commit" : "rollback");
        if (!writer.open) await writer.session.query("begin");
        writer.open = true;
        // Each changes rows of its own, so that nobody waits.
        await writer.session.query(
          `insert into crm.contact (contactid, lastname) values (md5($1)::uuid, $2) on conflict (contactid) do update set lastname = excluded.lastname`,
          [`writer ${who}`, randomUUID()],
        );
      },
      async check() {
        for (const writer of writers) await end(writer, "commit");
        await read();
        const { rows } = await database.query<{ id: string; name: string }>("select contactid as id, lastname as name from crm.contact");
        assert.deepEqual(
          rows.map(({ id }) => copy.get(id)),
          rows.map(({ name }) => name),
        );
      },
      async [Symbol.asyncDispose]() {
        for (const writer of writers) {
          await end(writer, "rollback");
          await writer.session.end();
        }
      },
    };
  }
});
