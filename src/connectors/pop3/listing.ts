/** What lies in a mailbox: the answers to UIDL and LIST, joined. Pure. */
import { createHash } from "node:crypto";

/** One message of a session. */
export interface Entry {
  /** Its number, which means nothing in another session. */
  readonly number: number;
  /** The id of its ref: see {@link idsOf}. */
  readonly id: string;
  /** Octets as announced by LIST; some servers estimate. */
  readonly size: number;
  /** Others have the same UIDL and size: which of them an id means changes when one of them goes. */
  readonly shared: boolean;
}

/** RFC 1939 7 allows 70 characters; what is longer than this is kept as a digest, because ids stand in an index. */
const LONGEST_UIDL = 200;

/** Bytes of an answer to UIDL or LIST: some 400,000 messages. */
export const LISTING_BYTES = 32 * 1024 * 1024;

/** The lines of an answer by message number, or null where a line is none or a number comes twice: half a listing is no listing. */
export function linesOf(listing: Buffer): ReadonlyMap<number, string> | null {
  const lines = new Map<number, string>();
  const text = listing.toString("latin1");
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf("\n", from);
    const end = found < 0 ? text.length : found;
    const line = text.slice(from, end).trim();
    from = end + 1;
    const blank = line.search(/[ \t]/);
    const number = blank < 0 ? Number.NaN : Number(line.slice(0, blank));
    if (!Number.isSafeInteger(number) || number < 1 || lines.has(number)) return null;
    lines.set(number, line.slice(blank + 1).trim());
  }
  return lines;
}

/**
 * The messages of a mailbox in the server's order, or null where the two answers do not fit together.
 *
 * The id of a message is its UIDL with its size, parted by a blank, which no UIDL holds. A UIDL should be given once and never again, but servers exist that count anew when they are
 * reindexed, or make it of what several messages share: with the size, another message under a used id is another message. Copies that are
 * alike in both get a number each (RFC 1939 7 lets a server give equal messages one UIDL). Where a server changes its mind about a size, the
 * message comes a second time and is recognized. The number is the place among the copies, so that an id of theirs stands for a message only
 * while the listing stays the same.
 */
export function entriesOf(uidl: ReadonlyMap<number, string>, list: ReadonlyMap<number, string>): readonly Entry[] | null {
  if (uidl.size !== list.size) return null;
  const copies = new Map<string, number>();
  const numbered: (Omit<Entry, "shared"> & { readonly first: string })[] = [];
  for (const [number, unique] of uidl) {
    const size = sizeOf(list.get(number));
    if (size === null || unique === "") return null;
    const first = `${storable(unique)} ${size}`;
    const copy = (copies.get(first) ?? 0) + 1;
    copies.set(first, copy);
    numbered.push({ number, size, first, id: copy === 1 ? first : `${first} ${copy}` });
  }
  return numbered.map(({ first, ...entry }) => ({ ...entry, shared: (copies.get(first) ?? 0) > 1 }));
}

function sizeOf(text: string | undefined): number | null {
  const digits = /^\d{1,15}(?![^ \t])/.exec(text ?? "")?.[0];
  return digits === undefined ? null : Number(digits);
}

/** RFC 1939 7: 0x21 to 0x7E. What is not so is told apart by its digest. */
function storable(unique: string): string {
  return unique.length <= LONGEST_UIDL && /^[!-~]+$/.test(unique)
    ? unique
    : createHash("sha256").update(unique, "latin1").digest("base64url");
}
