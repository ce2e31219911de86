/** A queue's mailbox from which processed messages are deleted, by POP3 and by IMAP, beside a user's mailbox from which nothing is. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { Failure } from "../../src/model/failure.ts";
import { testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { startPostgres } from "../servers/postgres.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { atEach, decisionsIn, emailsIn, explained, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import { onceAt, standStill } from "./steps.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

type Protocol = "pop3" | "imap";

/** What changes the rig's profile to read by that protocol. */
function by(protocol: Protocol): Pick<RigChanges, "incoming" | "profile"> {
  return { incoming: { protocol, port: rig.dovecot.ports[protocol] }, profile: { maximumMessageMegabytes: 1 } };
}

function openWith(database: Database, protocol: Protocol, user: string, queue: string, deleteAfterProcessing = true): Promise<RigApp> {
  const changes = { ...by(protocol), queues: [{ name: queue, mailbox: { deleteAfterProcessing } }] };
  return rig.open(database, rig.configurationFor([user], changes));
}

/** Message-IDs in the inbox, as another program sees them. */
async function lying(user: string): Promise<string[]> {
  return rig.dovecot.withImap(user, async (client) => {
    const { exists } = await client.mailboxOpen("INBOX", { readOnly: true });
    const rows = exists === 0 ? [] : await client.fetchAll("1:*", { envelope: true, flags: true });
    for (const { flags } of rows) assert.equal(flags?.has("\\Seen") ?? false, false, "nothing is marked as read");
    return rows.map(({ envelope }) => (envelope?.messageId ?? "").replace(/[<>]/g, "")).sort();
  });
}

const withProgram = (id: string) =>
  letter({ id, body: "x" }).replace(
    "\r\n\r\nx",
    '\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee it.\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="a.exe"\r\n\r\nMZ\r\n--b--',
  );

