import { setImmediate as othersTurn } from "node:timers/promises";
import type { FetchQueryObject, ImapFlow } from "imapflow";
import { HEADER_FIELDS, type HeadFacts, parseHead } from "../../mime/head.ts";
import type { MessageHead } from "../../model/message.ts";
import { askAgain } from "./another.ts";
import { Flooded, isRefusal, saidIn } from "./failures.ts";
import { chunks, rangeSet, refOf, sequenceSet, UIDS_AT_A_TIME } from "./plan.ts";
import { anotherIsHandedOut, Faults, fetchRows, type Header, type Part, ROWS_AT_A_TIME, type Row, stillThere } from "./rows.ts";
import { searchUids } from "./session.ts";
import type { UidRange } from "./witnesses.ts";

/**
 * Bytes of header fields read of one message. Only a message larger than this can have more, and of such a one the beginning
 * of the whole header is read instead of the wanted fields, because imapflow can cut only that.
 */
const HEADER_LIMIT = 1024 * 1024;

/**
 * Bytes of header fields after which no more are taken at one time: heads keep parts of them, and senders choose how long they are. A page of ordinary mail
 * has a tenth of it.
 */
export const ENOUGH = 8 * 1024 * 1024;

/** Bytes passed over in one answer after which its end is not waited for: a new connection costs less than what may still come. */
const PASSED_OVER = 32 * 1024 * 1024;

/** What servers tell from their index, without opening a message. imapflow adds EMAILID or X-GM-MSGID where there is one. */
const FACTS: FetchQueryObject = { uid: true, flags: true, internalDate: true, size: true };
const FIELDS: FetchQueryObject = { uid: true, headers: [...HEADER_FIELDS] };
/** The header of another message, which shows that the server is well. */
export const ITS_FIELDS: Part = { query: FIELDS, whole: (row) => row.headers !== undefined };
const BEGINNING: FetchQueryObject = { uid: true, bodyParts: [{ key: "HEADER", start: 0, maxLength: HEADER_LIMIT }] };

/** The folder that is open, for the refs of its messages. */
export interface Place {
  readonly stream: string;
  readonly validity: string;
}

/** How much is taken of headers, and which messages were passed over because there was enough. */
export class Room {
  readonly #bytes: number;
  readonly passed = new Set<number>();
  /** Bytes. */
  taken = 0;
  /** Headers of which they are. */
  headers = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get full(): boolean {
    return this.taken >= this.#bytes;
  }

  /** The row with its header parsed, or null: passed over. */
  take(row: Row): Row | null {
    if (row.uid === undefined || row.headers === undefined) return row;
    if (this.full) {
      this.passed.add(row.uid);
      return null;
    }
    this.taken += row.headers.length;
    this.headers++;
    return withHeader(row);
  }
}

/**
 * The heads of messages of the open folder, in the order of the UIDs. A message that left meanwhile is left out; one that the server
 * does not hand out comes with what is known of it, so that it is seen and decided on, not lost (peers.md B3). So are those left out that
 * `room` passed over. Throws Flooded where far more comes than there is room for.
 */
export async function fetchHeads(client: ImapFlow, place: Place, uids: readonly number[], room: Room): Promise<readonly MessageHead[]> {
  const heads: MessageHead[] = [];
  for (const some of chunks(uids, UIDS_AT_A_TIME)) heads.push(...(await fetchSome(client, place, some, room)));
  return heads;
}

async function fetchSome(client: ImapFlow, place: Place, uids: readonly number[], room: Room): Promise<readonly MessageHead[]> {
  const large = new Set(await searchUids(client, { uid: sequenceSet(uids), larger: HEADER_LIMIT }));
  // Facts and header in one answer: reading answers is what takes the time.
  const faults = new Faults(ITS_FIELDS);
  const rows = await fetchHeaders(client, uids, { large, room, faults }, FACTS, (row) => hasFacts(row) && hasHeader(row));
  const lacking = uids.filter((uid) => !rows.has(uid) && !room.passed.has(uid));
  const facts = await fetchRows(client, lacking, FACTS, hasFacts, undefined, faults);
  const headers = await fetchHeaders(client, lacking, { large, room, faults }, {}, hasHeader);
  const withheld = () => lacking.filter((uid) => !room.passed.has(uid) && !(facts.has(uid) && headers.has(uid)));
  const alone = async (uid: number) => {
    if (!facts.has(uid)) addTo(facts, await fetchRows(client, [uid], FACTS, hasFacts, undefined, faults));
    if (!headers.has(uid)) addTo(headers, await fetchHeaders(client, [uid], { large, room, faults }, {}, hasHeader));
    return withheld().includes(uid) ? null : true;
  };
  if (faults.last !== null)
    for (const uid of await stillThere(client, withheld()))
      await askAgain({ alone: () => alone(uid), assertWell: () => assertOthersComeOut(client, withheld(), faults) });
  const there = await stillThere(client, withheld());
  const words = saidIn(faults.last);
  for (const uid of lacking.filter((one) => !room.passed.has(one)))
    if ((facts.has(uid) && headers.has(uid)) || there.has(uid)) rows.set(uid, { ...facts.get(uid), header: headers.get(uid)?.header });
  return uids.flatMap((uid) => {
    const row = rows.get(uid);
    return row === undefined ? [] : [headOf(place, uid, row, words)];
  });
}

