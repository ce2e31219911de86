import assert from "node:assert/strict";
import { configurationSchema, type EmbeddedConfiguration, type FilterName } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import type { Counts } from "../../src/engine/receive/reading.ts";
import type { Kind } from "../contract/memory/kind.ts";
import type { MemoryMailbox, Stored } from "../contract/memory/mailbox.ts";
import { memoryMailSystem } from "../contract/memory/memory-mail-system.ts";
import { type Call, MemoryServer } from "../contract/memory/server.ts";
import { decisionsIn, emailsIn, explained, type Letter, letter } from "./incoming.ts";
import { addressOf, openRigApp, type RigApp, receive, type TestClock, testClock } from "./rig.ts";

/** Read, being the inbox or below it. */
export const INBOX = "INBOX";
export const WORK = "INBOX/Work";
/** Not read. */
export const ASIDE = "Aside";
export const FOLDERS = [INBOX, WORK, ASIDE] as const;
const READ: readonly string[] = [INBOX, WORK];

/** A Waypost with a mail system in memory in the place of its connectors. */
export interface MemoryWorld extends AsyncDisposable {
  readonly app: RigApp;
  readonly server: MemoryServer;
  readonly database: Database;
  readonly clock: TestClock;
  /** A mailbox that nobody has used yet. */
  nextBox(): MemoryBox;
}

/** How the users of all worlds of this process are called. */
let users = 0;

export interface MemoryWorldOptions {
  readonly mailboxes?: number;
  /** Default: the inbox and below. */
  readonly folders?: "inbox" | "personal";
  /** Of its users. Default: all. */
  readonly filter?: FilterName;
  /** Of one user each, by the number of its mailbox, instead. */
  readonly filters?: readonly FilterName[];
  readonly settings?: EmbeddedConfiguration["settings"];
  /** From when on the mailboxes are read. Default: from now on. */
  readonly readFrom?: Date;
  /** Of a world before, whose mailboxes it goes on with. */
  readonly before?: { readonly server: MemoryServer; readonly names: readonly string[] };
}

