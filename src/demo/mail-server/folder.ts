import { changedFlags, type FlagChange, sameFlags } from "./flags.ts";
import { MAXIMUM_MESSAGE_BYTES, MAXIMUM_MESSAGES_PER_FOLDER, MAXIMUM_VANISHED } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** One message in one folder. Replaced, never altered, when its flags change. */
export interface StoredMessage {
  readonly uid: number;
  readonly mime: Buffer;
  readonly internalDate: Date;
  readonly flags: ReadonlySet<string>;
  /** Mod-sequence of its last change (RFC 7162 3.1). */
  readonly modseq: number;
}

export interface NewMessage {
  readonly mime: Buffer;
  readonly internalDate: Date;
  readonly flags: readonly string[];
}

/** A session that has the folder selected. Called synchronously, while the change happens. */
export interface FolderWatcher {
  arrived(uid: number): void;
  changed(uid: number): void;
  gone(uids: readonly number[]): void;
  /** The folder itself was deleted. */
  removed(): void;
}

/** The special uses that this server gives out (RFC 6154). */
export type SpecialUse = "\\Sent" | "\\Drafts" | "\\Trash" | "\\Junk" | "\\Archive";

/**
 * One folder: messages in UID order, with the numbers that IMAP promises (RFC 3501 2.3.1: UIDs only grow, UIDVALIDITY is
 * unique for this life of the name; RFC 7162: each change takes the next mod-sequence).
 */
export class Folder {
  path: string;
  readonly specialUse: SpecialUse | null;
  readonly uidValidity: number;
  readonly #messages = new Map<number, StoredMessage>();
  readonly #watchers = new Set<FolderWatcher>();
  #vanished: { readonly uid: number; readonly modseq: number }[] = [];
  /** Expunges at or below this mod-sequence are no longer in `#vanished`. */
  #vanishedForgottenUpTo = 0;
  #uidNext = 1;
  #modseq = 1;
  #bytes = 0;

  constructor(path: string, uidValidity: number, specialUse: SpecialUse | null) {
    this.path = path;
    this.uidValidity = uidValidity;
    this.specialUse = specialUse;
  }

  get uidNext(): number {
    return this.#uidNext;
  }

  get highestModseq(): number {
    return this.#modseq;
  }

  get size(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(uid: number): StoredMessage | undefined {
    return this.#messages.get(uid);
  }

  /** In UID order. */
  messages(): IterableIterator<StoredMessage> {
    return this.#messages.values();
  }

  uids(): number[] {
    return [...this.#messages.keys()];
  }

  /** @throws Refusal OVERQUOTA or TOOBIG, when not all of these messages can be added */
  requireRoom(mimes: readonly Buffer[]): void {
    if (this.#messages.size + mimes.length > MAXIMUM_MESSAGES_PER_FOLDER) {
      throw new Refusal("OVERQUOTA", `Folder holds ${MAXIMUM_MESSAGES_PER_FOLDER} messages at most`);
    }
    if (mimes.some((mime) => mime.length > MAXIMUM_MESSAGE_BYTES)) {
      throw new Refusal("TOOBIG", `Message exceeds ${MAXIMUM_MESSAGE_BYTES} bytes`);
    }
  }

  /** @throws Refusal OVERQUOTA or TOOBIG; then nothing was stored. */
  append(message: NewMessage): StoredMessage {
    this.requireRoom([message.mime]);
    const stored: StoredMessage = {
      uid: this.#uidNext++,
      mime: message.mime,
      internalDate: message.internalDate,
      flags: changedFlags(new Set(), "replace", message.flags),
      modseq: ++this.#modseq,
    };
    this.#messages.set(stored.uid, stored);
    this.#bytes += stored.mime.length;
    for (const watcher of this.#watchers) watcher.arrived(stored.uid);
    return stored;
  }

  /** Null when there is no such message. A change that changes nothing takes no mod-sequence. */
  setFlags(uid: number, change: FlagChange, flags: readonly string[]): StoredMessage | null {
    const before = this.#messages.get(uid);
    if (!before) return null;
    const after = changedFlags(before.flags, change, flags);
    if (sameFlags(before.flags, after)) return before;
    const stored: StoredMessage = { ...before, flags: after, modseq: ++this.#modseq };
    this.#messages.set(uid, stored);
    for (const watcher of this.#watchers) watcher.changed(uid);
    return stored;
  }

  /** Removes those that are there, under one mod-sequence. Returns the UIDs that were. */
  expunge(uids: readonly number[]): readonly number[] {
    const present = uids.filter((uid) => this.#messages.has(uid));
    if (present.length === 0) return present;
    const modseq = ++this.#modseq;
    for (const uid of present) {
      this.#bytes -= this.#messages.get(uid)?.mime.length ?? 0;
      this.#messages.delete(uid);
      this.#vanished.push({ uid, modseq });
    }
    this.#forgetOldExpunges();
    for (const watcher of this.#watchers) watcher.gone(present);
    return present;
  }

  /** UIDs expunged after that mod-sequence, ascending. A superset (all gaps) when that is too long ago to know. */
  vanishedSince(modseq: number): number[] {
    if (modseq >= this.#vanishedForgottenUpTo) {
      const uids = this.#vanished.filter((entry) => entry.modseq > modseq).map((entry) => entry.uid);
      return uids.sort((left, right) => left - right);
    }
    const gaps: number[] = [];
    for (let uid = 1; uid < this.#uidNext; uid++) if (!this.#messages.has(uid)) gaps.push(uid);
    return gaps;
  }

  watch(watcher: FolderWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: FolderWatcher): void {
    this.#watchers.delete(watcher);
  }

  /** Tells everybody who has it selected that it is no more. */
  announceRemoval(): void {
    for (const watcher of [...this.#watchers]) watcher.removed();
  }

  #forgetOldExpunges(): void {
    const excess = this.#vanished.length - MAXIMUM_VANISHED;
    if (excess <= 0) return;
    this.#vanishedForgottenUpTo = this.#vanished[excess - 1]?.modseq ?? 0;
    this.#vanished = this.#vanished.slice(excess);
  }
}