function addTo(rows: Map<number, Row>, more: ReadonlyMap<number, Row>): void {
  for (const [uid, row] of more) rows.set(uid, row);
}

/** Throws the server's trouble unless it hands out another message of the open folder than these, so that it is about these. */
export async function assertOthersComeOut(client: ImapFlow, these: readonly number[], faults: Faults): Promise<void> {
  if ((await anotherIsHandedOut(client, (uid) => these.includes(uid), faults)) !== "yes") throw faults.last;
}

/** Rows with the header, parsed: of the wanted fields of most, of the beginning of the whole of those in `large`. */
async function fetchHeaders(
  client: ImapFlow,
  uids: readonly number[],
  { large, room, faults }: { readonly large: ReadonlySet<number>; readonly room: Room; readonly faults: Faults },
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
): Promise<Map<number, Row>> {
  const asked = new Set(uids);
  const passedOver = () => client.stats().received - room.taken;
  const most = passedOver() + PASSED_OVER;
  const take = (row: Row) => {
    const kept = row.uid !== undefined && asked.has(row.uid) ? room.take(row) : null;
    if (kept === null && passedOver() > most) throw new Flooded();
    return kept;
  };
  const rows: [number, Row][] = [];
  for (const isLarge of [false, true]) {
    const some = uids.filter((uid) => large.has(uid) === isLarge);
    if (room.full) for (const uid of some) room.passed.add(uid);
    else rows.push(...(await fetchRows(client, some, { ...query, ...(isLarge ? BEGINNING : FIELDS) }, whole, take, faults)));
  }
  return new Map(rows);
}

/** What the header alone tells of the messages of the open folder within these ranges, with one question; of at most so many of those that are answered. */
export async function fetchFields(
  client: ImapFlow,
  place: Place,
  ranges: readonly UidRange[],
  most: number,
): Promise<readonly MessageHead[]> {
  const heads = new Map<number, MessageHead>();
  let come = 0;
  try {
    for await (const row of client.fetch(rangeSet(ranges), { ...FIELDS, internalDate: true }, { uid: true })) {
      const { uid = 0 } = row;
      const asked = ranges.some(({ first, last }) => first <= uid && uid <= last);
      if (asked && heads.size < most) {
        const kept = withHeader(row);
        if (hasHeader(kept)) heads.set(uid, headOf(place, uid, kept));
      }
      if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
    }
  } catch (error) {
    // What is missing says nothing; whoever asks looks at the heads then, and learns whether it is the server's trouble.
    if (!isRefusal(error)) throw error;
  }
  return [...heads.values()];
}

function hasFacts(row: Row): boolean {
  return row.size !== undefined && row.flags !== undefined;
}

export function hasHeader({ header }: Row): boolean {
  return header !== undefined;
}

/** The row with what its header fields say in the place of their bytes. */
export function withHeader({ headers, ...row }: Row): Row {
  return Buffer.isBuffer(headers) ? { ...row, header: headerOf(headers) } : row;
}

const NOTHING: HeadFacts = { ref: { stream: "", id: "" }, folders: [], received: new Date(0), size: 0, flags: [], providerId: null };

function headerOf(block: Buffer): Header {
  const cut = block.length >= HEADER_LIMIT;
  const head = parseHead(cut ? wholeLines(block) : block, NOTHING);
  return { ...head, truncated: head.truncated || cut };
}

/** What is known of a message whose header the server does not hand out. */
export function unreadableHead(place: Place, uid: number, words: string): MessageHead {
  return { ...headOf(place, uid, {}), unreadable: words };
}

function headOf(place: Place, uid: number, row: Row, words = "The server does not hand out the message."): MessageHead {
  return {
    ...(row.header ?? { ...headerOf(Buffer.alloc(0)), unreadable: words }),
    ref: refOf(place.stream, place.validity, uid),
    folders: [place.stream],
    ...received(row),
    size: row.size ?? 0,
    flags: [...(row.flags ?? [])],
    providerId: row.emailId ?? null,
  };
}

/** The times that every store and format can hold, as for the dates in messages. */
const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * INTERNALDATE. Where the server gives none, or none that can be, it is the moment of reading: the message must not look so old that the
 * start date hides it without a word, and its own Date, which the sender wrote, never decides that.
 */
function received({ internalDate }: Row): Pick<MessageHead, "received" | "receivedFrom"> {
  const time = internalDate instanceof Date ? internalDate.getTime() : Number.NaN;
  return time >= EARLIEST && time <= LATEST ? { received: new Date(time) } : { received: new Date(), receivedFrom: "reading" };
}

/** Up to the last line end: half an address is somebody else's address. */
function wholeLines(block: Buffer): Buffer {
  return block.subarray(0, block.lastIndexOf(0x0a) + 1);
}
