import { setImmediate as othersTurn } from "node:timers/promises";
import type { FetchMessageObject, FetchQueryObject, ImapFlow } from "imapflow";
import { HEADER_FIELDS, type HeadFacts, parseHead } from "../../mime/head.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import { Flooded, isOfTheMoment, isRefusal, isServerFault } from "./failures.ts";
import { chunks, rangeSet, refOf, sequenceSet, UIDS_AT_A_TIME, uidOf } from "./plan.ts";
import { opened, searchUids } from "./session.ts";
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

/** Rows taken, and their headers parsed, before other work of the process has its turn: a few milliseconds. imapflow takes all that arrived at once. */
const ROWS_AT_A_TIME = 50;

/** What servers tell from their index, without opening a message. imapflow adds EMAILID or X-GM-MSGID where there is one. */
const FACTS: FetchQueryObject = { uid: true, flags: true, internalDate: true, size: true };
const FIELDS: FetchQueryObject = { uid: true, headers: [...HEADER_FIELDS] };
const BEGINNING: FetchQueryObject = { uid: true, bodyParts: [{ key: "HEADER", start: 0, maxLength: HEADER_LIMIT }] };

/** What a head has of the header alone. */
type Header = Omit<MessageHead, keyof HeadFacts>;

/** What came of a message; of its header fields what they say, once they are read. */
type Row = Partial<FetchMessageObject> & { readonly header?: Header | undefined };

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
  const faults = new Faults();
  const rows = await fetchHeaders(client, uids, { large, room, faults }, FACTS, (row) => hasFacts(row) && hasHeader(row));
  const lacking = uids.filter((uid) => !rows.has(uid) && !room.passed.has(uid));
  const facts = await fetchRows(client, lacking, FACTS, hasFacts);
  const headers = await fetchHeaders(client, lacking, { large, room, faults }, {}, hasHeader);
  const there = await stillThere(
    client,
    lacking.filter((uid) => !room.passed.has(uid) && (!facts.has(uid) || !headers.has(uid))),
  );
  const withheld = [...there].filter((uid) => !headers.has(uid));
  if (
    faults.last !== null &&
    withheld.length > 0 &&
    !(await anotherIsHandedOut(client, withheld, FIELDS, (row) => row.headers !== undefined))
  )
    throw faults.last;
  for (const uid of lacking)
    if ((facts.has(uid) && headers.has(uid)) || there.has(uid)) rows.set(uid, { ...facts.get(uid), header: headers.get(uid)?.header });
  return uids.flatMap((uid) => {
    const row = rows.get(uid);
    return row === undefined ? [] : [headOf(place, uid, row)];
  });
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

/** The heads of those of these messages that lie in the folder at `path`; a ref given under another UIDVALIDITY names nothing there. */
export async function headsOf(
  client: ImapFlow,
  stream: string,
  path: string,
  refs: readonly MessageRef[],
): Promise<readonly MessageHead[]> {
  const { uidValidity } = await opened(client, path);
  const validity = String(uidValidity ?? 0);
  return fetchHeads(
    client,
    { stream, validity },
    refs.flatMap((ref) => uidOf(ref, validity) ?? []),
    new Room(Number.POSITIVE_INFINITY),
  );
}

/**
 * The faults that a server reported of itself where it refused messages. Only when it hands out another message afterwards is it about those that it
 * refused: else nobody can tell, and nothing may be blamed on them.
 */
export class Faults {
  last: unknown = null;

  note(error: unknown): void {
    if (isServerFault(error)) this.last = error;
  }
}

/**
 * Rows by UID that are `whole`. Asked for all at once; whatever is missing from the answer is asked for one by one, because one
 * damaged message can make the server refuse them all. Never runs a command while rows come in: that would wait for ever. `keep` sees
 * each row as it comes, those that nobody asked for too, and says what is kept of it: nothing where it is null, and then the message is
 * not asked for again. It ends it all by throwing. Throws too when the server refuses for a reason of the moment.
 */
export async function fetchRows(
  client: ImapFlow,
  uids: readonly number[],
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
  keep: (row: Row) => Row | null = (row) => row,
  faults = new Faults(),
): Promise<Map<number, Row>> {
  const rows = new Map<number, Row>();
  const passed = new Set<number>();
  let come = 0;
  const wanted = new Set(uids);
  const ask = async (some: readonly number[]) => {
    try {
      for await (const row of client.fetch(sequenceSet(some), query, { uid: true })) {
        const kept = keep(row);
        // Rows that nobody asked for (a flag changed elsewhere) may come in between, without end from a hostile server; and one message may come in two.
        const { uid } = row;
        if (uid !== undefined && wanted.has(uid)) {
          if (kept === null) passed.add(uid);
          else rows.set(uid, { ...rows.get(uid), ...kept });
        }
        if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
      }
    } catch (error) {
      if (!isRefusal(error) || isOfTheMoment(error)) throw error;
      faults.note(error);
    }
  };
  const missing = () => uids.filter((uid) => !passed.has(uid) && !whole(rows.get(uid) ?? {}));
  if (uids.length > 0) await ask(uids);
  for (const uid of await stillThere(client, missing())) await ask([uid]);
  const lacking = new Set(missing());
  return new Map(uids.flatMap((uid) => (lacking.has(uid) || passed.has(uid) ? [] : [[uid, rows.get(uid) ?? {}] as const])));
}

/** Whether the server hands out, right now, another message of the open folder than these, as far as it is asked for. */
export async function anotherIsHandedOut(
  client: ImapFlow,
  these: readonly number[],
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
): Promise<boolean> {
  const except = new Set(these);
  const other = (await searchUids(client, { all: true })).findLast((uid) => !except.has(uid));
  return other !== undefined && (await fetchRows(client, [other], query, whole)).size > 0;
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
    if (!isRefusal(error) || isOfTheMoment(error)) throw error;
  }
  return [...heads.values()];
}

/** Which of the UIDs the open folder holds. */
export async function stillThere(client: ImapFlow, uids: readonly number[]): Promise<ReadonlySet<number>> {
  return new Set(uids.length === 0 ? [] : await searchUids(client, { uid: sequenceSet(uids) }));
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

function headOf(place: Place, uid: number, row: Row): MessageHead {
  return {
    ...(row.header ?? { ...headerOf(Buffer.alloc(0)), unreadable: "The server does not hand out the message." }),
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
