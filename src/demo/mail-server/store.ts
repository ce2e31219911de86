import { createHash, timingSafeEqual } from "node:crypto";
import { Folder, type NewMessage, type SpecialUse, type StoredMessage } from "./folder.ts";
import { MAXIMUM_ACCOUNT_BYTES, MAXIMUM_FOLDER_DEPTH, MAXIMUM_FOLDER_PATH_LENGTH, MAXIMUM_FOLDERS_PER_ACCOUNT } from "./limits.ts";
import { Refusal } from "./refusal.ts";

export const INBOX = "INBOX";
export const DELIMITER = "/";

const SPECIAL_FOLDERS: readonly (readonly [path: string, use: SpecialUse])[] = [
  ["Sent", "\\Sent"],
  ["Drafts", "\\Drafts"],
  ["Trash", "\\Trash"],
  ["Junk", "\\Junk"],
  ["Archive", "\\Archive"],
];

export interface AccountFacts {
  /** Address, also the user name. */
  readonly address: string;
  readonly password: string;
  /** Display name, for those who write sample mail: the protocols do not show it. */
  readonly name: string;
}

/** `inbox` in any case is INBOX (RFC 3501 5.1), as a first level too; a trailing delimiter says nothing here (6.3.3). */
export function normalizedPath(path: string): string {
  const trimmed = path.endsWith(DELIMITER) ? path.slice(0, -1) : path;
  const [first = "", ...rest] = trimmed.split(DELIMITER);
  return first.toUpperCase() === INBOX ? [INBOX, ...rest].join(DELIMITER) : trimmed;
}

/** One user's folders and subscriptions. Paths are Unicode, levels joined by `/`. */
export class Account {
  readonly address: string;
  /** Names that were subscribed, existing or not: a server must not take them away by itself (RFC 3501 6.3.6). */
  readonly subscriptions: Set<string>;
  readonly #passwordHash: Buffer;
  readonly #folders = new Map<string, Folder>();
  readonly #nextUidValidity: () => number;

