/** A mail server loses or changes what a position in it rests on. After each accident: nothing lost, nothing doubled, no history replayed. */
import assert from "node:assert/strict";
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { giveToAccount, removeFolder, temporaryFolder } from "../servers/processes.ts";
import { explained, letter, makeFolders, messageIdOf, move, remove } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const WORK = "INBOX/Work";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** A mailbox in which the letters `one` to `four` lie and are emails when the accident comes. */
interface Box {
  readonly user: string;
  arrive(name: string, folder?: string): Promise<void>;
  remove(name: string, folder?: string): Promise<void>;
  move(name: string, from: string, to: string): Promise<void>;
  client: EngineRig["dovecot"]["withImap"];
  /** The folder of the inbox on disk (Maildir++). */
  readonly maildir: string;
}

interface Accident {
  readonly what: string;
  /** Done before the letters are read; what it returns is done between two rounds. */
  readonly prepare: (box: Box) => Promise<() => Promise<void>>;
  /** Letters that came with the accident or after it. */
  readonly fresh: readonly string[];
}

const between = (act: (box: Box) => Promise<void>) => async (box: Box) => () => act(box);

const ACCIDENTS: readonly Accident[] = [
  {
    what: "the list of UIDs is deleted with all indexes, so that UIDVALIDITY changes",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot{-uidlist,.index*}");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "another UIDVALIDITY is written into the list of UIDs",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index*");
      editUidList(box.maildir, (text) => text.replace(/V(\d+)/, (_, validity: string) => `V${Number(validity) - 1000}`));
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "the indexes are deleted, so that HIGHESTMODSEQ begins anew",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index*");
      await box.remove("two");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "the cache is deleted",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index.cache");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "an older copy of the Maildir is put back and UIDNEXT goes back with it",
    prepare: async (box) => {
      const copy = await copied(box);
      return async () => {
        copy.putBack();
        await box.arrive("five");
      };
    },
    fresh: ["five"],
  },
  {
    what: "an older copy is put back, and new messages get the numbers of those that are gone, as many as there were",
    prepare: async (box) => {
      const copy = await copied(box);
      await box.arrive("later-1");
      await box.arrive("later-2");
      return async () => {
        copy.putBack();
        await box.arrive("five");
        await box.arrive("six");
      };
    },
    fresh: ["five", "six"],
  },
  {
    what: "an older copy is put back, and more new messages come than are gone",
    prepare: async (box) => {
      const copy = await copied(box);
      await box.arrive("later-1");
      return async () => {
        copy.putBack();
        for (const name of ["five", "six", "seven"]) await box.arrive(name);
      };
    },
    fresh: ["five", "six", "seven"],
  },
  {
    what: "an older copy brings back messages that were deleted since, and one comes",
    prepare: async (box) => {
      const copy = await copied(box);
      await box.remove("one");
      await box.remove("two");
      return async () => {
        copy.putBack();
        await box.arrive("five");
      };
    },
    fresh: ["five"],
  },
  {
    what: "a folder is renamed and another made under its name",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxRename(WORK, "INBOX/Prüfung & 検査 😀");
        await client.mailboxCreate(WORK);
      });
      await box.arrive("five", WORK);
      await box.arrive("six", "INBOX/Prüfung & 検査 😀");
    }),
    fresh: ["five", "six"],
  },
  {
    what: "a folder is deleted and made again",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxDelete(WORK);
        await client.mailboxCreate(WORK);
      });
      await box.arrive("five", WORK);
    }),
    fresh: ["five"],
  },
  {
    what: "messages are moved out and back",
    prepare: between(async (box) => {
      await box.move("one", "INBOX", WORK);
      await box.move("one", WORK, "INBOX");
      await box.move("in-work", WORK, "INBOX");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "only flags change",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxOpen("INBOX");
        await client.messageFlagsAdd("1:*", ["\\Seen", "\\Flagged"]);
      });
    }),
    fresh: [],
  },
];

