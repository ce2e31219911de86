import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import { deletable } from "../../src/ledger/deletions.ts";
import { pendingDecisions } from "../../src/ledger/pending-decisions.ts";
import { readStanding } from "../../src/server/standing.ts";
import { type EngineName, testDatabase } from "../databases.ts";
import { fillLedger } from "../fill-ledger.ts";
import { missingServers } from "../servers/needs.ts";
import { openRigApp } from "./rig.ts";

const MAILBOXES = 40;
const DECISIONS = 8000;
/** Rows of the tables that grow with the mail, and entries of their indexes, that an answer may read: it is about a few of them, or about what is open. */
const FEW = 200;
const GROWING = ["decision", "location", "outbox", "claim", "email", "addressedparty", "deletion"];

/** Rows and entries of indexes read so far in those tables. */
async function rowsRead(database: Database): Promise<number> {
  await database.query("select pg_stat_force_next_flush()");
  const { rows } = await database.query<{ read: number }>(
    `select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname in ('waypost', 'crm') and relname = any($1))
       + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname in ('waypost', 'crm') and relname = any($1)) as read`,
    [GROWING],
  );
  return Number(rows[0]?.read ?? 0);
}

/** Counts the statements that go through, but for those inside of transactions. */
function counting(target: Database): { readonly database: Database; statements(): number } {
  let statements = 0;
  const query: Database["query"] = (...given) => {
    statements += 1;
    return target.query(...given);
  };
  const database = new Proxy(target, {
    get(_, name) {
      if (name === "query") return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { database, statements: () => statements };
}

const configuration = configurationSchema.parse({
  organizations: [{ name: "office", kind: "embedded" }],
  serverProfiles: [{ name: "mail", incoming: { host: "mail.example.test" }, outgoing: { host: "mail.example.test" } }],
  users: Array.from({ length: MAILBOXES }, (_, index) => ({ name: `User ${index}`, email: `user${index}@example.test` })),
  mailboxes: Array.from({ length: MAILBOXES }, (_, index) => {
    const address = `user${index}@example.test`;
    return { address, user: address, password: { env: "NONE" }, active: index % 10 !== 0 };
  }),
});

const queueOnly = configurationSchema.parse({
  organizations: [{ name: "office", kind: "embedded" }],
  serverProfiles: [{ name: "mail", incoming: { host: "mail.example.test" } }],
  queues: [{ name: "Orders", email: "orders@example.test" }],
  mailboxes: [
    {
      address: "orders@example.test",
      queue: "orders@example.test",
      password: { env: "NONE" },
      outgoing: false,
      deleteAfterProcessing: true,
    },
  ],
});

for (const engine of ["pglite", "postgres"] as const satisfies readonly EngineName[]) {
  describe(`questions beside much mail (${engine})`, { skip: engine === "postgres" && missingServers(["postgres"]) }, () => {
    test("are answered from what is open and from the message asked about: neither rows nor statements grow with the mail and the mailboxes", async () => {
      // One session, so that it has told of all its reading when it is asked.
      await using own = await testDatabase(engine, { poolSize: 1 });
      const counted = counting(own);
      await using app = await openRigApp(counted.database, configuration);
      await fillLedger(own, DECISIONS);
      const questions: readonly (readonly [string, () => Promise<unknown>])[] = [
        ["status", () => app.operations.status()],
        ["metrics", () => readStanding(counted.database)],
        ["explain a message", () => app.operations.explain("message-4001@example.test")],
        ["explain what was sent", () => app.operations.explain("sent-500@example.test")],
        ["explain an email", () => app.operations.explain(randomUUID())],
        ["explain a mailbox", () => app.operations.explain("user5@example.test")],
        ["explain what nobody knows", () => app.operations.explain("never-seen@example.test")],
      ];
      // New tables have no statistics, on PGlite never; with them the planner has other ideas.
      for (const statistics of ["no statistics", "statistics"]) {
        if (statistics === "statistics") await own.query("analyze");
        for (const [question, ask] of questions) {
          const before = { read: await rowsRead(own), statements: counted.statements() };
          await ask();
          const statements = counted.statements() - before.statements;
          const read = (await rowsRead(own)) - before.read;
          assert.ok(statements > 0 && statements <= 20, `${question}: ${statements} statements`);
          assert.ok(read <= FEW, `${question} with ${statistics} reads ${read} rows`);
        }
      }
      const { mailboxes, quarantined } = await app.operations.status();
      assert.deepEqual([mailboxes.length, quarantined], [MAILBOXES, DECISIONS / 1000]);
      assert.equal((await app.operations.explain("message-4001@example.test")).incoming.length, 1);
      assert.equal((await app.operations.explain("never-seen@example.test")).notRead.length, MAILBOXES / 10);
    });

    test("other settings are tried with a bounded number of statements a page, and rows that grow with the messages tried alone", async () => {
      await using own = await testDatabase(engine, { poolSize: 1 });
      const counted = counting(own);
      await using app = await openRigApp(counted.database, configuration);
      await fillLedger(own, DECISIONS);
      const cost = async (messages: number) => {
        const before = { read: await rowsRead(own), statements: counted.statements() };
        const { counts } = await app.operations.whatIf(
          { days: messages / 86_400, mailboxes: [], settings: { DoNotAutoTrackEmail: true }, filters: [], readFrom: null, limit: 0 },
          new AbortController().signal,
          () => undefined,
        );
        const tried = counts.mailboxes.reduce(
          (sum, { before: { tracked, skipped, duplicate, quarantined } }) => sum + tracked + skipped + duplicate + quarantined,
          0,
        );
        return { tried, read: (await rowsRead(own)) - before.read, statements: counted.statements() - before.statements };
      };
      for (const statistics of ["no statistics", "statistics"]) {
        if (statistics === "statistics") await own.query("analyze");
        const [few, many] = [await cost(1000), await cost(4000)];
        const tried = many.tried - few.tried;
        assert.ok(tried > 2000, `${tried} messages more are tried`);
        assert.ok(many.statements - few.statements <= (tried / 500 + 1) * 20, `${many.statements - few.statements} statements more`);
        assert.ok(many.read - few.read <= tried * 12, `with ${statistics} ${many.read - few.read} rows more for ${tried} messages`);
      }
    });

    test("what may be deleted is found without looking at what was skipped, what is gone, and what was processed before", async () => {
      await using own = await testDatabase(engine, { poolSize: 1 });
      await using _ = await openRigApp(own, queueOnly);
      await fillLedger(own, DECISIONS);
      const { rows } = await own.query<{ id: string }>("select id from waypost.mailbox");
      const query = { folders: ["F1", "F2", "F3"], except: [], after: null, limit: 200 };
      await own.query("update waypost.location set gone_at = now() where deletable and decision_id > 2000");
      await own.query("update waypost.location set deletable = false where decision_id < 1900");
      // The index holds what left it until somebody comes by or cleans up.
      await own.query("vacuum waypost.location");
      for (const statistics of ["no statistics", "statistics"]) {
        if (statistics === "statistics") await own.query("analyze");
        for (const [refused, expected] of [
          [false, 10],
          [true, 0],
        ] as const) {
          const before = await rowsRead(own);
          const found = await deletable(own, rows[0]?.id ?? "", { ...query, refused });
          const read = (await rowsRead(own)) - before;
          assert.equal(found.length, expected);
          assert.ok(read <= FEW, `with ${statistics}, ${refused ? "refused before" : "not refused"}: ${read} rows`);
        }
      }
    });

    test("of much that is to be decided again each batch is found without looking at the rest", async () => {
      await using own = await testDatabase(engine, { poolSize: 1 });
      await using _ = await openRigApp(own, queueOnly);
      await fillLedger(own, DECISIONS);
      const { rows } = await own.query<{ id: string }>("select id from waypost.mailbox");
      await own.query("update waypost.decision set reconsider = true where outcome = 'skipped'");
      await own.query("update waypost.quarantine set retry = true");
      await own.query("vacuum waypost.decision");
      for (const statistics of ["no statistics", "statistics"]) {
        if (statistics === "statistics") await own.query("analyze");
        for (const after of [0, DECISIONS / 2]) {
          const before = await rowsRead(own);
          const { found } = await pendingDecisions(own, rows[0]?.id ?? "", { after, limit: 20 });
          const read = (await rowsRead(own)) - before;
          assert.equal(found.length, 20);
          assert.ok(read <= FEW, `with ${statistics}, after ${after}: ${read} rows`);
        }
      }
    });
  });
}