  constructor(facts: AccountFacts, nextUidValidity: () => number) {
    this.address = facts.address;
    this.#passwordHash = hash(facts.password);
    this.#nextUidValidity = nextUidValidity;
    this.#folders.set(INBOX, new Folder(INBOX, nextUidValidity(), null));
    for (const [path, use] of SPECIAL_FOLDERS) this.#folders.set(path, new Folder(path, nextUidValidity(), use));
    this.subscriptions = new Set(this.#folders.keys());
  }

  accepts(password: string): boolean {
    return timingSafeEqual(this.#passwordHash, hash(password));
  }

  /** INBOX first, then by path. */
  folders(): Folder[] {
    const rank = (folder: Folder) => (folder.path === INBOX ? "" : folder.path);
    return [...this.#folders.values()].sort((left, right) => (rank(left) < rank(right) ? -1 : 1));
  }

  folder(path: string): Folder | undefined {
    return this.#folders.get(normalizedPath(path));
  }

  /** @throws Refusal NONEXISTENT, or TRYCREATE for a destination (RFC 3501 6.3.11, 6.4.7). */
  require(path: string, missing: "NONEXISTENT" | "TRYCREATE" = "NONEXISTENT"): Folder {
    const folder = this.folder(path);
    if (!folder) throw new Refusal(missing, "No such mailbox");
    return folder;
  }

  hasChildren(path: string): boolean {
    const prefix = path + DELIMITER;
    return [...this.#folders.keys()].some((candidate) => candidate.startsWith(prefix));
  }

  /** Makes the folder and the levels above it that are missing (RFC 3501 6.3.3). @throws Refusal */
  create(wanted: string): Folder {
    const path = normalizedPath(wanted);
    if (this.#folders.has(path)) throw new Refusal("ALREADYEXISTS", "Mailbox exists already");
    return this.#make(path);
  }

  /** @throws Refusal for INBOX, a missing folder, and one that has folders below it (RFC 9051 6.3.5). */
  delete(path: string): void {
    const folder = this.require(path);
    if (folder.path === INBOX) throw new Refusal("CANNOT", "INBOX cannot be deleted");
    if (this.hasChildren(folder.path)) throw new Refusal("HASCHILDREN", "Mailbox has mailboxes below it");
    this.#folders.delete(folder.path);
    folder.announceRemoval();
  }

  /** Renames with all folders below; renaming INBOX moves its messages into a new folder (RFC 3501 6.3.5). @throws Refusal */
  rename(from: string, to: string): void {
    const folder = this.require(from);
    const target = normalizedPath(to);
    if (this.#folders.has(target)) throw new Refusal("ALREADYEXISTS", "Mailbox exists already");
    if (folder.path === INBOX) this.#emptyInboxInto(target);
    else this.#moveTree(folder, target);
  }

  /** @throws Refusal OVERQUOTA or TOOBIG, when not all of these messages can be added to the folder */
  requireRoom(folder: Folder, mimes: readonly Buffer[]): void {
    folder.requireRoom(mimes);
    let bytes = 0;
    for (const held of this.#folders.values()) bytes += held.bytes;
    for (const mime of mimes) bytes += mime.length;
    if (bytes > MAXIMUM_ACCOUNT_BYTES) throw new Refusal("OVERQUOTA", `Account holds ${MAXIMUM_ACCOUNT_BYTES} bytes at most`);
  }

  /** @throws Refusal OVERQUOTA or TOOBIG; then nothing was stored. */
  append(folder: Folder, message: NewMessage): StoredMessage {
    this.requireRoom(folder, [message.mime]);
    return folder.append(message);
  }

  #make(path: string): Folder {
    requireFolderPath(path);
    this.#makeLevelsAbove(path);
    if (this.#folders.size >= MAXIMUM_FOLDERS_PER_ACCOUNT) {
      throw new Refusal("LIMIT", `Account holds ${MAXIMUM_FOLDERS_PER_ACCOUNT} mailboxes at most`);
    }
    const folder = new Folder(path, this.#nextUidValidity(), null);
    this.#folders.set(path, folder);
    return folder;
  }

  #makeLevelsAbove(path: string): void {
    const end = path.lastIndexOf(DELIMITER);
    const parent = end < 0 ? "" : path.slice(0, end);
    if (parent !== "" && !this.#folders.has(parent)) this.#make(parent);
  }

  #moveTree(folder: Folder, target: string): void {
    if (target.startsWith(folder.path + DELIMITER)) throw new Refusal("CANNOT", "A mailbox cannot move below itself");
    const moving = [...this.#folders.values()].filter(
      (candidate) => candidate === folder || candidate.path.startsWith(folder.path + DELIMITER),
    );
    const renamed = moving.map((each) => ({ each, path: target + each.path.slice(folder.path.length) }));
    for (const { path } of renamed) requireFolderPath(path);
    this.#makeLevelsAbove(target);
    for (const { each } of renamed) this.#folders.delete(each.path);
    for (const { each, path } of renamed) {
      each.path = path;
      this.#folders.set(path, each);
    }
  }

  #emptyInboxInto(target: string): void {
    const inbox = this.require(INBOX);
    const folder = this.#make(target);
    const messages = [...inbox.messages()];
    for (const message of messages) folder.append({ ...message, flags: [...message.flags] });
    inbox.expunge(messages.map((message) => message.uid));
  }
}

/** All accounts of the server. */
export class MailStore {
  readonly domains: ReadonlySet<string>;
  readonly #accounts = new Map<string, Account>();

  /** `firstUidValidity` should grow from start to start (seconds since 1970 do), so that a client notices the new life of a folder. */
  constructor(accounts: readonly AccountFacts[], domains: readonly string[], firstUidValidity: number) {
    let uidValidity = firstUidValidity;
    this.domains = new Set(domains.map((domain) => domain.toLowerCase()));
    for (const facts of accounts) {
      this.#accounts.set(facts.address.toLowerCase(), new Account(facts, () => uidValidity++));
    }
  }

  account(address: string): Account | undefined {
    return this.#accounts.get(address.toLowerCase());
  }

  /** Null when name and password do not fit together; which of the two is wrong is nobody's business. */
  signIn(user: string, password: string): Account | null {
    const account = this.account(user);
    return account?.accepts(password) ? account : null;
  }
}

function hash(password: string): Buffer {
  return createHash("sha256").update(password).digest();
}

/** @throws Refusal for a path that is empty, too long or deep, or holds empty levels, wildcards or control characters. */
function requireFolderPath(path: string): void {
  const levels = path.split(DELIMITER);
  const tooBig = path.length > MAXIMUM_FOLDER_PATH_LENGTH || levels.length > MAXIMUM_FOLDER_DEPTH;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (tooBig || levels.includes("") || /[%*\u0000-\u001f\u007f-\u009f]/.test(path)) {
    throw new Refusal("CANNOT", "Mailbox name is not allowed");
  }
}
