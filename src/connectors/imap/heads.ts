import { setImmediate as othersTurn } from "node:timers/promises";
import type { FetchMessageObject, FetchQueryObject, ImapFlow } from "imapflow";
import { HEADER_FIELDS, parseHead } from "../../mime/head.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import { isRefusal } from "./failures.ts";
import { chunks, refOf, sequenceSet, uidOf } from "./plan.ts";
import { opened, searchUids } from "./session.ts";

/**
 * Bytes of header fields read of one message. Only a message larger than this can have more, and of such a one the beginning
 * of the whole header is read instead of the wanted fields, because imapflow can cut only that.
 */
const HEADER_LIMIT = 1024 * 1024;

/** Rows taken, and heads parsed, before other work of the process has its turn: a few milliseconds. imapflow takes all that arrived at once. */
const ROWS_AT_A_TIME = 50;

/** What servers tell from their index, without opening a message. imapflow adds EMAILID or X-GM-MSGID where there is one. */
const FACTS: FetchQueryObject = { uid: true, flags: true, internalDate: true, size: true };
const FIELDS: FetchQueryObject = { uid: true, headers: [...HEADER_FIELDS] };
const BEGINNING: FetchQueryObject = { uid: true, bodyParts: [{ key: "HEADER", start: 0, maxLength: HEADER_LIMIT }] };

type Row = Partial<FetchMessageObject>;

/** The folder that is open, for the refs of its messages. */
export interface Place {
  readonly stream: string;
  readonly validity: string;
}

/**
 * The heads of messages of the open folder, in the order of the UIDs. A message that left meanwhile is left out; one that the server
 * does not hand out comes with what is known of it, so that it is seen and decided on, not lost (peers.md B3).
 */
export async function fetchHeads(client: ImapFlow, place: Place, uids: readonly number[]): Promise<readonly MessageHead[]> {
  if (uids.length === 0) return [];
  const large = new Set(await searchUids(client, { uid: sequenceSet(uids), larger: HEADER_LIMIT }));
  // Facts and header in one answer: reading answers is what takes the time.
  const rows = await fetchHeaders(client, uids, large, FACTS, (row) => hasFacts(row) && hasHeader(row));
  const lacking = uids.filter((uid) => !rows.has(uid));
  const facts = await fetchRows(client, lacking, FACTS, hasFacts);
  const headers = await fetchHeaders(client, lacking, large, {}, hasHeader);
  const there = await stillThere(
    client,
    lacking.filter((uid) => !facts.has(uid) || !headers.has(uid)),
  );
  for (const uid of lacking)
    if ((facts.has(uid) && headers.has(uid)) || there.has(uid)) rows.set(uid, { ...facts.get(uid), headers: headers.get(uid)?.headers });
  const answered = uids.filter((uid) => rows.has(uid));
  const heads: MessageHead[] = [];
  for (const some of chunks(answered, ROWS_AT_A_TIME)) {
    heads.push(...some.map((uid) => headOf(place, uid, rows.get(uid) ?? {}, rows.get(uid)?.headers ?? null)));
    await othersTurn();
  }
  return heads;
}

/** Rows with the header: the wanted fields of most, the beginning of the whole of those in `large`. */
async function fetchHeaders(
  client: ImapFlow,
  uids: readonly number[],
  large: ReadonlySet<number>,
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
): Promise<Map<number, Row>> {
  const [small, big] = [uids.filter((uid) => !large.has(uid)), uids.filter((uid) => large.has(uid))];
  return new Map([
    ...(await fetchRows(client, small, { ...query, ...FIELDS }, whole)),
    ...(await fetchRows(client, big, { ...query, ...BEGINNING }, whole)),
  ]);
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
  );
}

/**
 * Rows by UID that are `whole`. Asked for all at once; whatever is missing from the answer is asked for one by one, because one
 * damaged message can make the server refuse them all. Never runs a command while rows come in: that would wait for ever. `onRow` sees
 * each row as it comes, those that nobody asked for too, and ends it all by throwing.
 */
export async function fetchRows(
  client: ImapFlow,
  uids: readonly number[],
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
  onRow: (row: Row) => void = () => undefined,
): Promise<Map<number, Row>> {
  const rows = new Map<number, Row>();
  const ask = async (some: readonly number[]) => {
    try {
      for await (const row of client.fetch(sequenceSet(some), query, { uid: true })) {
        onRow(row);
        // Rows that nobody asked for (a flag changed elsewhere) may come in between, and one message may come in two rows.
        if (row.uid !== undefined) rows.set(row.uid, { ...rows.get(row.uid), ...row });
        if (rows.size % ROWS_AT_A_TIME === 0) await othersTurn();
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  };
  const missing = () => uids.filter((uid) => !whole(rows.get(uid) ?? {}));
  if (uids.length > 0) await ask(uids);
  for (const uid of await stillThere(client, missing())) await ask([uid]);
  const lacking = new Set(missing());
  return new Map(uids.flatMap((uid) => (lacking.has(uid) ? [] : [[uid, rows.get(uid) ?? {}] as const])));
}

/** What the header alone tells of messages of the open folder, with one question. Those that are not answered are left out. */
export async function fetchFields(client: ImapFlow, place: Place, uids: readonly number[]): Promise<readonly MessageHead[]> {
  const heads: MessageHead[] = [];
  try {
    for await (const row of client.fetch(sequenceSet(uids), { ...FIELDS, internalDate: true }, { uid: true })) {
      if (row.uid !== undefined && uids.includes(row.uid) && hasHeader(row)) heads.push(headOf(place, row.uid, row, row.headers ?? null));
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  return heads;
}

/** Which of the UIDs the open folder holds. */
export async function stillThere(client: ImapFlow, uids: readonly number[]): Promise<ReadonlySet<number>> {
  return new Set(uids.length === 0 ? [] : await searchUids(client, { uid: sequenceSet(uids) }));
}

function hasFacts(row: Row): boolean {
  return row.size !== undefined && row.flags !== undefined;
}

function hasHeader(row: Row): boolean {
  return Buffer.isBuffer(row.headers);
}

/** What is known of a message whose header the server does not hand out. */
export function unreadableHead(place: Place, uid: number, words: string): MessageHead {
  return { ...headOf(place, uid, {}, Buffer.alloc(0)), unreadable: words };
}

function headOf(place: Place, uid: number, facts: Row, block: Buffer | null): MessageHead {
  if (block === null) return { ...headOf(place, uid, facts, Buffer.alloc(0)), unreadable: "The server does not hand out the message." };
  const cut = block.length >= HEADER_LIMIT;
  const head = parseHead(cut ? wholeLines(block) : block, {
    ref: refOf(place.stream, place.validity, uid),
    folders: [place.stream],
    ...received(facts),
    size: facts.size ?? 0,
    flags: [...(facts.flags ?? [])],
    providerId: facts.emailId ?? null,
  });
  return { ...head, truncated: head.truncated || cut };
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
