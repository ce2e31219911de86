import { z } from "zod";
import type { MessageRef } from "../../../src/model/message.ts";
import type { Pull, PullOptions } from "../../../src/ports.ts";
import { COVERS_NOTHING, headOf, type Kind, LOST, readToken, writeToken } from "./kind.ts";
import type { MemoryMailbox, Stored } from "./mailbox.ts";

/**
 * As Microsoft Graph tells (reference wire 5.2 and 5.3): a delta for each folder, ids that stay when a message is moved, so that one id stands in the
 * streams of several folders; `@removed` for what was moved out, also when it was moved back in; entries told again; empty pages with
 * more to come; the newest first. `looksUp`: the connector asks for a message that is said to be removed before it believes it.
 */
export function graphKind({ looksUp = true }: { readonly looksUp?: boolean } = {}): Kind {
  return {
    name: looksUp ? "Graph-like" : "Graph-like, believing every tombstone",
    capabilities: { filesSentCopy: true, stableMime: false, keepsIdsOnMove: true, push: true },
    streamOf: (folder) => folder,
    refs: ({ number, folders }) => [...folders.keys()].map((folder) => ({ stream: folder, id: idOf(number) })),
    // By its id alone a message is found wherever it lies.
    resolve: (box, ref) => box.messages.get(numberOf(ref.id)),
    pull: (box, stream, cursor, options) => pull(box, stream, cursor, options, looksUp),
    covers,
  };
}

const PREFIX = "AAkALg-";
const idOf = (number: number) => `${PREFIX}${number}`;
const numberOf = (id: string) => (id.startsWith(PREFIX) ? Number(id.slice(PREFIX.length)) : 0);

const tokenSchema = z.object({
  folder: z.string(),
  /** What happened up to here is told, or in the first listing. */
  delta: z.number(),
  /** Messages of the first listing that are still to come. */
  listing: z.array(z.number()),
  /** Told before, and told once more. */
  again: z.array(z.number()),
  /** The next answer is an empty page. */
  pause: z.boolean(),
});
type Token = z.infer<typeof tokenSchema>;
const isToken = (value: unknown): value is Token => tokenSchema.safeParse(value).success;

interface Entry {
  readonly number: number;
  readonly removed: boolean;
}

interface Answer {
  readonly entries: readonly Entry[];
  readonly token: Token;
  readonly more: boolean;
}

/** One call of the server: `$skiptoken` while `more`, then `$deltatoken`. */
function delta(box: MemoryMailbox, { pause, ...token }: Token, maximum: number): Answer {
  if (pause) return { entries: [], token: { ...token, pause: false }, more: true };
  if (token.listing.length > 0) {
    const some = token.listing.slice(0, maximum);
    const entries = some
      .filter((number) => box.messages.get(number)?.folders.has(token.folder))
      .map((number) => ({ number, removed: false }));
    const listing = token.listing.slice(maximum);
    return { entries, token: { ...token, listing, again: some.slice(-1), pause: listing.length > 0 }, more: true };
  }
  const news = box.changes.filter((change) => change.at > token.delta && change.folder === token.folder);
  const some = news.slice(0, maximum);
  const told = [...new Set(some.map((change) => change.message))];
  // A message that left the folder is removed, though it came back: the hole of microsoft-graph-docs issue 21752.
  const left = new Set(some.filter((change) => change.what === "left").map((change) => change.message));
  const entries = [...told, ...token.again, ...told.slice(0, 1)].map((number) => ({
    number,
    removed: left.has(number) || !box.messages.get(number)?.folders.has(token.folder),
  }));
  const position = some.at(-1)?.at ?? token.delta;
  const more = some.length < news.length;
  return { entries, token: { ...token, delta: position, again: [], pause: more }, more };
}

function firstToken(box: MemoryMailbox, folder: string, since: Date): Token {
  const newestFirst = box
    .in(folder)
    .filter((message) => message.received >= since)
    .sort(byReceived);
  return { folder, delta: box.now, listing: newestFirst.map((message) => message.number), again: [], pause: newestFirst.length > 1 };
}

function byReceived(one: Stored, other: Stored): number {
  return other.received.getTime() - one.received.getTime() || other.number - one.number;
}

function pull(box: MemoryMailbox, stream: string, cursor: string | null, { limit, since }: PullOptions, looksUp: boolean): Pull {
  const token = cursor === null ? firstToken(box, stream, since) : readToken(cursor, isToken);
  if (token?.folder !== stream) return LOST;
  const answer = delta(box, token, limit);
  const latest = new Map(answer.entries.map((entry) => [entry.number, entry]));
  const gone: MessageRef[] = [];
  const heads = [...latest.values()].flatMap(({ number, removed }) => {
    const ref = { stream, id: idOf(number) };
    // GET by id: an entry holds only what changed, and a removed one may be there all the same.
    const message = looksUp || !removed ? box.messages.get(number) : undefined;
    if (message?.folders.has(stream)) return [headOf(message, ref, [stream], ref.id)];
    gone.push(ref);
    return [];
  });
  return { kind: "page", heads, gone, present: null, cursor: writeToken(answer.token), more: answer.more };
}

function covers(box: MemoryMailbox, stream: string, cursor: string): (message: Stored) => boolean {
  const token = readToken(cursor, isToken);
  if (token?.folder !== stream) return COVERS_NOTHING;
  const news = box.changes.filter((change) => change.at > token.delta && change.folder === stream).map((change) => change.message);
  const toCome = new Set([...token.listing, ...news]);
  return ({ number }) => !toCome.has(number);
}
