import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { type TestDatabase, testDatabase } from "../../../test/databases.ts";
import { onOneDatabaseEach } from "../../../test/engine/shared-database.ts";
import { missingServers } from "../../../test/servers/needs.ts";
import type { Database } from "../../database/database.ts";
import { openDatabase } from "../../database/open.ts";
import { storeLearnedLimit, storeMailHosts } from "../../ledger/connections.ts";
import { type MailboxRow, readMailbox, readProfile, storeMailboxes, storeProfiles } from "../../ledger/mailboxes.ts";
import { mailboxSetting, NOW, ORGANIZATION, PROFILE } from "../../ledger/test-data.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import type { Work } from "../context.ts";
import { Connections, type Place } from "./connections.ts";

const INCOMING: Endpoint | null = PROFILE.incoming;
const OUTGOING: Endpoint | null = INCOMING && { ...INCOMING, protocol: "smtp", host: "SMTP.example.test", port: 465 };

/** So that no mailbox of one test is one of another. */
let made = 0;

interface World {
  readonly works: readonly Work[];
  /** What was woken, as `receive <number of the mailbox>`. */
  readonly woken: string[];
  readonly connections: Connections;
  readonly open: () => Promise<number>;
}

/** Mailboxes of profiles that all lead to one host; a profile is given by its limit. */
async function world(
  database: Database,
  profiles: Readonly<Record<string, number>>,
  mailboxes: readonly string[],
  host = 100,
): Promise<World> {
  await database.script("truncate waypost.connection, waypost.connection_line, waypost.learned_limit");
  const settings = mailboxes.map((profile) => mailboxSetting(randomUUID(), `m${++made}@example.test`, { profile }));
  await database.transaction(async (tx) => {
    await storeProfiles(
      tx,
      [{ name: ORGANIZATION, kind: "embedded" }],
      Object.entries(profiles).map(([name, maxConcurrentConnections]) => ({
        ...PROFILE,
        outgoing: OUTGOING,
        name,
        maxConcurrentConnections,
      })),
    );
    await storeMailHosts(tx, new Map([["imap.example.test", host]]));
    await storeMailboxes(tx, settings, NOW);
  });
  const works: Work[] = [];
  for (const { id, profile } of settings) {
    const [mailbox, row] = [await readMailbox(database, id), await readProfile(database, profile)];
    assert.ok(mailbox && row);
    works.push({ mailbox, profile: row });
  }
  const woken: string[] = [];
  return { works, woken, connections: connectionsOf(database, works, woken), open: () => countOpen(database) };
}

function connectionsOf(database: Database, works: readonly { readonly mailbox: MailboxRow }[], woken: string[]): Connections {
  return new Connections({
    database,
    now: () => NOW,
    wake: async (_tx, work, mailboxId) => void woken.push(`${work} ${works.findIndex((one) => one.mailbox.id === mailboxId)}`),
    report: (error) => assert.fail(String(error)),
    eased: async (profile) => void woken.push(`eased ${profile}`),
  });
}

async function countOpen(database: Database): Promise<number> {
  const { rows } = await database.query<{ open: number }>("select count(*) as open from waypost.connection");
  return rows[0]?.open ?? 0;
}

function given(place: Place | null): Place {
  assert.ok(place, "there was room");
  return place;
}

/** As if it had asked so many seconds earlier. */
async function askedEarlier(database: Database, { mailbox }: Work, seconds: number): Promise<void> {
  const sql = "update waypost.connection_line set turn_at = turn_at - make_interval(secs => $2) where mailbox_id = $1";
  assert.equal((await database.query(sql, [mailbox.id, seconds])).rowCount, 1);
}