for (const protocol of ["pop3", "imap"] as const) {
  onOneDatabaseEach(
    `deleting what is processed, by ${protocol.toUpperCase()}`,
    servers,
    (promise) => {
      promise(
        "tracked messages and duplicates go; what was skipped, quarantined or not stored whole stays, and all of a user's",
        async (database) => {
          const [user, queue] = [rig.newUser(), rig.newUser()];
          await using app = await openWith(database, protocol, user, queue);
          const ids = (...names: string[]) => names.map((name) => messageIdOf(`${queue}-${name}`)).sort();
          const own = (name: string) => `${queue}-${name}`;
          const letters = [
            letter({ id: own("plain") }),
            letter({ id: own("both") }),
            letter({ id: null, subject: own("anonymous") }),
            letter({ id: own("huge"), body: "y".repeat(1_100_000) }),
            letter({ id: own("no-sender"), from: "" }),
            withProgram(own("program")),
          ];
          await rig.dovecot.deliver(user, letter({ id: own("both") }));
          await rig.dovecot.deliver(user, letter({ id: own("user") }));
          for (const mime of letters) await rig.dovecot.deliver(queue, mime);

          const first = await receive(app);
          assert.deepEqual(first.failures, []);
          assert.deepEqual([first.counts.tracked, first.counts.duplicate, first.counts.skipped, first.counts.quarantined], [5, 1, 1, 1]);
          assert.deepEqual(await lying(queue), ids("huge", "no-sender", "program"));
          assert.deepEqual(await lying(user), ids("both", "user"));
          const subjects = (await emailsIn(database, user, queue)).map((email) => email.subject);
          for (const name of ["plain", "both", "program", "user"]) assert.ok(subjects.includes(`Letter ${own(name)}`), name);
          assert.ok(subjects.includes(own("anonymous")));

          const second = await receive(app);
          assert.deepEqual([second.failures, second.counts.received, second.counts.moved], [[], 0, 0]);
          assert.deepEqual(await lying(queue), ids("huge", "no-sender", "program"));
          assert.deepEqual(await openCodes(app), []);
        },
      );

      promise(
        "what was processed before deleting was switched on stays, and what comes after it was switched off too",
        async (database) => {
          const [user, queue] = [rig.newUser(), rig.newUser()];
          const deliver = (name: string) => rig.dovecot.deliver(queue, letter({ id: `${queue}-${name}` }));
          for (const [name, on] of [
            ["before", false],
            ["during", true],
            ["after", false],
          ] as const) {
            await using app = await openWith(database, protocol, user, queue, on);
            await deliver(name);
            assert.deepEqual((await receive(app)).failures, []);
          }
          assert.deepEqual(await lying(queue), [messageIdOf(`${queue}-after`), messageIdOf(`${queue}-before`)]);
        },
      );

      promise(
        "of a scanner that has no clock and one Message-ID for all each page is an email before any goes, earlier and later ones",
        async (database) => {
          const [user, queue] = [rig.newUser(), rig.newUser()];
          await using app = await openWith(database, protocol, user, queue);
          const page = (name: string) =>
            letter({ id: `${queue}-scan`, subject: `Scan of ${queue}`, body: `Page ${name}.` }).replace(/^Date: .*\r\n/m, "");
          for (const name of ["one", "two", "two", "three"]) await rig.dovecot.deliver(queue, page(name));
          const first = await receive(app);
          assert.deepEqual(first.failures, []);
          assert.equal((await emailsIn(database, queue)).length, 3, "the page that came twice is one email");
          await rig.dovecot.deliver(queue, page("four"));
          assert.equal((await receive(app)).counts.tracked, 1);
          assert.equal((await emailsIn(database, queue)).length, 4);
          assert.deepEqual(await lying(queue), []);
        },
      );

      promise(
        "a forged twin is never deleted by its head: it stays, status counts it, and explain names it and what was deleted",
        async (database) => {
          const [user, queue] = [rig.newUser(), rig.newUser()];
          await using app = await openWith(database, protocol, user, queue);
          const twin = (id: string, body: string, name: string) =>
            letter({ id: `${queue}-${id}`, to: [addressOf(queue)], subject: "Order", body }).replace(/^/, `X-Copy: ${name}\r\n`);
          // One comes with the first, one when the first is gone, and an honest copy with both.
          for (const [body, name] of [
            ["Pay to account 1.", "first"],
            ["Pay to account 2!", "forged"],
            ["Pay to account 1.", "copy"],
          ] as const)
            await rig.dovecot.deliver(queue, twin("a", body, name));
          assert.deepEqual((await receive(app)).failures, []);
          assert.deepEqual(await lying(queue), [messageIdOf(`${queue}-a`)], "the first and its copy are gone");
          const lies = await rig.dovecot.withImap(queue, async (client) => {
            await client.mailboxOpen("INBOX", { readOnly: true });
            return (await client.fetchOne("1", { source: true })) as { source: Buffer };
          });
          assert.match(lies.source.toString(), /^X-Copy: forged.*account 2!/ms);
          await rig.dovecot.deliver(queue, twin("b", "Buy 1.", "first"));
          assert.deepEqual((await receive(app)).failures, []);
          await rig.dovecot.deliver(queue, twin("b", "Buy 2.", "forged"));
          assert.deepEqual((await receive(app)).failures, []);
          assert.deepEqual((await receive(app)).failures, [], "and again, with nothing left to look at");
          assert.deepEqual(await lying(queue), [messageIdOf(`${queue}-a`), messageIdOf(`${queue}-b`)]);
          assert.equal((await emailsIn(database, queue)).length, 2);
          const mailbox = (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(queue));
          assert.deepEqual([mailbox?.deleting?.deleted, mailbox?.deleting?.kept, mailbox?.deleting?.since !== null], [3, 2, true]);
          const { sentences } = await explained(app, `${queue}-a`, queue);
          assert.equal(
            sentences.match(/Waypost deleted it from INBOX on \d{4}-.*deleteAfterProcessing.*proven to be in the email/g)?.length,
            2,
          );
          assert.match(sentences, /A message in INBOX is not deleted\. .*forged or careless twin/);
        },
      );

      promise(
        "what was read at its place is not downloaded again before it is deleted; what was known by its head is, once",
        async (database) => {
          const [user, queue] = [rig.newUser(), rig.newUser()];
          await using app = await openWith(database, protocol, user, queue);
          await rig.dovecot.deliver(user, letter({ id: `${queue}-both` }));
          await receive(app, user);
          // Of one without a return path the content would be looked at: it may be a delivery report.
          for (const name of ["own", "both"]) await rig.dovecot.deliver(queue, letter({ id: `${queue}-${name}` }), "carla@customer.test");
          const contents: string[] = [];
          using _ = atEach(app, async ({ reads }) => void (reads === "content" && contents.push(reads)));
          assert.deepEqual((await receive(app, queue)).failures, []);
          assert.deepEqual(await lying(queue), []);
          assert.equal(contents.length, 2, "the own one to be stored, the other one to be compared");
        },
      );

      promise("a message is deleted only where the same one lies that was processed", async (database) => {
        const [user, queue] = [rig.newUser(), rig.newUser()];
        const id = messageIdOf(`${queue}-mine`);
        {
          await using off = await openWith(database, protocol, user, queue, false);
          await rig.dovecot.deliver(queue, letter({ id: `${queue}-mine` }));
          assert.equal((await receive(off)).counts.tracked, 1);
        }
        // As if the server had given the id of a processed message to this one.
        await database.query(
          `update waypost.decision set identity = 'of another message', decided_at = now() + interval '1 hour',
             head = head || '{"messageId": "another@customer.test", "subject": "Another"}' where message_id = $1`,
          [id],
        );
        await database.query(
          "update waypost.location set deletable = true from waypost.decision where decision.id = decision_id and message_id = $1",
          [id],
        );
        await using app = await openWith(database, protocol, user, queue);
        assert.deepEqual((await receive(app)).failures, []);
        assert.deepEqual(await lying(queue), [id], "nothing is deleted");
        const again = await receive(app);
        assert.deepEqual([again.failures, again.counts.duplicate], [[], 1], "what lies there is decided, and recognized by the CRM");
        assert.deepEqual(await lying(queue), [], "and now it is the one that was processed");
        assert.equal((await emailsIn(database, queue)).length, 1);
      });
    },
    { engines: ["pglite"] },
  );
}

