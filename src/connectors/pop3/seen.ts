import { hash, randomBytes } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";

/** Bytes of the salt, which keeps anybody from making an id that looks like a seen one. */
const SALT = 8;

/** Bytes kept of each id's digest. That an id looks like one of 100,000 seen ones by chance happens once in 10^14 messages. */
const DIGEST = 8;

/** Bytes kept of a message's likeness (see witnesses.ts). */
const LIKENESS = 4;

const RECORD = DIGEST + LIKENESS;

/** In the place of a likeness: the id is not there any more. */
const LEFT = 0xffffffff;

/** Nothing is known of what the message looks like. */
export const NO_LIKENESS = 0;

/** More changes than this become part of the base: what is written with each page stays small, and what is large is written seldom. */
const MOST_CHANGES = 4096;

/** Ids worked out before other work of the process has its turn: a few milliseconds. */
const AT_A_TIME = 1000;

/** What a mailbox holds, compared with what was handed out of it. */
export interface Comparison<T> {
  readonly known: readonly T[];
  readonly fresh: readonly T[];
  /** Digests of the ids that are not there any more. */
  readonly left: readonly bigint[];
}

/**
 * A set of ids, each with the likeness of its message, that can be asked but not listed: of each id the beginning of a salted digest. It is a sorted
 * base of records and what changed since.
 */
export class Seen {
  readonly #salt: string;
  readonly #base: Buffer;
  /** The base as it is written; it is not worked out again for each page. */
  readonly #written: string;
  readonly #changes: ReadonlyMap<bigint, number>;
  readonly size: number;

  private constructor(salt: string, base: Buffer, written: string, changes: ReadonlyMap<bigint, number>) {
    this.#salt = salt;
    this.#base = base;
    this.#written = written;
    this.#changes = changes;
    let size = base.length / RECORD;
    for (const [digest, likeness] of changes) size += Number(likeness !== LEFT) - Number(placeOf(base, digest).there);
    this.size = size;
  }

  static none(): Seen {
    return new Seen(randomBytes(SALT).toString("hex"), Buffer.alloc(0), "", new Map());
  }

  /** What {@link written} wrote, or null where it is something else. */
  static read({ salt, base, changes }: Written): Seen | null {
    const [records, changed] = [recordsIn(base), recordsIn(changes)];
    if (records === null || changed === null || !/^[0-9a-f]{16}$/.test(salt)) return null;
    const map = new Map<bigint, number>();
    for (let at = 0; at < changed.length; at += RECORD) map.set(changed.readBigUInt64BE(at), changed.readUInt32BE(at + DIGEST));
    return new Seen(salt, records, base, map);
  }

  written(): Written {
    const changes = Buffer.alloc(this.#changes.size * RECORD);
    let at = 0;
    for (const [digest, likeness] of this.#changes) at = writeRecord(changes, at, digest, likeness);
    return { salt: this.#salt, base: this.#written, changes: changes.toString("base64") };
  }

  /** What stands for an id in this set and in those made of it. */
  digest(id: string): bigint {
    return hash("sha256", this.#salt + id, "buffer").readBigUInt64BE();
  }

  /** What the message looked like, {@link NO_LIKENESS} where that is not known; null: the id was not seen. */
  likeness(digest: bigint): number | null {
    const changed = this.#changes.get(digest);
    if (changed !== undefined) return changed === LEFT ? null : changed;
    const { at, there } = placeOf(this.#base, digest);
    return there ? this.#base.readUInt32BE(at * RECORD + DIGEST) : null;
  }

  /** Sorts the messages of a mailbox. Others have their turn meanwhile. */
  async compare<T extends { readonly id: string }>(items: readonly T[]): Promise<Comparison<T>> {
    const known: T[] = [];
    const fresh: T[] = [];
    const found = new Uint8Array(this.#base.length / RECORD);
    const foundChanges = new Set<bigint>();
    for (const [index, item] of items.entries()) {
      if (index % AT_A_TIME === 0) await othersTurn();
      const digest = this.digest(item.id);
      const changed = this.#changes.get(digest);
      const { at, there } = placeOf(this.#base, digest);
      if (there) found[at] = 1;
      if (changed !== undefined) foundChanges.add(digest);
      (changed === undefined ? there : changed !== LEFT) ? known.push(item) : fresh.push(item);
    }
    const left: bigint[] = [];
    for (let at = 0; at < found.length; at++) {
      if (at % AT_A_TIME === 0) await othersTurn();
      if (found[at] === 1) continue;
      const digest = this.#base.readBigUInt64BE(at * RECORD);
      if (!this.#changes.has(digest)) left.push(digest);
    }
    for (const [digest, likeness] of this.#changes) if (likeness !== LEFT && !foundChanges.has(digest)) left.push(digest);
    return { known, fresh, left };
  }

  /** The set without these digests and then with those. Others have their turn meanwhile. */
  async changed(left: readonly bigint[], likenesses: Iterable<readonly [bigint, number]>): Promise<Seen> {
    const changes = new Map(this.#changes);
    for (const [index, digest] of left.entries()) {
      if (index % AT_A_TIME === 0) await othersTurn();
      changes.set(digest, LEFT);
    }
    for (const [digest, likeness] of likenesses) changes.set(digest, likeness);
    if (changes.size <= MOST_CHANGES) return new Seen(this.#salt, this.#base, this.#written, changes);
    const base = await merged(this.#base, changes);
    await othersTurn();
    return new Seen(this.#salt, base, base.toString("base64"), new Map());
  }
}

/** The form in which a set is kept. Base and changes: records in base64, of 16 characters each. */
export interface Written {
  readonly salt: string;
  readonly base: string;
  readonly changes: string;
}

function recordsIn(base64: string): Buffer | null {
  const records = Buffer.from(base64, "base64");
  // What is not base64 is passed over, and missing then.
  return base64.length % 16 === 0 && records.length === (base64.length / 4) * 3 ? records : null;
}

function writeRecord(records: Buffer, at: number, digest: bigint, likeness: number): number {
  records.writeBigUInt64BE(digest, at);
  return records.writeUInt32BE(likeness, at + DIGEST);
}

/** The record of a digest, or where it would be inserted. */
function placeOf(records: Buffer, digest: bigint): { readonly at: number; readonly there: boolean } {
  const high = Number(digest >> 32n);
  const low = Number(digest & 0xffffffffn);
  let from = 0;
  let until = records.length / RECORD;
  while (from < until) {
    const middle = (from + until) >>> 1;
    const place = middle * RECORD;
    const difference = records.readUInt32BE(place) - high || records.readUInt32BE(place + 4) - low;
    if (difference === 0) return { at: middle, there: true };
    if (difference < 0) from = middle + 1;
    else until = middle;
  }
  return { at: from, there: false };
}

/** The records with the changes, sorted. */
async function merged(base: Buffer, changes: ReadonlyMap<bigint, number>): Promise<Buffer> {
  const records = Buffer.alloc(base.length + changes.size * RECORD);
  const digests = BigUint64Array.from(changes.keys()).sort();
  let [read, written] = [0, 0];
  for (const [index, digest] of digests.entries()) {
    if (index % AT_A_TIME === 0) await othersTurn();
    const { at, there } = placeOf(base, digest);
    written += base.copy(records, written, read, at * RECORD);
    read = (there ? at + 1 : at) * RECORD;
    const likeness = changes.get(digest) ?? LEFT;
    if (likeness !== LEFT) written = writeRecord(records, written, digest, likeness);
  }
  written += base.copy(records, written, read);
  return Buffer.from(records.subarray(0, written));
}