onOneDatabaseEach("connections", [], (promise) => {
  promise(
    "a profile has no more connections than its limit, and who waits is woken in the order of asking, one for each place",
    async (database) => {
      const { works, woken, connections, open } = await world(database, { p: 2 }, ["p", "p", "p", "p", "p"]);
      const [a, b, c, d, e] = works as [Work, Work, Work, Work, Work];
      const first = given(await connections.take(a, "receive"));
      const second = given(await connections.take(b, "receive"));
      assert.deepEqual([await connections.take(c, "receive"), await connections.take(d, "receive"), await open()], [null, null, 2]);
      assert.deepEqual([await connections.isWanted(a, "receive"), woken], [true, []]);
      await first.release();
      await first.release();
      assert.deepEqual([woken, await open()], [["receive 2"], 1], "given back once");
      assert.equal(await connections.take(e, "receive"), null, "the place is for the one who was called");
      const third = given(await connections.take(c, "receive"));
      await second.release();
      await third.release();
      assert.deepEqual(woken, ["receive 2", "receive 3", "receive 4"]);
      assert.ok((await connections.take(d, "receive")) && (await connections.take(e, "receive")));
      assert.equal(await connections.isWanted(a, "receive"), false);
      await connections.close();
      assert.equal(await open(), 0);
    },
  );

  promise("two profiles that lead to one host share its connections; another host is another matter", async (database) => {
    const { works, woken, connections } = await world(database, { p: 5, q: 5 }, ["p", "q", "q"], 1);
    const [p, q, r] = works as [Work, Work, Work];
    const reading = given(await connections.take(p, "receive"));
    assert.equal(await connections.take(q, "receive"), null, "the host has one connection");
    assert.ok(await connections.take(r, "send"), "the outgoing server is another host");
    await reading.release();
    assert.deepEqual(woken, ["receive 1"]);
  });

  promise(
    "an email is let in before those who asked to read a little earlier, and not before those who asked long ago",
    async (database) => {
      const { works, woken, connections } = await world(database, { p: 1 }, ["p", "p", "p", "p"]);
      const [holder, early, late, sender] = works as [Work, Work, Work, Work];
      const place = given(await connections.take(holder, "receive"));
      for (const [work, use] of [
        [early, "receive"],
        [late, "receive"],
        [sender, "send"],
      ] as const)
        assert.equal(await connections.take(work, use), null);
      await askedEarlier(database, early, 60);
      await place.release();
      await given(await connections.take(early, "receive")).release();
      await given(await connections.take(sender, "send")).release();
      assert.deepEqual(woken, ["receive 1", "send 3", "receive 2"]);
    },
  );

  promise("what a dead process held is free at the next sweep, and so is what this one does not know of", async (database) => {
    const { works, woken, connections, open } = await world(database, { p: 1 }, ["p", "p"]);
    const [a, b] = works as [Work, Work];
    for (const holder of [randomUUID(), database.presence.instanceId]) {
      await database.query(
        "insert into waypost.connection (id, holder, use, mailbox_id, profile, host, account) values ($1, $2, 'receive', $3, 'p', 'imap.example.test', '')",
        [randomUUID(), holder, b.mailbox.id],
      );
      assert.equal(await connections.take(a, "receive"), null);
      await connections.sweep();
      assert.deepEqual(woken.splice(0), ["receive 0"]);
      await given(await connections.take(a, "receive")).release();
      assert.equal(await open(), 0);
    }
  });

  promise("one who is called and does not come loses his turn, and nobody waits for him for ever", async (database) => {
    const { works, woken, connections } = await world(database, { p: 1 }, ["p", "p", "p"]);
    const [a, absent, c] = works as [Work, Work, Work];
    const place = given(await connections.take(a, "receive"));
    assert.deepEqual([await connections.take(absent, "receive"), await connections.take(c, "receive")], [null, null]);
    await place.release();
    assert.deepEqual(woken, ["receive 1"]);
    await connections.sweep();
    assert.deepEqual(woken, ["receive 1"], "he has his time");
    await database.query("update waypost.connection_line set called_at = called_at - interval '11 seconds' where called_at is not null");
    await connections.sweep();
    assert.deepEqual(woken, ["receive 1", "receive 2"]);
  });

  promise("a limit that a server taught holds until it is eased, one connection at a time, and is then forgotten", async (database) => {
    const { works, woken, connections } = await world(database, { p: 3 }, ["p", "p", "p"]);
    const [a, b, c] = works as [Work, Work, Work];
    const learned = { host: "imap.example.test", account: "", profile: "p", connections: 1, until: new Date(NOW.getTime() + 1000) };
    await storeLearnedLimit(database, learned);
    given(await connections.take(a, "receive"));
    assert.equal(await connections.take(b, "receive"), null);
    const ease = async () => {
      await database.query("update waypost.learned_limit set until = $1", [NOW]);
      await connections.sweep();
    };
    await ease();
    assert.deepEqual(woken, ["receive 1"]);
    given(await connections.take(b, "receive"));
    assert.equal(await connections.take(c, "receive"), null);
    await ease();
    assert.deepEqual(woken, ["receive 1", "eased p", "receive 2"]);
    assert.equal((await database.query("select from waypost.learned_limit")).rowCount, 0);
  });

  promise("a person's wish waits in line and goes before the work", async (database) => {
    const { works, woken, connections } = await world(database, { p: 1 }, ["p", "p", "p"]);
    const [a, b, c] = works as [Work, Work, Work];
    const place = given(await connections.take(a, "receive"));
    assert.equal(await connections.take(b, "receive"), null);
    const check = connections.takeInTurn(c, "check", new AbortController().signal);
    assert.equal(await connections.takeInTurn(c, "check", AbortSignal.abort()), null);
    await place.release();
    await given(await check).release();
    assert.deepEqual(woken, ["receive 1"]);
  });
});

