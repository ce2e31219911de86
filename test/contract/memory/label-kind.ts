import { z } from "zod";
import type { MessageRef } from "../../../src/model/message.ts";
import type { Pull, PullOptions } from "../../../src/ports.ts";
import { COVERS_NOTHING, headOf, type Kind, LOST, readToken, writeToken } from "./kind.ts";
import type { MemoryMailbox, Stored } from "./mailbox.ts";

/** The one stream. */
const STREAM = "mailbox";

/**
 * As Gmail and JMAP tell (reference wire 6, peers 2.1): one history of the whole mailbox; folders are labels, of which a message has several or none; a
 * move changes labels and no id; the history may repeat itself, and forgets; it names messages, whose labels of now are asked for.
 */
export const labelKind: Kind = {
  name: "Gmail-like",
  capabilities: { filesSentCopy: true, stableMime: true, keepsIdsOnMove: true, push: true },
  streamOf: () => STREAM,
  refs: (message) => [refOf(message.number)],
  resolve: (box, ref) => box.messages.get(Number(ref.id)),
  pull,
  covers,
};

function refOf(number: number): MessageRef {
  return { stream: STREAM, id: String(number) };
}

const cursorSchema = z.object({
  /** Of the mailbox, taken before the listing began. */
  history: z.number(),
  /** The listing goes on below this message; null: it is over. */
  listedTo: z.number().nullable(),
});
type Cursor = z.infer<typeof cursorSchema>;
const isCursor = (value: unknown): value is Cursor => cursorSchema.safeParse(value).success;

/** As many of the last entries come once more. */
const REPEATED = 2;

function pull(box: MemoryMailbox, stream: string, given: string | null, options: PullOptions): Pull {
  if (stream !== STREAM) return LOST;
  const cursor = given === null ? { history: box.now, listedTo: Number.MAX_SAFE_INTEGER } : readToken(given, isCursor);
  if (cursor === undefined) return LOST;
  return cursor.listedTo === null ? history(box, cursor, options) : listing(box, cursor, cursor.listedTo, options);
}

/** messages.list: the newest first. */
function listing(box: MemoryMailbox, { history }: Cursor, below: number, { limit, since }: PullOptions): Pull {
  const left = [...box.messages.values()].filter((message) => message.number < below && message.received >= since).reverse();
  const some = left.slice(0, limit);
  const more = some.length < left.length;
  const cursor: Cursor = { history, listedTo: more ? (some.at(-1)?.number ?? null) : null };
  return { kind: "page", heads: some.map(head), gone: [], present: null, cursor: writeToken(cursor), more };
}

/** history.list, then messages.get of each. */
function history(box: MemoryMailbox, { history: from }: Cursor, { limit }: PullOptions): Pull {
  const news = box.changes.filter((change) => change.at > from);
  const some = news.slice(0, limit);
  const repeated = some.length === 0 ? [] : box.changes.slice(Math.max(0, from - REPEATED), from);
  const named = [...new Set([...repeated, ...some].map((change) => change.message))];
  const heads = named.flatMap((number) => {
    const message = box.messages.get(number);
    return message === undefined ? [] : [head(message)];
  });
  const gone = named.filter((number) => !box.messages.has(number)).map(refOf);
  const cursor: Cursor = { history: some.at(-1)?.at ?? from, listedTo: null };
  return { kind: "page", heads, gone, present: null, cursor: writeToken(cursor), more: some.length < news.length };
}

function head(message: Stored) {
  const ref = refOf(message.number);
  return headOf(message, ref, [...message.folders.keys()], ref.id);
}

function covers(box: MemoryMailbox, stream: string, given: string): (message: Stored) => boolean {
  const cursor = readToken(given, isCursor);
  if (stream !== STREAM || cursor === undefined) return COVERS_NOTHING;
  const { history, listedTo } = cursor;
  const told = new Set(box.changes.filter((change) => change.at > history).map((change) => change.message));
  return ({ number }) => !told.has(number) && (listedTo === null || number >= listedTo);
}
