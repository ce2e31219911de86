import assert from "node:assert/strict";
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ImapFlow } from "imapflow";
import type { Counts } from "../../../src/engine/receive/reading.ts";
import type { TestDatabase } from "../../databases.ts";
import type { Dovecot } from "../../servers/dovecot.ts";
import { giveToAccount, removeFolder, temporaryFolder } from "../../servers/processes.ts";
import { letter, messageIdOf, move, remove } from "../incoming.ts";
import { addressOf, type EngineRig, type RigApp, type RigChanges, receive, type TestClock, testClock } from "../rig.ts";

/** A mailbox on a real Dovecot to which an accident happens, with the Waypost that reads it. Letters are called by names. */
export interface Box extends AsyncDisposable {
  readonly user: string;
  readonly app: RigApp;
  readonly clock: TestClock;
  arrive(name: string, folder?: string): Promise<void>;
  arriveAll(names: readonly string[], folder?: string): Promise<void>;
  remove(name: string, folder?: string): Promise<void>;
  move(name: string, from: string, to: string): Promise<void>;
  readonly client: Dovecot["withImap"];
  /** The whole store of the account on disk. */
  readonly store: string;
  /** The folder of the inbox on disk (Maildir++). */
  readonly maildir: string;
  /** Reads the mailbox once; nothing may go wrong. */
  round(): Promise<Counts>;
  /** When each message was first seen and decided, by name. */
  decisionTimes(): Promise<ReadonlyMap<string, string>>;
  /** Names of the letters that are emails, as often as they are. */
  emails(): Promise<string[]>;
  /** The folders in which another program finds each letter. */
  lying(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** The folders in which Waypost says that each letter lies, and how often it was decided. */
  said(): Promise<ReadonlyMap<string, { readonly folders: readonly string[]; readonly decisions: number }>>;
}

export async function openBox(rig: EngineRig, database: TestDatabase, changes: RigChanges = {}): Promise<Box> {
  const { dovecot } = rig;
  const user = rig.newUser();
  const clock = testClock();
  const own = (name: string) => `${user}-${name}`;
  const named = (messageId: string | null) => (messageId ?? "").slice(user.length + 1).split("@")[0] ?? "";
  const app = await rig.open(database, rig.configurationFor([user], changes), { now: clock.now });
  const store = path.join(dovecot.folder, "mail", user);
  const box: Box = {
    user,
    app,
    clock,
    store,
    maildir: path.join(store, "maildir"),
    client: dovecot.withImap,
    arrive: (name, folder) => box.arriveAll([name], folder),
    arriveAll: async (names, folder = "INBOX") =>
      void (await dovecot.append(user, folder, ...names.map((name) => letter({ id: own(name), subject: name, date: new Date() })))),
    remove: (name, folder = "INBOX") => remove(dovecot, user, own(name), folder),
    move: (name, from, to) => move(dovecot, user, own(name), from, to),
    async round() {
      clock.forward(60);
      const { counts, failures } = await receive(app, user);
      assert.deepEqual(failures, []);
      return counts;
    },
    async decisionTimes() {
      const { rows } = await database.query<{ messageId: string; times: string }>(
        `select message_id as "messageId", first_seen_at || ' ' || decided_at as times from waypost.decision
         join waypost.mailbox on mailbox.id = mailbox_id where address = $1`,
        [addressOf(user)],
      );
      return new Map(rows.map((row) => [named(row.messageId), row.times]));
    },
    async emails() {
      const { rows } = await database.query<{ id: string }>("select messageid as id from crm.email where submittedby = $1", [
        addressOf(user),
      ]);
      return rows.map((row) => named(row.id)).sort();
    },
    async lying() {
      return dovecot.withImap(user, async (client) => {
        const found = new Map<string, string[]>();
        for (const { path: folder, delimiter, flags } of await client.list()) {
          if (!folder.startsWith("INBOX") || flags.has("\\Noselect") || !(await canBeOpened(client, folder))) continue;
          const exists = client.mailbox === false ? 0 : client.mailbox.exists;
          for (const row of exists > 0 ? await client.fetchAll("1:*", { envelope: true }) : []) {
            const name = named((row.envelope?.messageId ?? "").replace(/[<>]/g, ""));
            found.set(name, [...(found.get(name) ?? []), folder.split(delimiter).join("/")].sort());
          }
        }
        return found;
      });
    },
    async said() {
      const said = new Map<string, { folders: readonly string[]; decisions: number }>();
      for (const name of (await box.decisionTimes()).keys()) {
        const { incoming } = await app.operations.explain(messageIdOf(own(name)));
        const its = incoming.filter((one) => one.mailbox === addressOf(user));
        said.set(name, { folders: its.flatMap((one) => one.folders).sort(), decisions: its.length });
      }
      return said;
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
  return box;
}

/**
 * What every accident has to leave behind: each message that lies in a folder that is read is one email, none is two, what was decided before is not
 * decided again, `explain` says where everything lies, and a further round finds nothing to do.
 * @param before what `decisionTimes` told before the accident
 * @param deleted letters whose email a person deleted in the CRM
 */
export async function assertSound(box: Box, before: ReadonlyMap<string, string>, deleted: readonly string[] = []): Promise<void> {
  const [lying, emails, times] = [await box.lying(), await box.emails(), await box.decisionTimes()];
  assert.deepEqual(emails, [...new Set(emails)], "no message is two emails");
  const lost = [...lying.keys(), ...before.keys()].filter((name) => !emails.includes(name) && !deleted.includes(name));
  assert.deepEqual(lost, [], "no message is lost");
  assert.deepEqual(
    deleted.filter((name) => emails.includes(name)),
    [],
    "what was deleted stays deleted",
  );
  for (const [name, its] of before) assert.equal(times.get(name), its, `the decision about ${name} stays`);
  for (const [name, { folders, decisions }] of await box.said()) {
    assert.deepEqual([folders, decisions], [lying.get(name) ?? [], 1], `where ${name} lies, and that it was decided once`);
  }
  const { received, moved } = await box.round();
  assert.deepEqual([received, moved], [0, 0], "a further round does nothing");
}

/** Opens a folder. Dovecot lists what is only a parent of others in a Maildir like any other folder. */
export async function canBeOpened(client: ImapFlow, folder: string): Promise<boolean> {
  try {
    await client.mailboxOpen(folder, { readOnly: true });
    return true;
  } catch (error) {
    if (error instanceof Error && "responseStatus" in error && error.responseStatus === "NO") return false;
    throw error;
  }
}

/** Deletes what matches in a folder on disk. */
export function forget(folder: string, pattern: string): void {
  const files = globSync(pattern, { cwd: folder });
  assert.ok(files.length > 0, `there is something to forget: ${pattern}`);
  for (const file of files) rmSync(path.join(folder, file), { recursive: true });
}

export function editUidList(maildir: string, edit: (text: string) => string): void {
  const file = path.join(maildir, "dovecot-uidlist");
  const before = readFileSync(file, "utf8");
  const edited = edit(before);
  assert.notEqual(edited, before);
  writeFileSync(file, edited);
}

/** UIDVALIDITY in the list of UIDs. */
export function validityOf(maildir: string): string {
  return /V(\d+)/.exec(readFileSync(path.join(maildir, "dovecot-uidlist"), "utf8"))?.[1] ?? assert.fail("no UIDVALIDITY");
}

/** Gives a folder another UIDVALIDITY, and its messages the same UIDs. */
export function setValidity(maildir: string, validity: string): void {
  forget(maildir, "dovecot.index*");
  editUidList(maildir, (text) => text.replace(/V\d+/, `V${validity}`));
}

/** A copy of a folder on disk as it is now, with the dates of its files. */
export function copied(folder: string): {
  putBack(): void;
  /** Only the files that match, in the place of those that are there. */
  putBackOnly(pattern: string): void;
} {
  const place = temporaryFolder("backup");
  const copy = path.join(place, "copy");
  mkdirSync(place, { recursive: true });
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return {
    putBack() {
      renameSync(folder, path.join(place, "lost"));
      cpSync(copy, folder, { recursive: true, preserveTimestamps: true });
      giveToAccount(folder);
      removeFolder(place);
    },
    putBackOnly(pattern) {
      for (const file of globSync(pattern, { cwd: folder })) rmSync(path.join(folder, file));
      for (const file of globSync(pattern, { cwd: copy }))
        cpSync(path.join(copy, file), path.join(folder, file), { preserveTimestamps: true });
      giveToAccount(folder);
      removeFolder(place);
    },
  };
}
