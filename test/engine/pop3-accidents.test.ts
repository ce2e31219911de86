/** What befalls a mailbox that is read by POP3, on a real Dovecot. After each accident: nothing lost, nothing doubled, no history replayed. */
import assert from "node:assert/strict";
import { cpSync, globSync, mkdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { giveToAccount, removeFolder, temporaryFolder } from "../servers/processes.ts";
import { atEach, decisionsIn, emailsIn, letter, makeFolders, messageIdOf, move, remove } from "./incoming.ts";
import { type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** More than a mailbox can have exchanged by chance: see LEAST_OF_A_MIGRATION in the connector. */
const LETTERS = Array.from({ length: 12 }, (_, index) => `letter-${index}`);

interface Accident {
  readonly what: string;
  /** Done before the letters are read; what it returns is done between two rounds. */
  readonly prepare: (user: string) => Promise<() => Promise<void>>;
  /** Letters that came with the accident or after it. */
  readonly fresh: readonly string[];
}

const own = (user: string, name: string) => `${user}-${name}`;
const maildirOf = (user: string) => path.join(rig.dovecot.folder, "mail", user, "maildir");
const arrive = (user: string, name: string, body = `The body of ${name}.`) =>
  rig.dovecot.append(user, "INBOX", letter({ id: own(user, name), subject: name, date: new Date(), body }));
const between = (act: (user: string) => Promise<void>) => async (user: string) => () => act(user);

/** Of letters with names of one length all that differs is the name: they have one size. */
const SAME_LENGTH = "The body of a letter.";
const freshOnes = (count: number) => Array.from({ length: count }, (_, index) => `fresh-${index + 1}`);

const ACCIDENTS: readonly Accident[] = [
  {
    what: "the list of UIDs and all indexes are deleted, so that all ids (UIDL) change",
    prepare: between(async (user) => {
      for (const file of globSync("dovecot{-uidlist,.index*}", { cwd: maildirOf(user) })) rmSync(path.join(maildirOf(user), file));
      await arrive(user, "fresh");
    }),
    fresh: ["fresh"],
  },
  {
    what: "an older copy of the Maildir is put back, and new messages get the ids of those that are gone",
    prepare: async (user) => {
      const putBack = copyOf(user);
      await arrive(user, "later-1");
      await arrive(user, "later-2");
      return async () => {
        putBack();
        // More bytes than the lost ones had: the size is part of what a message is known by.
        for (const name of ["fresh-1", "fresh-2", "fresh-3"])
          await arrive(user, name, `Another body, in the place of what was lost: ${name}.`);
      };
    },
    fresh: ["fresh-1", "fresh-2", "fresh-3"],
  },
  ...[3, 1].map((came) => ({
    what: `an older copy of the Maildir is put back, and ${came} of the ids that are gone, with the sizes that they had, are given to new messages`,
    prepare: async (user: string) => {
      const putBack = copyOf(user);
      for (const name of ["later-1", "later-2", "later-3"]) await arrive(user, name, SAME_LENGTH);
      return async () => {
        putBack();
        for (const name of freshOnes(came)) await arrive(user, name, SAME_LENGTH);
      };
    },
    fresh: freshOnes(came),
  })),
  {
    what: "messages are moved out and back",
    prepare: between(async (user) => {
      await makeFolders(rig.dovecot, user, "Aside");
      for (const name of LETTERS) {
        await move(rig.dovecot, user, own(user, name), "INBOX", "Aside");
        await move(rig.dovecot, user, own(user, name), "Aside", "INBOX");
      }
      await arrive(user, "fresh");
    }),
    fresh: ["fresh"],
  },
  {
    what: "the mailbox is moved to another server, where its messages lie in another order under other ids",
    prepare: between(async (user) => {
      const sources = await rig.dovecot.withImap(user, async (client) => {
        await client.mailboxOpen("INBOX");
        const all = await client.fetchAll("1:*", { source: true });
        await client.messageDelete("1:*");
        return all.flatMap(({ source }) => source ?? []);
      });
      for (const file of globSync("dovecot{-uidlist,.index*}", { cwd: maildirOf(user) })) rmSync(path.join(maildirOf(user), file));
      await rig.dovecot.append(user, "INBOX", ...sources.toReversed());
      await arrive(user, "fresh");
    }),
    fresh: ["fresh"],
  },
  {
    what: "the server is told to give ids of another form (pop3_uidl_format)",
    prepare: between(async (user) => {
      await rig.dovecot.restart({ extra: "pop3_uidl_format = %g" });
      await arrive(user, "fresh");
    }),
    fresh: ["fresh"],
  },
];

function open(database: Parameters<EngineRig["open"]>[0], user: string): Promise<RigApp> {
  return rig.open(database, rig.configurationFor([user], { incoming: { protocol: "pop3", port: rig.dovecot.ports.pop3 } }));
}

onOneDatabaseEach(
  "a mailbox that is read by POP3",
  servers,
  (promise) => {
    for (const { what, prepare, fresh } of ACCIDENTS) {
      promise(`${what}: no loss, no double, no replay`, async (database) => {
        const user = rig.newUser();
        await using app = await open(database, user);
        const round = async () => {
          const { counts, failures } = await receive(app);
          assert.deepEqual(failures, []);
          return counts;
        };
        for (const name of LETTERS) await arrive(user, name);
        const happen = await prepare(user);
        assert.ok((await round()).tracked >= LETTERS.length);
        const earlier = (await emailsIn(database, user)).map((email) => email.messageId ?? "");
        const deleted = messageIdOf(own(user, "letter-3"));
        await database.query("delete from crm.email where messageid = $1", [deleted]);

        await happen();
        const counts = await round();
        assert.deepEqual([counts.received, counts.tracked], [fresh.length, fresh.length], "only what came is news");
        const expected = [...earlier.filter((id) => id !== deleted), ...fresh.map((name) => messageIdOf(own(user, name)))];
        const emails = (await emailsIn(database, user)).map((email) => email.messageId ?? "");
        assert.deepEqual(emails.sort(), expected.sort(), "each message is one email, and what was deleted stays deleted");
        const again = await round();
        assert.deepEqual([again.received, again.moved], [0, 0], "a further round does nothing");
      });
    }

    promise(
      "a message that another program deletes between the list and its content keeps no other from becoming an email",
      async (database) => {
        const user = rig.newUser();
        await using app = await open(database, user);
        for (const name of LETTERS) await arrive(user, name);
        let pulled = false;
        using _ = atEach(app, async ({ reads }) => {
          if (reads !== "content" || pulled) return;
          pulled = true;
          await remove(rig.dovecot, user, own(user, "letter-5"), "INBOX");
        });
        const { failures } = await receive(app);
        assert.ok(pulled);
        await receive(app);
        assert.deepEqual((await receive(app)).failures, [], JSON.stringify(failures));
        const gone = messageIdOf(own(user, "letter-5"));
        const expected = LETTERS.map((name) => messageIdOf(own(user, name))).filter((id) => id !== gone);
        // Dovecot may have handed it out all the same: what matters is that it is one email or none, and the others are one each.
        const emails = (await emailsIn(database, user)).map((email) => email.messageId ?? "").filter((id) => id !== gone);
        assert.deepEqual(emails.sort(), expected.sort());
        assert.ok((await decisionsIn(database, user)).every((one) => one.outcome === "tracked" || one.messageId === gone));
      },
    );
  },
  { engines: ["pglite"] },
);

/** Keeps the Maildir as it is now; what it returns puts it back. */
function copyOf(user: string): () => void {
  const place = temporaryFolder("backup");
  const copy = path.join(place, "maildir");
  mkdirSync(place, { recursive: true });
  cpSync(maildirOf(user), copy, { recursive: true, preserveTimestamps: true });
  return () => {
    renameSync(maildirOf(user), path.join(place, "lost"));
    cpSync(copy, maildirOf(user), { recursive: true, preserveTimestamps: true });
    giveToAccount(maildirOf(user));
    removeFolder(place);
  };
}
