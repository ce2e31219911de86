import { Failure } from "../../model/failure.ts";
import type { Content, MessageRef } from "../../model/message.ts";
import { Collector } from "./collector.ts";
import type { Entry } from "./listing.ts";
import { type Answers, NOT_YET, type Question, type Session } from "./session.ts";

/**
 * Bytes that may be held at a time. They are held in memory until the caller has taken them, so that no answer is under way while the caller
 * works: the server would hang up. Servers announce sizes wrongly, so of each message of a batch no more is kept than {@link cutOf}, and one that
 * is longer is asked for again alone.
 */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Cut no lower than this: to ask for a message again costs more than some bytes too many. */
const LEAST_CUT = 128 * 1024;

/** Messages asked for at a time; more do not make it faster. */
const BATCH_MESSAGES = 64;

/** `longer`: than the cut, which was below the limit. */
type Download = { readonly mime: Buffer } | { readonly tooLarge: number } | "longer";

/**
 * The raw messages. Those announced as too large are never downloaded, and of those announced wrongly no more than the limit. Throws a Failure of
 * scope item at the end, after all others are answered, when the server does not hand out a message, or not before we may sign in again. Where that
 * keeps us from asking for the others, what came before is answered, and the failure of the mailbox thrown.
 */
export async function* fetchContent(session: Session, refs: readonly MessageRef[], limit: number): AsyncGenerator<Content> {
  const found = await session.run((drop) => drop.find(refs.map((ref) => ref.id)));
  const refused: Entry[] = [];
  const unreadable: MessageRef[] = [];
  const wanted: Entry[] = [];
  const byId = new Map(refs.map((ref) => [ref.id, ref]));
  for (const ref of byId.values()) {
    const entry = found.get(ref.id);
    if (entry === undefined) yield { ref, kind: "gone" };
    else if (entry.size > limit) yield { ref, kind: "too large", size: entry.size, limit };
    else wanted.push(entry);
  }
  for (const batch of batches(session.breakingLast(wanted), limit)) {
    let shut: Failure | null = null;
    const first = await download(session, batch, (entry) => cutOf(entry, limit), limit);
    for (const entry of batch) {
      const ref = byId.get(entry.id);
      if (ref === undefined) continue;
      if (first.refused.has(entry.id)) {
        refused.push(entry);
        continue;
      }
      const isLonger = first.answers.get(entry.id) === "longer";
      const its = isLonger ? await downloadAlone(session, entry, limit) : first;
      const content = contentOf(ref, entry, its, limit);
      if (content !== null) yield content;
      else if (its.shut !== null && !its.refused.has(entry.id)) shut = its.shut;
      else unreadable.push(ref);
    }
    if (shut !== null) throw shut;
  }
  const inAgain = refused.length > 0 && (await signInAgain(session));
  for (const entry of refused) {
    const ref = byId.get(entry.id);
    if (ref === undefined) continue;
    const content = inAgain ? contentOf(ref, entry, await downloadAlone(session, entry, limit), limit) : null;
    if (content === null) unreadable.push(ref);
    else yield content;
  }
  if (unreadable.length > 0) throw unreadableFailure(session, unreadable);
}

/** Null when the server did not hand it out. */
function contentOf(ref: MessageRef, { id, size }: Entry, { answers, gone }: Answers<Download>, limit: number): Content | null {
  const content = answers.get(id);
  if (gone.has(id)) return { ref, kind: "gone" };
  if (content === undefined || content === "longer") return null;
  if ("mime" in content) return { ref, kind: "mime", mime: content.mime };
  return { ref, kind: "too large", size: Math.max(content.tooLarge, size), limit };
}

/** Up to the limit. */
function downloadAlone(session: Session, entry: Entry, limit: number) {
  return download(session, [entry], () => limit, limit);
}

/**
 * A new session shows whether refused messages are still there at all. False where the server would not let us in again so soon, or does not: those that
 * announce a delay (RFC 2449 6.5) are not left for it.
 */
async function signInAgain(session: Session): Promise<boolean> {
  try {
    const delay = await session.run(async ({ connection }) => connection.capabilities.loginDelay);
    if (delay !== null) return false;
    await session.leave();
    await session.run((drop) => drop.entries());
    return true;
  } catch (error) {
    if (error instanceof Failure && NOT_YET.has(error.code)) return false;
    throw error;
  }
}

/** In the given order, each of at most BATCH_BYTES even if all of its messages are cut, unless one message alone is larger. */
function batches(wanted: readonly Entry[], limit: number): readonly (readonly Entry[])[] {
  const all: Entry[][] = [];
  let bytes = 0;
  for (const entry of wanted) {
    const batch = all.at(-1);
    bytes += cutOf(entry, limit);
    if (batch === undefined || batch.length >= BATCH_MESSAGES || bytes > BATCH_BYTES) {
      all.push([entry]);
      bytes = cutOf(entry, limit);
    } else batch.push(entry);
  }
  return all;
}

/** Bytes kept of a message before it counts as announced wrongly. */
function cutOf({ size }: Entry, limit: number): number {
  return Math.min(limit, Math.max(LEAST_CUT, 2 * size));
}

function download(session: Session, entries: readonly Entry[], cut: (entry: Entry) => number, limit: number) {
  let collector = new Collector(0);
  const question: Question<Download> = {
    verb: "RETR",
    async take(entry, answer, { connection, handedOut }) {
      const own = new Collector(cut(entry), entry.size);
      collector = own;
      await connection.channel.body(answer.lineEnd, own, () => own.total > limit);
      if (own.total > limit) return { tooLarge: own.total };
      if (own.over) return "longer";
      handedOut.add(entry.number);
      return { mime: own.content() };
    },
    flooded: () => ({ tooLarge: collector.total }),
  };
  return session.ask(
    entries.map(({ id }) => id),
    question,
  );
}

function unreadableFailure(session: Session, refs: readonly MessageRef[]) {
  const ids = refs
    .slice(0, 10)
    .map((ref) => ref.id)
    .join(", ");
  return session.failure("message unreadable", {
    what: `${refs.length === 1 ? "a message" : `${refs.length} messages`} of ${session.mailbox.address} (${ids})`,
  });
}
