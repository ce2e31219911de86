import { setImmediate as othersTurn } from "node:timers/promises";
import { parseHead } from "../../mime/head.ts";
import type { MessageHead } from "../../model/message.ts";
import { Collector } from "./collector.ts";
import type { Entry } from "./listing.ts";
import { receivedOf } from "./received.ts";
import type { Answers, Question, Session } from "./session.ts";

/** The folder that a POP3 mailbox is, and its only stream. */
export const INBOX = "INBOX";

/** Bytes of header kept of one message. */
const HEADER_LIMIT = 1024 * 1024;

/** Bytes after which a server that sends content with the header is stopped: to read on costs more than another connection. */
const TOO_MUCH = 4 * HEADER_LIMIT;

/** Heads parsed before other work of the process has its turn. */
const HEADS_AT_A_TIME = 50;

/** Where a head comes from. Servers without TOP are told by their refusal, which need not be asked for a second time. */
export interface HeadSource {
  readonly session: Session;
  /** Bytes; a larger message is not downloaded for its head. */
  readonly maximumSize: number;
  noTop: boolean;
}

/** What came of a header, and whether it is less than all of it. */
interface Block {
  readonly bytes: Buffer;
  readonly cut: boolean;
}

/**
 * The heads of messages, in the order of the entries: by TOP, and where the server refuses it, from the beginning of the message itself. A message that left
 * meanwhile is left out; one that the server does not hand out comes with what is known of it, so that it is seen and decided on, not lost.
 */
export async function fetchHeads(source: HeadSource, entries: readonly Entry[]): Promise<readonly MessageHead[]> {
  const { answers, gone, refused } = source.noTop ? nothingAsked(entries) : await top(source.session, entries);
  if (entries.length > 0 && refused.size === entries.length - gone.size) source.noTop = refused.size > 0;
  const small = entries.filter((entry) => refused.has(entry.id) && entry.size <= source.maximumSize);
  const whole = await ask(source.session, small, { command: (entry) => `RETR ${entry.number}` }, source.maximumSize);
  const heads: MessageHead[] = [];
  for (const [index, entry] of entries.entries()) {
    if (index % HEADS_AT_A_TIME === 0) await othersTurn();
    if (gone.has(entry.id) || whole.gone.has(entry.id)) continue;
    const block = answers.get(entry.id) ?? whole.answers.get(entry.id);
    const words = whole.refused.get(entry.id) ?? refused.get(entry.id) ?? "";
    heads.push(block === undefined ? unreadableHead(entry, `${words} (TOP and RETR)`) : headOf(entry, block));
  }
  return heads;
}

function nothingAsked(entries: readonly Entry[]): Answers<Block> {
  return { answers: new Map(), gone: new Set(), refused: new Map(entries.map(({ id }) => [id, "No TOP."])) };
}

/** RFC 1939 7: the header and no line of the body. */
async function top(session: Session, entries: readonly Entry[]): Promise<Answers<Block>> {
  const { top: offered } = await session.run(async ({ connection }) => connection.capabilities);
  return offered ? ask(session, entries, { command: (entry) => `TOP ${entry.number} 0`, optional: true }, TOO_MUCH) : nothingAsked(entries);
}

async function ask(
  session: Session,
  entries: readonly Entry[],
  how: Pick<Question<Block>, "command" | "optional">,
  most: number,
): Promise<Answers<Block>> {
  let collector = new Collector(HEADER_LIMIT);
  const block = (): Block => blockOf(collector);
  const question: Question<Block> = {
    ...how,
    async take(_, answer, { connection }) {
      collector = new Collector(HEADER_LIMIT);
      await connection.channel.body(answer.lineEnd, collector, () => collector.total > most);
      return block();
    },
    flooded: block,
  };
  return session.ask(
    entries.map(({ id }) => id),
    question,
  );
}

/** Up to the last line end where the header is longer than what was kept: half an address is somebody else's address. */
function blockOf(collector: Collector): Block {
  const bytes = collector.content();
  const cut = collector.over && !bytes.includes("\r\n\r\n") && !bytes.includes("\n\n");
  return { bytes: cut ? bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1) : bytes, cut };
}

function headOf(entry: Entry, { bytes, cut }: Block): MessageHead {
  const { received, receivedFrom } = receivedOf(bytes, new Date());
  const facts = { ref: { stream: INBOX, id: entry.id }, folders: [INBOX], received, size: entry.size, flags: [], providerId: null };
  const head = parseHead(bytes, facts);
  return { ...head, truncated: head.truncated || cut, ...(receivedFrom !== undefined && { receivedFrom }) };
}

function unreadableHead(entry: Entry, words: string): MessageHead {
  return { ...headOf(entry, { bytes: Buffer.alloc(0), cut: false }), unreadable: words };
}