describe("deleting what is processed, with the CRM in a PostgreSQL", { skip: missingServers(["dovecot", "postgres"]) }, () => {
  test("that may forget commits: nothing is deleted, the alert says why, and reading goes on", async () => {
    await using server = await startPostgres({ fsync: false });
    await using database = await testDatabase("postgres", { server: server.url });
    const [user, queue] = [rig.newUser(), rig.newUser()];
    await using app = await openWith(database, "pop3", user, queue);
    await rig.dovecot.deliver(queue, letter({ id: queue }));
    assert.deepEqual((await receive(app)).failures, []);
    assert.deepEqual(await lying(queue), [messageIdOf(queue)]);
    const alert = await theAlert(app, "deleting: database not durable");
    assert.match(`${alert.message} ${alert.remedy}`, new RegExp(`${queue}.*fsync = off.*fsync = on`, "s"));
    assert.deepEqual(
      (await decisionsIn(database, queue)).map((one) => one.outcome),
      ["tracked"],
    );
  });

  test("that commits before it writes: what is deleted from the mailbox survives its crash", async () => {
    await using server = await startPostgres({ extra: "synchronous_commit = off\nwal_writer_delay = 10s\nmax_wal_size = 10GB" });
    await using database = await testDatabase("postgres", { server: server.url });
    const [user, queue] = [rig.newUser(), rig.newUser()];
    {
      await using app = await openWith(database, "pop3", user, queue);
      await rig.dovecot.deliver(queue, letter({ id: queue }));
      let crash: Promise<void> | undefined;
      using crashed = onceAt("delete.deleted", () => {
        crash = server.stop({ mode: "crash" });
        standStill(200);
      });
      await assert.rejects(receive(app), Failure, "the database is away");
      assert.ok(crashed.reached());
      await crash;
      await server.start();
      assert.deepEqual(await lying(queue), []);
    }
    assert.deepEqual(
      (await emailsIn(database, queue)).map((email) => email.messageId),
      [messageIdOf(queue)],
    );
  });
});
