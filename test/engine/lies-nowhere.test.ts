/** Messages that left their mailbox and are decided again: what is known of them stays known. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { changeSources } from "./change-sources.ts";
import { atEach, decisionsIn, explained, letter, makeFolders, messageIdOf, move, remove } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

type Opened = Parameters<EngineRig["open"]>[0];

const open = (database: Opened, user: string, maximumMessageMegabytes: number, filter: "all" | "replies" = "all") =>
  rig.open(
    database,
    rig.configurationFor([{ name: user, filter, mailbox: { outgoing: false, readFrom: "2026-01-01T00:00:00Z" } }], {
      profile: { maximumMessageMegabytes },
    }),
  );

const large = (user: string) => letter({ id: `${user}-large`, body: `${"x".repeat(76)}\r\n`.repeat(16_000) });

/** An account with a message in its inbox that is too large, in quarantine now. */
async function quarantined(database: Opened): Promise<string> {
  const user = rig.newUser();
  await makeFolders(rig.dovecot, user, "INBOX/Later");
  await rig.dovecot.append(user, "INBOX", large(user));
  await using app = await open(database, user, 1);
  assert.equal((await receive(app, user)).counts.quarantined, 1);
  return user;
}

async function quarantineOf(app: RigApp, user: string) {
  return (await app.operations.quarantineList()).filter(({ mailbox }) => mailbox === addressOf(user));
}

/** Whether its message is in quarantine and asked for again; null: it is not there. */
async function retryOf(app: RigApp, user: string): Promise<boolean | null> {
  const rows = await app.operations.quarantineList();
  return rows.find((one) => one.messageId === messageIdOf(`${user}-large`))?.retry ?? null;
}

function moveAll(user: string, from: string, to: string): Promise<void> {
  return rig.dovecot.withImap(user, async (client) => {
    await client.mailboxOpen(from);
    await client.messageMove("1:*", to);
  });
}

const LIES_NOWHERE = /It lies in no folder of "?\S+"? that is read any more.*Where it turns up in one, it is decided again by itself\./;

