/** What lies in a mailbox: the answers to UIDL and LIST, joined. Pure. */
import { createHash } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";

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

/** Lines read, or messages joined, before other work of the process has its turn: a millisecond or two. */
const AT_A_TIME = 1000;

/** The lines of an answer, in its order. */
export interface Lines {
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

/** The lines of an answer, or null where a line is none or a number comes twice: half a listing is no listing. */
export async function linesOf(listing: Buffer): Promise<Lines | null> {
  const numbers: number[] = [];
  const texts: string[] = [];
  const text = listing.toString("latin1");
  let isAscending = true;
  for (let from = 0; from < text.length; ) {
    if (numbers.length % AT_A_TIME === 0) await othersTurn();
    const found = text.indexOf("\n", from);
    const end = found < 0 ? text.length : found;
    const line = text.slice(from, end).trim();
    from = end + 1;
    const blank = line.search(/[ \t]/);
    const number = blank < 0 ? Number.NaN : Number(line.slice(0, blank));
    if (!Number.isSafeInteger(number) || number < 1) return null;
    isAscending &&= number > (numbers.at(-1) ?? 0);
    numbers.push(number);
    texts.push(line.slice(blank + 1).trim());
  }
  return isAscending || new Set(numbers).size === numbers.length ? { numbers, texts } : null;
}

/**
 * The messages of a mailbox by their ids, in the server's order, or null where the two answers do not fit together.
 *
 * The id of a message is its UIDL with its size, parted by a blank, which no UIDL holds. A UIDL should be given once and never again, but servers exist that count anew when they are
 * reindexed, or make it of what several messages share: with the size, another message under a used id is another message. Copies that are
 * alike in both get a number each (RFC 1939 7 lets a server give equal messages one UIDL). Where a server changes its mind about a size, the
 * message comes a second time and is recognized. The number is the place among the copies, so that an id of theirs stands for a message only
 * while the listing stays the same.
 */
export async function entriesOf(uidl: Lines, list: Lines): Promise<ReadonlyMap<string, Entry> | null> {
  if (uidl.numbers.length !== list.numbers.length) return null;
  const sizeText = await textsBy(uidl.numbers, list);
  const entries = new Map<string, Entry>();
  const copies = new Map<string, number>();
  for (const [index, number] of uidl.numbers.entries()) {
    if (index % AT_A_TIME === 0) await othersTurn();
    const unique = uidl.texts[index] ?? "";
    const size = sizeOf(sizeText(number, index));
    if (size === null || unique === "") return null;
    const id = `${storable(unique)} ${size}`;
    const first = entries.get(id);
    if (first === undefined) {
      entries.set(id, { number, id, size, shared: false });
      continue;
    }
    const copy = (copies.get(id) ?? 1) + 1;
    copies.set(id, copy);
    entries.set(id, { ...first, shared: true });
    entries.set(`${id} ${copy}`, { number, id: `${id} ${copy}`, size, shared: true });
  }
  return entries;
}

/** Finds the line about a message: nearly all servers give both lists in one order. */
async function textsBy(numbers: readonly number[], { numbers: others, texts }: Lines) {
  const places = new Map<number, number>();
  for (const [index, number] of others.entries()) {
    if (index % AT_A_TIME === 0) await othersTurn();
    if (numbers[index] !== number) places.set(number, index);
  }
  return (number: number, index: number) => texts[others[index] === number ? index : (places.get(number) ?? -1)];
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
