import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { copied } from "./accidents/box.ts";
import { emailsIn, explained, letter } from "./incoming.ts";
import { type EngineRig, engineRig, type RigApp, type RigUser, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

type Mailbox = NonNullable<RigUser["mailbox"]>;

/** One mailbox through several starts of Waypost, each at a time of its own with settings of its own. */
interface Story {
  readonly user: string;
  /** The mail server receives a letter at that time, whatever its Date says. */
  arrives(id: string, at: string, date?: Date): Promise<void>;
  /** Waypost starts at that time, reads the mailbox once, and ends. Without settings the mailbox is not in the configuration. */
  round(at: string, mailbox: Mailbox | null): Promise<void>;
  /** Which letters are emails, in order. */
  tracked(): Promise<string[]>;
  explain(id: string): Promise<{ outcome: string; sentences: string }>;
}

function storyIn(database: TestDatabase): Story {
  const [user, other] = [rig.newUser(), rig.newUser()];
  const own = (id: string) => `${user}-${id}`;
  const open = (at: string, mailbox: Mailbox | null): Promise<RigApp> =>
    rig.open(database, rig.configurationFor([other, ...(mailbox === null ? [] : [{ name: user, mailbox }])]), { now: () => new Date(at) });
  return {
    user,
    async arrives(id, at, date = new Date(at)) {
      await rig.dovecot.append(user, "INBOX", { mime: letter({ id: own(id), subject: id, date }), internalDate: new Date(at) });
    },
    async round(at, mailbox) {
      await using app = await open(at, mailbox);
      assert.deepEqual((await receive(app)).failures, []);
    },
    async tracked() {
      return (await emailsIn(database, user)).map((email) => email.subject);
    },
    async explain(id) {
      await using app = await open("2026-12-31T00:00:00Z", null);
      return await explained(app, own(id), user);
    },
  };
}

onOneDatabaseEach("where a mailbox starts", servers, (promise) => {
  promise("the server's received date decides where a new mailbox starts, never the Date that the sender wrote", async (database) => {
    const story = storyIn(database);
    await story.arrives("before", "2026-03-01T11:59:59Z", new Date("2026-03-01T13:00:00Z"));
    await story.round("2026-03-01T12:00:00.700Z", {});
    await story.arrives("that-second", "2026-03-01T12:00:00Z");
    await story.arrives("dated-1999", "2026-03-01T12:01:00Z", new Date("1999-12-31T23:59:59Z"));
    await story.arrives("dated-2040", "2026-03-01T12:02:00Z", new Date("2040-01-01T00:00:00Z"));
    await story.round("2026-03-01T12:05:00Z", {});
    assert.deepEqual(await story.tracked(), ["dated-1999", "dated-2040", "that-second"]);
    const { outcome, sentences } = await story.explain("before");
    assert.equal(outcome, "skipped");
    assert.match(sentences, /received the message on .*2026-03-01.*11:59:59.*before the start date/s);
  });

  promise("a mailbox that goes on after a pause of Waypost keeps its start", async (database) => {
    const story = storyIn(database);
    await story.round("2026-03-01T12:00:00Z", {});
    await story.arrives("during-the-pause", "2026-03-01T18:00:00Z");
    await story.round("2026-03-02T12:00:00Z", {});
    assert.deepEqual(await story.tracked(), ["during-the-pause"]);
  });

  for (const { what, off } of [
    { what: "inactive", off: { active: false } },
    { what: "without incoming mail", off: { incoming: false } },
    { what: "out of the configuration", off: null },
  ]) {
    promise(`a mailbox that was ${what} for a time starts anew: mail of that time is left alone, and says so`, async (database) => {
      const story = storyIn(database);
      await story.round("2026-03-01T12:00:00Z", {});
      await story.arrives("read", "2026-03-01T13:00:00Z");
      await story.round("2026-03-01T14:00:00Z", {});
      await story.round("2026-03-01T15:00:00Z", off);
      await story.arrives("while-off", "2026-03-01T16:00:00Z");
      await story.round("2026-03-01T17:00:00Z", off);
      await story.round("2026-03-01T18:00:00Z", {});
      await story.arrives("after", "2026-03-01T19:00:00Z");
      await story.round("2026-03-01T20:00:00Z", {});
      assert.deepEqual(await story.tracked(), ["after", "read"]);
      assert.match((await story.explain("while-off")).sentences, /before the start date/);
    });
  }

  promise("readFrom reads history from the beginning on", async (database) => {
    const story = storyIn(database);
    await story.arrives("too-old", "2025-12-31T23:59:59Z");
    await story.arrives("history", "2026-01-01T00:00:00Z");
    await story.round("2026-03-01T12:00:00Z", { readFrom: "2026-01-01T00:00:00Z" });
    assert.deepEqual(await story.tracked(), ["history"]);
  });

  promise("readFrom reads history in a mailbox that was read without it before, and doubles nothing", async (database) => {
    const story = storyIn(database);
    await story.arrives("too-old", "2025-12-31T23:59:59Z");
    await story.arrives("long-ago", "2026-01-15T10:00:00Z");
    // Near the start, and so decided on already.
    await story.arrives("shortly-before", "2026-03-01T11:00:00Z");
    await story.round("2026-03-01T12:00:00Z", {});
    await story.arrives("new", "2026-03-01T13:00:00Z");
    await story.round("2026-03-01T14:00:00Z", {});
    assert.deepEqual(await story.tracked(), ["new"]);
    await story.round("2026-03-02T12:00:00Z", { readFrom: "2026-01-01T00:00:00Z" });
    assert.deepEqual(await story.tracked(), ["long-ago", "new", "shortly-before"]);
    await story.round("2026-03-03T12:00:00Z", { readFrom: "2026-01-01T00:00:00Z" });
    assert.equal((await story.tracked()).length, 3);
  });

  promise(
    "readFrom that is set back finds a message with the number of one that an older copy of the store took away",
    async (database) => {
      const story = storyIn(database);
      await story.round("2026-03-01T12:00:00Z", {});
      await story.arrives("kept", "2026-03-01T13:00:00Z");
      const copy = copied(path.join(rig.dovecot.folder, "mail", story.user, "maildir"));
      await story.arrives("lost-to-the-copy", "2026-03-01T13:30:00Z");
      await story.round("2026-03-01T14:00:00Z", {});
      copy.putBack();
      await story.arrives("has-its-number", "2026-03-01T15:00:00Z");
      await story.round("2026-03-02T12:00:00Z", { readFrom: "2026-01-01T00:00:00Z" });
      assert.deepEqual(await story.tracked(), ["has-its-number", "kept", "lost-to-the-copy"]);
    },
  );
});