onOneDatabaseEach("when a position in a folder is lost", servers, (promise) => {
  for (const { what, prepare, fresh } of ACCIDENTS) {
    promise(`${what}: no loss, no double, no replay`, async (database) => {
      const user = rig.newUser();
      const own = (name: string) => `${user}-${name}`;
      const box: Box = {
        user,
        arrive: async (name, folder = "INBOX") =>
          void (await rig.dovecot.append(user, folder, letter({ id: own(name), subject: name, date: new Date() }))),
        remove: (name, folder = "INBOX") => remove(rig.dovecot, user, own(name), folder),
        move: (name, from, to) => move(rig.dovecot, user, own(name), from, to),
        client: rig.dovecot.withImap,
        maildir: path.join(rig.dovecot.folder, "mail", user, "maildir"),
      };
      await makeFolders(rig.dovecot, user, WORK);
      await using app = await rig.open(database, rig.configurationFor([user]));
      const round = async () => {
        const { counts, failures } = await receive(app);
        assert.deepEqual(failures, []);
        return counts;
      };
      for (const name of ["one", "two", "three", "four"]) await box.arrive(name);
      await box.arrive("in-work", WORK);
      await round();
      const happen = await prepare(box);
      await round();
      const earlier = await decisionTimes(database, user);
      const deleted = messageIdOf(own("three"));
      await database.query("delete from crm.email where messageid = $1", [deleted]);

      await happen();
      const after = await round();
      assert.deepEqual([after.received, after.tracked], [fresh.length, fresh.length], "only what came is news");
      const later = await decisionTimes(database, user);
      for (const [id, times] of earlier) assert.deepEqual(later.get(id), times, `the decision about ${id} stays`);
      const expected = [...earlier.keys(), ...fresh.map((name) => messageIdOf(own(name)))].filter((id) => id !== deleted);
      assert.deepEqual(await emailIds(database, user), expected.sort(), "each message is one email, and what was deleted stays deleted");

      const lies = await lyingIn(user);
      for (const id of [...expected, deleted]) {
        const name = id.slice(0, id.indexOf("@"));
        assert.deepEqual((await explained(app, name, user)).folders, lies.get(id) ?? [], `where ${name} lies`);
      }
      const again = await round();
      assert.deepEqual([again.received, again.moved], [0, 0], "a further round does nothing");
    });
  }
});

/** When each message was first seen and decided, by Message-ID. */
async function decisionTimes(database: TestDatabase, user: string): Promise<Map<string, string>> {
  const { rows } = await database.query<{ messageId: string; times: string }>(
    `select message_id as "messageId", first_seen_at || ' ' || decided_at as times from waypost.decision
     join waypost.mailbox on mailbox.id = mailbox_id where address = $1`,
    [addressOf(user)],
  );
  return new Map(rows.map((row) => [row.messageId, row.times]));
}

async function emailIds(database: TestDatabase, user: string): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>("select messageid as id from crm.email where submittedby = $1", [addressOf(user)]);
  return rows.map((row) => row.id).sort();
}

/** The folders in which another program finds each message, by Message-ID. */
function lyingIn(user: string): Promise<Map<string, string[]>> {
  return rig.dovecot.withImap(user, async (client) => {
    const found = new Map<string, string[]>();
    for (const { path: folder } of await client.list()) {
      if (!folder.startsWith("INBOX")) continue;
      const { exists } = await client.mailboxOpen(folder, { readOnly: true });
      for (const row of exists > 0 ? await client.fetchAll("1:*", { envelope: true }) : []) {
        const id = (row.envelope?.messageId ?? "").replace(/[<>]/g, "");
        found.set(id, [...(found.get(id) ?? []), folder].sort());
      }
    }
    return found;
  });
}

function forget(maildir: string, pattern: string): void {
  const files = globSync(pattern, { cwd: maildir });
  assert.ok(files.length > 0, `there is something to forget: ${pattern}`);
  for (const file of files) rmSync(path.join(maildir, file));
}

function editUidList(maildir: string, edit: (text: string) => string): void {
  const file = path.join(maildir, "dovecot-uidlist");
  const before = readFileSync(file, "utf8");
  const edited = edit(before);
  assert.notEqual(edited, before);
  writeFileSync(file, edited);
}

/** A copy of the whole Maildir as it is now, with the dates of its files. */
async function copied({ maildir }: Box): Promise<{ putBack(): void }> {
  const place = temporaryFolder("backup");
  const copy = path.join(place, "maildir");
  mkdirSync(place, { recursive: true });
  cpSync(maildir, copy, { recursive: true, preserveTimestamps: true });
  return {
    putBack() {
      renameSync(maildir, path.join(place, "lost"));
      cpSync(copy, maildir, { recursive: true, preserveTimestamps: true });
      giveToAccount(maildir);
      removeFolder(place);
    },
  };
}