test("processes that watch share the mailboxes evenly: one that comes later gets its part, and of one that leaves the others take over", {
  skip: missingServers(["postgres"]),
}, async () => {
  await using database = await testDatabase("postgres");
  await using second = await openDatabase({ ...database.place, report: () => {} });
  const { works, connections: one } = await world(database, { mail: 30 }, Array(8).fill("mail"));
  const other = connectionsOf(second, works, []);
  const divide = async (connections: Connections) => {
    const mine = await connections.takeWatches(works);
    await connections.endWatches(works.flatMap(({ mailbox }) => (mine.has(mailbox.id) ? [] : [mailbox.id])));
    return mine;
  };
  assert.equal((await divide(one)).size, 8, "alone it watches all");
  assert.equal((await divide(other)).size, 0, "none is free yet");
  const kept = await divide(one);
  assert.equal(kept.size, 4, "it leaves half of them to the other");
  assert.deepEqual([(await divide(other)).size, await divide(one)], [4, kept], "and keeps the same ones");
  await other.close();
  assert.equal((await divide(one)).size, 8, "when the other has left, it watches all again");
});

test("over two processes the limit holds under a crowd, and all get their turn", { skip: missingServers(["postgres"]) }, async () => {
  await using database: TestDatabase = await testDatabase("postgres");
  await using other = await openDatabase({ ...database.place, report: () => {} });
  const crowd = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? "p" : "q"));
  const { works } = await world(database, { p: 3, q: 2 }, crowd, 4);
  let most = 0;
  let done = 0;
  const both = [database, other].map((one) => {
    const waiting = new Map<string, () => void>();
    const connections = new Connections({
      database: one,
      now: () => NOW,
      // Whoever is called may stand in the other process.
      wake: async (_tx, _work, mailboxId) => void setTimeout(() => goOn.get(mailboxId)?.(), 5),
      report: (error) => assert.fail(String(error)),
      eased: async () => {},
    });
    return { connections, waiting };
  });
  const goOn = new Map<string, () => void>();
  const run = async (work: Work, connections: Connections): Promise<void> => {
    for (;;) {
      const called = Promise.withResolvers<void>();
      goOn.set(work.mailbox.id, called.resolve);
      const place = await connections.take(work, "receive");
      if (place !== null) {
        const { rows } = await database.query<{ profile: string; open: number }>(
          "select profile, count(*) as open from waypost.connection group by profile",
        );
        const open = new Map(rows.map((row) => [row.profile, row.open]));
        assert.ok((open.get("p") ?? 0) <= 3 && (open.get("q") ?? 0) <= 2, JSON.stringify(rows));
        most = Math.max(most, (open.get("p") ?? 0) + (open.get("q") ?? 0));
        await place.release();
        done++;
        return;
      }
      await called.promise;
    }
  };
  await Promise.all(works.map((work, index) => run(work, (both[index % 3 === 0 ? 0 : 1] ?? assert.fail()).connections)));
  assert.equal(done, 40);
  assert.ok(most <= 4 && most > 1, `${most} at once on the host`);
});