export async function openMemoryWorld(
  database: Database,
  kind: Kind,
  { mailboxes = 1, folders = "inbox", filter = "all", filters = [], settings = {}, readFrom, before }: MemoryWorldOptions = {},
): Promise<MemoryWorld & { readonly names: readonly string[] }> {
  const names = before?.names ?? Array.from({ length: mailboxes }, () => `memory${users++}`);
  const endpoint = { host: "memory.test", security: "none", authentication: "none" } as const;
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded", settings }],
    // That they name protocols changes nothing: their connectors are not asked.
    serverProfiles: [{ name: "memory", incoming: { ...endpoint, protocol: "imap" }, outgoing: { ...endpoint, protocol: "smtp" }, folders }],
    users: names.map((name, index) => ({ name, email: addressOf(name), filter: filters[index] ?? filter })),
    mailboxes: names.map((name) => ({
      address: addressOf(name),
      user: addressOf(name),
      ...(readFrom !== undefined && { readFrom: readFrom.toISOString() }),
    })),
  });
  const clock = testClock();
  const app = await openRigApp(database, configuration, { now: clock.now });
  const server = before?.server ?? new MemoryServer(kind);
  const system = memoryMailSystem(server);
  app.context.mailSystem = () => system;
  let next = 0;
  return {
    app,
    server,
    database,
    clock,
    names,
    nextBox() {
      const name = names[next++];
      if (name === undefined) throw new Error("the world needs more mailboxes");
      return new MemoryBox(app, server, clock, name);
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** One mailbox of a world, with what its user does there and what Waypost made of it. Letters are called by names. */
export class MemoryBox {
  readonly name: string;
  readonly app: RigApp;
  readonly server: MemoryServer;
  readonly stored: MemoryMailbox;
  readonly #clock: TestClock;
  /** Names of the letters by the numbers of their copies. */
  readonly #letters = new Map<number, string>();

  constructor(app: RigApp, server: MemoryServer, clock: TestClock, name: string) {
    this.app = app;
    this.server = server;
    this.name = name;
    this.stored = server.mailbox(addressOf(name));
    this.#clock = clock;
    for (const folder of FOLDERS) this.stored.folder(folder);
  }

  /** A letter arrives in these folders; `anonymous`: it has no Message-ID. */
  arrive(name: string, folders: readonly string[] = [INBOX], more: Omit<Letter, "id"> & { readonly anonymous?: boolean } = {}): Stored {
    const { anonymous = false, ...rest } = more;
    const mime = Buffer.from(letter({ id: anonymous ? null : this.own(name), subject: this.own(name), body: `This is ${name}.`, ...rest }));
    this.#clock.forward(1);
    return this.#put(name, folders, mime);
  }

  /** A second message with the same bytes, as a mail program copies it. */
  copy(number: number, folder: string): Stored {
    const original = this.stored.messages.get(number);
    if (original === undefined) throw new Error(`there is no message ${number}`);
    return this.#put(this.#letters.get(number) ?? "", [folder], original.mime);
  }

  move(message: Stored, ...folders: readonly string[]): void {
    this.stored.place(message.number, this.#ids(folders));
  }

  remove(message: Stored): void {
    this.stored.remove(message.number);
  }

  /** Names of the folders in which a message lies. */
  namesOf(message: Stored): string[] {
    return this.stored.folders.filter((folder) => message.folders.has(folder.id)).map((folder) => folder.name);
  }

  /** Reads the mailbox once; nothing may go wrong. */
  async round(): Promise<Counts> {
    const { counts, failures } = await receive(this.app, this.name);
    assert.deepEqual(failures, []);
    return counts;
  }

  /** Reads it once, whatever happens. Codes of what went wrong. */
  async tryRound(): Promise<string[]> {
    return (await receive(this.app, this.name)).failures.map((failure) => failure.code);
  }

  /** As the letter is called among all mailboxes. */
  own(name: string): string {
    return `${this.name}-${name}`;
  }

  /** Outcomes by letter, for letters with one decision or several. */
  async decisions(): Promise<Record<string, string[]>> {
    const { rows } = await this.app.database.query<{ subject: string; outcome: string }>(
      `select subject, outcome from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id where mailbox.address = $1 order by outcome desc`,
      [addressOf(this.name)],
    );
    const byLetter = Map.groupBy(rows, (row) => row.subject.slice(this.name.length + 1));
    return Object.fromEntries([...byLetter].sort().map(([name, list]) => [name, list.map((row) => row.outcome)]));
  }

  /** Letters that are emails, as often as they are. */
  async emails(): Promise<string[]> {
    return (await emailsIn(this.app.database, this.name)).map((email) => email.subject.slice(this.name.length + 1));
  }

  /** Where Waypost says that a letter lies. */
  async foldersOf(name: string): Promise<readonly string[]> {
    return (await explained(this.app, this.own(name), this.name)).folders;
  }

  /** Names of letters that lie in a folder that is read, with those folders. */
  lyingInRead(): Map<string, Set<string>> {
    const lying = new Map<string, Set<string>>();
    for (const { number, folders } of this.stored.messages.values()) {
      const name = this.#letters.get(number);
      const read = this.stored.folders.filter((one) => folders.has(one.id) && READ.includes(one.name)).map((one) => one.name);
      if (name === undefined || read.length === 0) continue;
      lying.set(name, new Set([...(lying.get(name) ?? []), ...read]));
    }
    return lying;
  }

  /**
   * Whatever lies in a folder that is read was decided once, is one email, and is said to lie where it does; nothing is an email twice; a further
   * round finds nothing to do.
   */
  async assertComplete(): Promise<void> {
    const { received, tracked, moved } = await this.round();
    assert.deepEqual([received, tracked, moved], [0, 0, 0], "all was done before");
    const emails = await this.emails();
    assert.equal(new Set(emails).size, emails.length, `none twice: ${emails.join(" ")}`);
    const all = await decisionsIn(this.app.database, this.name);
    for (const [name] of this.lyingInRead()) {
      const its = all.filter((one) => one.messageId?.startsWith(`${this.own(name)}@`));
      assert.ok(its.length <= 1, `${name} was decided once`);
      assert.ok(emails.includes(name), `${name} is an email: ${emails.join(" ")}`);
    }
    const lying = this.lyingInRead();
    for (const { messageId } of all) {
      const name = messageId?.slice(this.name.length + 1).split("@")[0];
      if (name === undefined) continue;
      const said = (await this.foldersOf(name)).filter((folder) => READ.includes(folder));
      assert.deepEqual(said.sort(), [...(lying.get(name) ?? [])].sort(), `where ${name} lies`);
    }
  }

  /** From now on each call is asked: it may throw, or forget a position. */
  onCall(act: (call: Call) => "forget" | undefined): void {
    this.server.onCall = (call) => (call.mailbox === addressOf(this.name) ? act(call) : undefined);
  }

  nothingWrong(): void {
    this.server.onCall = () => undefined;
  }

  #put(name: string, folders: readonly string[], mime: Buffer): Stored {
    const message = this.stored.put(this.#ids(folders), mime, this.#clock.now());
    this.#letters.set(message.number, name);
    return message;
  }

  #ids(folders: readonly string[]): string[] {
    return folders.map((folder) => this.stored.folder(folder).id);
  }
}
