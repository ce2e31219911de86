import { hash, randomBytes } from "node:crypto";
import { z } from "zod";
import type { Cursor } from "../../model/message.ts";

/** Written into every cursor; a cursor of another version is a lost one. */
const VERSION = 1;

/** Bytes kept of each id's digest. That an id looks like one of 100,000 seen ones by chance happens once in 10^14 messages. */
const DIGEST = 8;

/** Bytes of the salt, which keeps anybody from making an id that looks like a seen one. */
const SALT = 8;

/**
 * What was handed out of a mailbox. POP3 has no positions, so it is the set of the ids: of each the beginning of a salted digest, sorted, 11
 * characters a message. A mailbox of 100,000 messages has a cursor of a megabyte, which is written only when something changed.
 */
export interface Position {
  /** Of the first reading, until it is over: messages received before this are left out. */
  readonly since: Date | null;
  readonly seen: Seen;
}

/** A set of ids that can be asked but not listed. */
export class Seen {
  readonly #salt: string;
  readonly #digests: ReadonlySet<bigint>;

  private constructor(salt: string, digests: ReadonlySet<bigint>) {
    this.#salt = salt;
    this.#digests = digests;
  }

  static none(): Seen {
    return new Seen(randomBytes(SALT).toString("hex"), new Set());
  }

  /** Null when the bytes are none that {@link toBytes} made. */
  static fromBytes(bytes: Buffer): Seen | null {
    if (bytes.length < SALT || (bytes.length - SALT) % DIGEST !== 0) return null;
    const digests = new Set<bigint>();
    for (let at = SALT; at < bytes.length; at += DIGEST) digests.add(bytes.readBigUInt64BE(at));
    return new Seen(bytes.toString("hex", 0, SALT), digests);
  }

  get size(): number {
    return this.#digests.size;
  }

  /** What stands for an id in this set and in those made of it by {@link with}. */
  digest(id: string): bigint {
    return hash("sha256", this.#salt + id, "buffer").readBigUInt64BE();
  }

  has(digest: bigint): boolean {
    return this.#digests.has(digest);
  }

  /** The set of these digests and no others, under the same salt. */
  with(digests: Iterable<bigint>): Seen {
    return new Seen(this.#salt, new Set(digests));
  }

  toBytes(): Buffer {
    const sorted = BigUint64Array.from(this.#digests).sort();
    const bytes = Buffer.alloc(SALT + sorted.length * DIGEST);
    bytes.write(this.#salt, "hex");
    for (const [index, digest] of sorted.entries()) bytes.writeBigUInt64BE(digest, SALT + index * DIGEST);
    return bytes;
  }
}

const Stored = z.object({
  v: z.literal(VERSION),
  since: z.iso.datetime().nullable(),
  seen: z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/),
});

/** The cursor that stands for a position. */
export function writeCursor({ since, seen }: Position): Cursor {
  return JSON.stringify({ v: VERSION, since: since?.toISOString() ?? null, seen: seen.toBytes().toString("base64") });
}

/** The position that a cursor stands for, or null when it is damaged or of another version. */
export function readCursor(cursor: Cursor): Position | null {
  let value: unknown;
  try {
    value = JSON.parse(cursor);
  } catch {
    return null;
  }
  const parsed = Stored.safeParse(value);
  const seen = parsed.success ? Seen.fromBytes(Buffer.from(parsed.data.seen, "base64")) : null;
  if (!parsed.success || seen === null) return null;
  return { since: parsed.data.since === null ? null : new Date(parsed.data.since), seen };
}