onOneDatabaseEach("deciding again what lies nowhere any more", servers, (promise) => {
  promise(
    "one that is asked for from quarantine stays there, explain says that it lies nowhere, and where it turns up it is decided",
    async (database) => {
      const user = await quarantined(database);
      await using app = await open(database, user, 10);
      await remove(rig.dovecot, user, `${user}-large`, "INBOX");
      await app.operations.quarantineRetry("all");
      const { counts, failures } = await receive(app, user);
      assert.deepEqual([failures, counts.skipped, counts.tracked], [[], 0, 0]);
      assert.equal(await retryOf(app, user), false, "it is in quarantine, and the retry is over");
      const { outcome, folders, sentences } = await explained(app, `${user}-large`, user);
      assert.deepEqual([outcome, folders], ["quarantined", []]);
      assert.match(sentences, LIES_NOWHERE);
      assert.doesNotMatch(sentences, /by hand/);
      await rig.dovecot.append(user, "INBOX/Later", large(user));
      assert.equal((await receive(app, user)).counts.tracked, 1);
      assert.equal(await retryOf(app, user), null);
    },
  );

  promise("one that is moved at the moment at which it is to be read again is decided where it turns up", async (database) => {
    const user = await quarantined(database);
    await using app = await open(database, user, 10);
    await app.operations.quarantineRetry("all");
    let moved = false;
    using _ = atEach(app, async ({ reads }) => {
      if (reads !== "content" || moved) return;
      moved = true;
      await move(rig.dovecot, user, `${user}-large`, "INBOX", "INBOX/Later");
    });
    assert.equal((await receive(app, user)).counts.tracked, 0);
    assert.equal(await retryOf(app, user), true, "it is asked for still");
    assert.equal((await receive(app, user)).counts.tracked, 1);
    assert.equal(await retryOf(app, user), null);
    assert.deepEqual((await explained(app, `${user}-large`, user)).folders, ["INBOX/Later"]);
  });

  promise(
    "one that is moved to a folder that is not read is decided where it turns up later, though nobody asks again",
    async (database) => {
      const user = await quarantined(database);
      await using app = await open(database, user, 10);
      await app.operations.quarantineRetry("all");
      await makeFolders(rig.dovecot, user, "Elsewhere");
      await move(rig.dovecot, user, `${user}-large`, "INBOX", "Elsewhere");
      assert.equal((await receive(app, user)).counts.tracked, 0);
      assert.equal(await retryOf(app, user), false);
      await move(rig.dovecot, user, `${user}-large`, "Elsewhere", "INBOX/Later");
      assert.equal((await receive(app, user)).counts.tracked, 1);
      assert.equal(await retryOf(app, user), null);
    },
  );

  promise("an answer that left before its question was tracked stays decided as it was", async (database) => {
    const user = rig.newUser();
    await rig.dovecot.append(user, "INBOX", letter({ id: `${user}-answer`, answers: `${user}-question` }));
    {
      await using replies = await open(database, user, 10, "replies");
      assert.equal((await receive(replies, user)).counts.skipped, 1);
    }
    await remove(rig.dovecot, user, `${user}-answer`, "INBOX");
    await database.query("update waypost.decision set reconsider = true where message_id = $1", [messageIdOf(`${user}-answer`)]);
    await using app = await open(database, user, 10);
    assert.equal((await receive(app, user)).counts.skipped, 0);
    const { outcome, sentences } = await explained(app, `${user}-answer`, user);
    assert.equal(outcome, "skipped");
    assert.match(sentences, /no recipient match/);
    assert.match(sentences, LIES_NOWHERE);
  });

  promise("one without a Message-ID that comes back after it was asked for is processed, and leaves quarantine", async (database) => {
    const user = rig.newUser();
    await makeFolders(rig.dovecot, user, "INBOX/Later", "Elsewhere");
    await rig.dovecot.append(
      user,
      "INBOX",
      letter({ id: null, subject: `Scan for ${user}`, body: `${"x".repeat(76)}\r\n`.repeat(16_000) }),
    );
    {
      await using small = await open(database, user, 1);
      assert.equal((await receive(small, user)).counts.quarantined, 1);
    }
    await using app = await open(database, user, 10);
    await moveAll(user, "INBOX", "Elsewhere");
    await app.operations.quarantineRetry("all");
    assert.equal((await receive(app, user)).counts.tracked, 0);
    await moveAll(user, "Elsewhere", "INBOX/Later");
    assert.equal((await receive(app, user)).counts.tracked, 1);
    assert.deepEqual(await quarantineOf(app, user), []);
    assert.equal((await decisionsIn(database, user)).length, 1);
  });

  promise("one whose header the server withheld, and that was deleted since, is not looked for again and again", async (database) => {
    const user = rig.newUser();
    await rig.dovecot.append(user, "INBOX", letter({ id: `${user}-withheld` }));
    await using app = await open(database, user, 10);
    {
      using _ = changeSources(app, (source) => {
        const pull = source.pull.bind(source);
        source.pull = async (...asked) => {
          const pulled = await pull(...asked);
          if (pulled.kind !== "page") return pulled;
          return { ...pulled, heads: pulled.heads.map((head) => ({ ...head, messageId: null, unreadable: "[SERVERBUG] Internal error" })) };
        };
        return source;
      });
      assert.equal((await receive(app, user)).counts.quarantined, 1);
    }
    let isLeaving = true;
    using _ = atEach(app, async ({ reads }) => {
      if (reads !== "content" || !isLeaving) return;
      isLeaving = false;
      await remove(rig.dovecot, user, `${user}-withheld`, "INBOX");
    });
    await app.operations.quarantineRetry("all");
    assert.equal((await receive(app, user)).counts.quarantined, 0, "it left while it was to be read");
    assert.equal((await receive(app, user)).counts.quarantined, 0);
    const [its] = await quarantineOf(app, user);
    assert.deepEqual([its?.retry, its?.attempts], [false, 1]);
  });

  promise("one that is gone when its folder has lost its position is not asked for any more", async (database) => {
    const user = await quarantined(database);
    await using app = await open(database, user, 10);
    await remove(rig.dovecot, user, `${user}-large`, "INBOX");
    {
      let isLost = false;
      using _ = changeSources(app, (source) => {
        const pull = source.pull.bind(source);
        source.pull = (stream, cursor, options) => {
          if (isLost || cursor === null) return pull(stream, cursor, options);
          isLost = true;
          return Promise.resolve({ kind: "reset", reason: "The UIDVALIDITY changed." });
        };
        return source;
      });
      assert.equal((await receive(app, user)).counts.received, 0);
      assert.ok(isLost);
    }
    await app.operations.quarantineRetry("all");
    assert.equal((await receive(app, user)).counts.received, 0);
    assert.equal(await retryOf(app, user), false);
    assert.match((await explained(app, `${user}-large`, user)).sentences, LIES_NOWHERE);
  });
});
