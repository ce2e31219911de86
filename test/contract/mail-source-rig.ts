/** What the contract suite of mail sources wants of a server under test, and how it reads. */
import assert from "node:assert/strict";
import type { Content, Cursor, Folder, MessageHead, MessageRef } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";

/** One mailbox on a server of its own or shared, empty at first. Folders are named without prefix; `INBOX` always exists. */
export interface MailboxRig {
  /** Opens the mailbox as a new process would. */
  open(how?: { readonly password?: string; readonly port?: number }): MailSource;
  /** Where `open` connects to; null where there is no connection that could be cut. */
  readonly port: number | null;
  /** Puts messages there as a mail server does, making the folder if need be. */
  put(folder: string, ...messages: readonly { readonly mime: Buffer; readonly received?: Date }[]): Promise<void>;
  /** Takes the message away, as another program of the user does. */
  remove(folder: string, messageId: string): Promise<void>;
  move(folder: string, messageId: string, destination: string): Promise<void>;
  /** Message-IDs of the folder by what another program sees of them. */
  look(folder: string): Promise<ReadonlyMap<string, { readonly seen: boolean }>>;
}

/** Where mail systems lawfully differ. What is not named here every one promises. */
export interface Differences {
  /** Content comes byte for byte as it was put there, and the size told is its size (`Capabilities.stableMime`). */
  readonly stableMime: boolean;
  /** `MessageHead.providerId` is there and survives moves (`Capabilities.keepsIdsOnMove`). */
  readonly keepsIdsOnMove: boolean;
  /** The first reading is in the order of arrival over all pages; else at least each message comes. */
  readonly inOrder: boolean;
  /** A message may be told again as it is, and a page may be empty though more is to come. */
  readonly repeats: boolean;
  /** A message whose last line has no end is given one when it is read: lines are all that the protocol knows (POP3). */
  readonly endsLastLine: boolean;
  /** A service account signs in for all mailboxes of the profile: a password that is refused is the profile's trouble. */
  readonly serviceAccount?: boolean;
}

export interface ServerRig extends AsyncDisposable {
  readonly differences: Differences;
  /** A mailbox that no other test uses. */
  mailbox(): Promise<MailboxRig>;
}

export const LONG_AGO = new Date("2001-01-01T00:00:00Z");
const A_LOT = 1000;
export const LIMIT = 30 * 1024 * 1024;

/** A message whose Message-ID and subject tell its number. */
export function message(id: string, body: string | Buffer = "Hello,\r\n\r\nthis is a test.\r\n", moreHeader = ""): Buffer {
  const header = [
    "From: Ann Lee <ann@example.test>",
    "To: bob@example.test",
    `Subject: Message ${id}`,
    "Date: Mon, 23 Nov 2026 10:00:00 +0000",
    `Message-ID: <${id}@example.test>`,
  ];
  return Buffer.concat([Buffer.from(`${header.join("\r\n")}\r\n${moreHeader}\r\n`, "latin1"), Buffer.from(body)]);
}

/** What the receiving mail server writes on top of a message, for systems that tell no other received date. */
export const receivedLine = (received: Date) => `Received: from relay.example.test by mail.example.test; ${received.toUTCString()}\r\n`;

export const idOf = (id: string) => `${id}@example.test`;

/** A folder with the stream that tells of it. A string is a folder that is its own stream. */
export type FolderPlace = Pick<Folder, "id" | "stream"> | string;

export const streamOf = (folder: FolderPlace) => (typeof folder === "string" ? folder : folder.stream);
const lies = (head: MessageHead, folder: FolderPlace) => head.folders.includes(typeof folder === "string" ? folder : folder.id);

/** All pages from a cursor on, and of their heads those that lie in the folder; with a new source for each page where `reopen` is set. */
export async function drain(
  open: () => MailSource,
  folder: FolderPlace,
  start: Cursor | null,
  options: { readonly limit?: number; readonly since?: Date; readonly reopen?: boolean } = {},
): Promise<{
  readonly pages: readonly Extract<Pull, { kind: "page" }>[];
  /** Each as often as it was told. */
  readonly told: readonly MessageHead[];
  /** Each once, as it was told last. */
  readonly heads: readonly MessageHead[];
  readonly cursor: Cursor;
}> {
  const pages: Extract<Pull, { kind: "page" }>[] = [];
  let cursor = start;
  let source = open();
  try {
    for (;;) {
      const pull = await source.pull(streamOf(folder), cursor, { limit: options.limit ?? A_LOT, since: options.since ?? LONG_AGO });
      if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
      pages.push(pull);
      assert.ok(pages.length < 500, "pulling comes to an end");
      cursor = pull.cursor;
      if (!pull.more) {
        const told = pages.flatMap((page) => page.heads).filter((head) => lies(head, folder));
        return { pages, told, heads: [...new Map(told.map((head) => [head.ref.id, head])).values()], cursor };
      }
      if (options.reopen) {
        await source.close();
        source = open();
      }
    }
  } finally {
    await source.close();
  }
}

/** What a faithful reader holds of a folder, after each page of its stream. */
export class Held {
  readonly ids = new Map<string, string>();
  readonly #folder: FolderPlace;

  constructor(folder: FolderPlace) {
    this.#folder = folder;
  }

  take(pull: Extract<Pull, { kind: "page" }>): void {
    const named = pull.heads.map((head) => head.ref.id);
    for (const ref of pull.gone) assert.ok(!named.includes(ref.id), "a ref is told of or gone, not both");
    for (const head of pull.heads) {
      if (lies(head, this.#folder)) this.ids.set(head.ref.id, head.messageId ?? "");
      else this.ids.delete(head.ref.id);
    }
    for (const ref of pull.gone) this.ids.delete(ref.id);
    if (pull.present !== null) {
      const present = new Set(pull.present);
      for (const id of this.ids.keys()) if (!present.has(id)) this.ids.delete(id);
    }
  }

  messageIds(): string[] {
    return [...this.ids.values()].sort();
  }
}

export async function contents(source: MailSource, refs: readonly MessageRef[], maximumSize = LIMIT): Promise<Map<string, Content>> {
  const answers = new Map<string, Content>();
  for await (const content of source.content(refs, { maximumSize })) {
    assert.ok(!answers.has(content.ref.id), `${content.ref.id} is answered once`);
    answers.set(content.ref.id, content);
  }
  return answers;
}

export const byName = (streams: readonly Folder[], name: string): Folder => {
  const found = streams.find((stream) => (name === "INBOX" ? stream.role === "inbox" : stream.name.split("/").at(-1) === name));
  assert.ok(found, `there is a stream for ${name}: ${streams.map((stream) => stream.name).join(", ")}`);
  return found;
};

export async function using<T>(source: MailSource, work: (source: MailSource) => Promise<T>): Promise<T> {
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

export const folderOf = (rig: MailboxRig, name: string) => using(rig.open(), async (source) => byName(await source.folders(), name));

/** Message-IDs in the order in which they were told, or sorted where the order says nothing; told again, they count once. */
export const tellingOf = (heads: readonly MessageHead[], { inOrder, repeats }: Differences) => {
  const told = repeats ? [...new Set(messageIds(heads))] : messageIds(heads);
  return inOrder ? told : told.sort();
};

export const messageIds = (heads: readonly MessageHead[]) => heads.map((head) => head.messageId ?? "");

export const numbers = (count: number, prefix = "m") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
