import type { Folder, FolderWatcher } from "../folder.ts";
import type { FetchItem } from "./command.ts";
import { fetchResponse } from "./fetch.ts";
import type { Chunk } from "./respond.ts";
import type { NumberedMessage } from "./search.ts";
import { formatSet, resolveSet, type SequenceSet, setHolds } from "./sequence-set.ts";

/** How a session wants news told: with mod-sequences, and VANISHED in place of EXPUNGE (RFC 7162 3.2.10). */
export interface NewsStyle {
  readonly condstore: boolean;
  readonly qresync: boolean;
}

/**
 * A folder as one session has it selected: its own numbering, and what it has not been told yet. Numbers change only when
 * the session is told of an expunge (RFC 3501 7.4.1), whatever other sessions do meanwhile.
 */
export class Selection implements FolderWatcher {
  readonly folder: Folder;
  readonly readOnly: boolean;
  /** UIDs in the order of their sequence numbers; expunged ones stay until the session is told. */
  #uids: number[];
  /** Arrived, and not told yet: without numbers. */
  #arrived: number[] = [];
  readonly #changed = new Set<number>();
  readonly #gone = new Set<number>();
  readonly #onNews: () => void;
  readonly #onRemoved: () => void;

  constructor(folder: Folder, readOnly: boolean, listeners: { onNews(): void; onRemoved(): void }) {
    this.folder = folder;
    this.readOnly = readOnly;
    this.#uids = folder.uids();
    this.#onNews = () => listeners.onNews();
    this.#onRemoved = () => listeners.onRemoved();
    folder.watch(this);
  }

  close(): void {
    this.folder.unwatch(this);
  }

  /** EXISTS as the session knows it. */
  get exists(): number {
    return this.#uids.length;
  }

  get largestUid(): number {
    return this.#uids.at(-1) ?? 0;
  }

  /** The messages of a set, ascending. Those expunged by others meanwhile are left out; null when a sequence number is out of range. */
  chosen(set: SequenceSet, byUid: boolean): NumberedMessage[] | null {
    const ranges = resolveSet(set, byUid ? this.largestUid : this.exists);
    const [first] = ranges;
    // RFC 3501 section 9, seq-number: out of range is an error, an unknown UID is not.
    if (!byUid && ((first?.from ?? 0) < 1 || (ranges.at(-1)?.to ?? 0) > this.exists)) return null;
    return this.all().filter(({ sequence, message }) => setHolds(ranges, byUid ? message.uid : sequence));
  }

  all(): NumberedMessage[] {
    const all: NumberedMessage[] = [];
    for (const [index, uid] of this.#uids.entries()) {
      const message = this.folder.get(uid);
      if (message) all.push({ sequence: index + 1, message });
    }
    return all;
  }

  /** The session has just been told these flags. */
  toldFlags(uid: number): void {
    this.#changed.delete(uid);
  }

  arrived(uid: number): void {
    this.#arrived.push(uid);
    this.#onNews();
  }

  changed(uid: number): void {
    this.#changed.add(uid);
    this.#onNews();
  }

  gone(uids: readonly number[]): void {
    const untold = new Set(this.#arrived);
    for (const uid of uids) {
      this.#changed.delete(uid);
      // What came and went unseen is nobody's news.
      if (untold.has(uid)) this.#arrived = this.#arrived.filter((candidate) => candidate !== uid);
      else this.#gone.add(uid);
    }
    this.#onNews();
  }

  removed(): void {
    this.close();
    this.#onRemoved();
  }

  /** The untagged responses that are due, and forgets them. Expunges only where numbers may change (RFC 3501 7.4.1). */
  takeNews(style: NewsStyle, mayExpunge: boolean): Chunk[] {
    const expunges = mayExpunge ? this.#takeExpunges(style) : [];
    return [...expunges, ...this.#takeArrivals(), ...this.#takeChanges(style)];
  }

  #takeExpunges(style: NewsStyle): Chunk[] {
    if (this.#gone.size === 0) return [];
    const chunks: Chunk[] = [];
    const kept: number[] = [];
    for (const uid of this.#uids) {
      // Each EXPUNGE moves the later numbers down by one: it names the place behind those that stay.
      if (this.#gone.has(uid)) chunks.push(`* ${kept.length + 1} EXPUNGE\r\n`);
      else kept.push(uid);
    }
    const vanished = [...this.#gone].sort((left, right) => left - right);
    this.#uids = kept;
    this.#gone.clear();
    return style.qresync ? [`* VANISHED ${formatSet(vanished)}\r\n`] : chunks;
  }

  #takeArrivals(): Chunk[] {
    if (this.#arrived.length === 0) return [];
    this.#uids.push(...this.#arrived);
    this.#arrived = [];
    return [`* ${this.#uids.length} EXISTS\r\n`];
  }

  #takeChanges(style: NewsStyle): Chunk[] {
    if (this.#changed.size === 0) return [];
    const items: FetchItem[] = [{ kind: "UID" }, { kind: "FLAGS" }];
    if (style.condstore) items.push({ kind: "MODSEQ" });
    const chunks: Chunk[] = [];
    for (const uid of this.#changed) {
      const message = this.folder.get(uid);
      const sequence = this.#sequenceOf(uid);
      if (message && sequence !== null) chunks.push(...fetchResponse(sequence, message, items));
    }
    this.#changed.clear();
    return chunks;
  }
  /** UIDs ascend with the numbers, so the place is found by halving. */
  #sequenceOf(uid: number): number | null {
    let low = 0;
    let high = this.#uids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#uids[middle] ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return this.#uids[low] === uid ? low + 1 : null;
  }
}
