import { setImmediate as othersTurn } from "node:timers/promises";
import { parseHead } from "../../mime/head.ts";
import type { MessageHead } from "../../model/message.ts";
import { HeaderCollector } from "./header-collector.ts";
import type { Entry } from "./listing.ts";
import { receivedOf } from "./received.ts";
import type { Answers, Question, Session } from "./session.ts";

/** The folder that a POP3 mailbox is, and its only stream. */
export const INBOX = "INBOX";

/** Bytes of header kept of one message. */
const HEADER_LIMIT = 1024 * 1024;

/** Bytes after which a server that sends content with the header is stopped: to read on costs more than another connection. */
const TOO_MUCH = 4 * HEADER_LIMIT;

/**
 * Bytes of header after which no more messages are asked for: heads keep parts of their headers, and senders choose how long those are. A page of ordinary
 * mail has a tenth of it.
 */
const ENOUGH = 8 * 1024 * 1024;

/** Bytes of a message that is downloaded each time to see whether it is still the same. */
const SMALL = 64 * 1024;

/** Heads parsed before other work of the process has its turn. */
const HEADS_AT_A_TIME = 50;

/** Where a head comes from. Servers without TOP are told by their refusal, which need not be asked for a second time. */
export interface HeadSource {
  readonly session: Session;
  /** Bytes; a larger message is not downloaded for its head. */
  readonly maximumSize: number;
  noTop: boolean;
}

/** The heads of the first messages of a list, and of how many: all, unless their headers were too large for one time. */
export interface Heads {
  readonly heads: readonly MessageHead[];
  /** At least one, where there is any. */
  readonly read: number;
}

/**
 * The heads of messages, in the order of the entries: by TOP, and where the server refuses it, from the beginning of the message itself. A message that left
 * meanwhile is left out; one that the server does not hand out comes with what is known of it, so that it is seen and decided on, not lost.
 */
export async function fetchHeads(source: HeadSource, entries: readonly Entry[]): Promise<Heads> {
  const { answers, gone, refused, shut } = source.noTop ? nothingAsked(entries) : await top(source.session, entries);
  // Of what was refused by a word nothing is known then: the whole message cannot be asked for.
  const isOpen = (id: string) => refused.has(id) && shut !== null && !source.session.breaksAt(id);
  const asked = before(entries, ({ id }) => isOpen(id) || (!answers.has(id) && !gone.has(id) && !refused.has(id)));
  const small = shut !== null ? [] : asked.filter((entry) => refused.has(entry.id) && entry.size <= source.maximumSize);
  const whole = await ask(source.session, small, { verb: "RETR" }, source.maximumSize);
  if (shut === null && entries.length > 0 && refused.size === entries.length - gone.size) source.noTop = refused.size > 0;
  const answered = ({ id }: Entry) => whole.answers.has(id) || whole.gone.has(id) || whole.refused.has(id);
  const unanswered = new Set(small.filter((entry) => !answered(entry)));
  const read = before(asked, (entry) => unanswered.has(entry));
  const closed = shut ?? whole.shut;
  if (closed !== null && read.length === 0) throw closed;
  // What is asked for last may be the first in the list, and there may have been enough before it.
  if (read.length === 0 && entries.length > 1) return fetchHeads(source, entries.slice(0, 1));
  const heads: MessageHead[] = [];
  for (const entry of read) {
    if (gone.has(entry.id) || whole.gone.has(entry.id)) continue;
    const words = whole.refused.get(entry.id) ?? refused.get(entry.id) ?? "";
    heads.push(answers.get(entry.id) ?? whole.answers.get(entry.id) ?? unreadableHead(entry, `${words} (TOP and RETR)`));
  }
  return { heads, read: read.length };
}

/** The heads of all the messages, some at a time. */
export async function* fetchAllHeads(source: HeadSource, entries: readonly Entry[]): AsyncGenerator<MessageHead> {
  for (let done = 0; done < entries.length; ) {
    const { heads, read } = await fetchHeads(source, entries.slice(done));
    yield* heads;
    done += read;
  }
}

/**
 * Some messages that were read before, as they are now; those that the server does not hand out are missing. From a server without TOP only small ones
 * are asked for.
 */
export async function lookAgain(source: HeadSource, entries: readonly Entry[]): Promise<readonly MessageHead[]> {
  if (entries.length === 0) return [];
  const { answers, refused, shut } = source.noTop ? nothingAsked(entries) : await top(source.session, entries);
  if (shut !== null) throw shut;
  const small = entries.filter((entry) => refused.has(entry.id) && entry.size <= SMALL);
  const whole = await ask(source.session, small, { verb: "RETR", optional: true }, 2 * SMALL);
  return [...answers.values(), ...whole.answers.values()];
}

/** The list up to the first that is such a one. */
function before<T>(list: readonly T[], isSuch: (item: T) => boolean): readonly T[] {
  const found = list.findIndex(isSuch);
  return found < 0 ? list : list.slice(0, found);
}

function nothingAsked(entries: readonly Entry[]): Answers<MessageHead> {
  return { answers: new Map(), gone: new Set(), refused: new Map(entries.map(({ id }) => [id, "No TOP."])), shut: null };
}

/** RFC 1939 7: the header and no line of the body. */
async function top(session: Session, entries: readonly Entry[]): Promise<Answers<MessageHead>> {
  const { top: offered } = await session.run(async ({ connection }) => connection.capabilities);
  return offered ? ask(session, entries, { verb: "TOP", optional: true }, TOO_MUCH) : nothingAsked(entries);
}

/** Parses each header as it comes, and does not keep it. */
async function ask(
  session: Session,
  entries: readonly Entry[],
  how: Pick<Question<MessageHead>, "verb" | "optional">,
  most: number,
): Promise<Answers<MessageHead>> {
  let collector = new HeaderCollector(HEADER_LIMIT);
  let parsed = 0;
  let bytes = 0;
  const head = (entry: Entry): MessageHead => {
    const block = blockOf(collector);
    parsed += 1;
    bytes += block.bytes.length;
    return headOf(entry, block);
  };
  const question: Question<MessageHead> = {
    ...how,
    async take(entry, answer, { connection }) {
      if (parsed % HEADS_AT_A_TIME === 0) await othersTurn();
      collector = new HeaderCollector(HEADER_LIMIT);
      await connection.channel.body(answer.lineEnd, collector, () => collector.total > most);
      return head(entry);
    },
    flooded: head,
    enough: () => bytes >= ENOUGH,
  };
  return session.ask(
    entries.map(({ id }) => id),
    question,
  );
}

/** What came of a header, and whether it is less than all of it. */
interface Block {
  readonly bytes: Buffer;
  readonly cut: boolean;
}

/** Up to the last line end where the header is longer than what was kept: half an address is somebody else's address. */
function blockOf(collector: HeaderCollector): Block {
  const bytes = collector.content();
  const cut = collector.over;
  return { bytes: cut ? bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1) : bytes, cut };
}

function headOf(entry: Entry, { bytes, cut }: Block): MessageHead {
  const { received, receivedFrom } = receivedOf(bytes, new Date());
  const facts = { ref: { stream: INBOX, id: entry.id }, folders: [INBOX], received, size: entry.size, flags: [], providerId: null };
  const head = parseHead(bytes, facts);
  return {
    ...head,
    truncated: head.truncated || cut,
    ...(receivedFrom !== undefined && { receivedFrom }),
    ...(entry.shared && { sharesId: true }),
  };
}

function unreadableHead(entry: Entry, words: string): MessageHead {
  return { ...headOf(entry, { bytes: Buffer.alloc(0), cut: false }), unreadable: words };
}
