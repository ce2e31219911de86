import type { Content, MessageRef } from "../../model/message.ts";
import { anotherSurvives, askAgain } from "./another.ts";
import { endingOf } from "./connect.ts";
import { Flooded, isTooLarge, saidIn } from "./failures.ts";
import { assertOthersComeOut } from "./heads.ts";
import { chunks, UIDS_AT_A_TIME, uidOf } from "./plan.ts";
import { Faults, fetchRows, type Part, stillThere } from "./rows.ts";
import { opened, type Session } from "./session.ts";
import { askAllSurviving } from "./survivors.ts";

/**
 * Bytes that may arrive at a time. Servers announce sizes wrongly, so each message of a batch is cut at what the largest of them is
 * believed to have, and one that is longer is asked for again alone: no more than this and one message are ever held. They are held in memory until the caller has taken them, so that
 * no command is open while the caller works: the server would hang up, and any other command would wait for ever.
 */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Cut no lower than this: to ask for a message again costs more than some bytes too many. */
const LEAST_CUT = 256 * 1024;

/** Messages asked for at a time; more do not make it faster. */
const BATCH_MESSAGES = 50;

interface Wanted {
  readonly ref: MessageRef;
  readonly uid: number;
  readonly size: number;
}

/** What the server announced of a message a moment ago; undefined where it has to be asked. */
export type SizeOf = (ref: MessageRef) => number | undefined;

/**
 * The raw messages of one folder. Those announced as too large are never downloaded, and no more than the limit of those announced
 * wrongly. Throws a Failure of scope item at the end, after all others are answered, when the server does not hand out a message; a wider one where it
 * refuses for a reason of the moment, or for a fault of its own, and no other message shows that it is about the message.
 */
export async function* fetchContent(
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  maximumSize: number,
  sizeOf: SizeOf = () => undefined,
): AsyncGenerator<Content> {
  const unreadable: MessageRef[] = [];
  const withheld: Wanted[] = [];
  const faults = new Faults(ITS_BEGINNING);
  let words: string | undefined;
  const ask = async (these: readonly Wanted[], cut: number) => {
    const { answers, refused } = await askAllSurviving(these, {
      ask: (few) => download(session, path, few, { cut, limit: maximumSize, faults }),
      reopen: (how) => session.reopen(path, how),
      another: (than) => anotherSurvives(session, path, isAmong(than), ITS_BEGINNING),
    });
    words = refused.at(-1)?.words ?? words;
    return { answers, refused };
  };
  const askAlone = async (one: Wanted) => (await ask([one], maximumSize)).answers[0]?.content ?? null;
  for (const some of chunks(refs, UIDS_AT_A_TIME)) {
    const { wanted, answered } = await announced(session, path, some, { limit: maximumSize, sizeOf, faults });
    yield* answered;
    for (const batch of batches(wanted, maximumSize)) {
      const { answers, refused } = await ask(batch, cutOf(batch, maximumSize));
      unreadable.push(...refused.map(({ item }) => item.ref));
      for (const { one, content } of answers) {
        const final = content === "longer" ? await askAlone(one) : content;
        if (final === null || final === "longer") withheld.push(one);
        else yield final;
      }
    }
  }
  for (const one of withheld) {
    const assertWell = () => assertWellAt(session, path, withheld, faults);
    const final = faults.last === null ? null : await askAgain({ alone: () => askAlone(one), assertWell });
    if (final === null || final === "longer") unreadable.push(one.ref);
    else yield final;
  }
  if (unreadable.length > 0) throw unreadableFailure(session, path, unreadable, words ?? saidIn(faults.last));
}

/** The content of another message, which shows that the server is well. */
const ITS_BEGINNING: Part = { query: { uid: true, source: { start: 0, maxLength: 1 } }, whole: (row) => Buffer.isBuffer(row.source) };

function isAmong(some: readonly Wanted[]): (uid: number) => boolean {
  return (uid) => some.some((one) => one.uid === uid);
}

function assertWellAt(session: Session, path: string, withheld: readonly Wanted[], faults: Faults): Promise<void> {
  return session.run(path, async (client) => {
    await opened(client, path);
    const uids = withheld.map(({ uid }) => uid);
    await assertOthersComeOut(client, uids, faults);
  });
}

/** Sorts the refs into those to download and those that can be answered from what the server announces. */
async function announced(
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  { limit, sizeOf, faults }: { readonly limit: number; readonly sizeOf: SizeOf; readonly faults: Faults },
): Promise<{ wanted: readonly Wanted[]; answered: readonly Content[] }> {
  return session.run(path, async (client) => {
    const { uidValidity } = await opened(client, path);
    const uids = refs.map((ref) => uidOf(ref, String(uidValidity ?? 0)));
    const told = new Map<number, number>();
    for (const [index, uid] of uids.entries()) {
      const size = refs[index] && sizeOf(refs[index]);
      // Of one that is too large is asked again: it may have left, which is something else.
      if (uid !== null && size !== undefined && size <= limit) told.set(uid, size);
    }
    const asked = uids.filter((uid) => uid !== null).filter((uid) => !told.has(uid));
    const sizes = await fetchRows(client, asked, { uid: true, size: true }, (row) => row.size !== undefined, undefined, faults);
    const there = await stillThere(
      client,
      asked.filter((uid) => !sizes.has(uid)),
    );
    const wanted: Wanted[] = [];
    const answered: Content[] = [];
    refs.forEach((ref, index) => {
      const uid = uids[index] ?? null;
      const size = uid === null ? undefined : (told.get(uid) ?? sizes.get(uid)?.size);
      if (uid === null || (size === undefined && !there.has(uid))) answered.push({ ref, kind: "gone" });
      else if (size !== undefined && size > limit) answered.push({ ref, kind: "too large", size, limit });
      else wanted.push({ ref, uid, size: size ?? limit });
    });
    return { wanted, answered };
  });
}

/** In the given order, each of at most BATCH_BYTES even if all of its messages are cut, unless one message alone is larger. */
function batches(wanted: readonly Wanted[], limit: number): readonly (readonly Wanted[])[] {
  const all: Wanted[][] = [];
  for (const one of wanted) {
    const batch = all.at(-1);
    const joined = [...(batch ?? []), one];
    if (batch === undefined || joined.length > BATCH_MESSAGES || joined.length * cutOf(joined, limit) > BATCH_BYTES) all.push([one]);
    else batch.push(one);
  }
  return all;
}

/** Bytes at which each message of a batch is cut: one FETCH can name only one length. */
function cutOf(batch: readonly Wanted[], limit: number): number {
  return Math.min(limit, Math.max(LEAST_CUT, ...batch.map(({ size }) => 2 * size)));
}

interface Answer {
  readonly one: Wanted;
  /** Null: it is there and does not come. `longer`: than the cut, which was below the limit. */
  readonly content: Content | "longer" | null;
}

/** The messages of a batch, as far as they are not longer than `cut` bytes. */
async function download(
  session: Session,
  path: string,
  batch: readonly Wanted[],
  { cut, limit, faults }: { readonly cut: number; readonly limit: number; readonly faults: Faults },
): Promise<readonly Answer[]> {
  const oversized = { is: false };
  let held = 0;
  try {
    return await session.run(path, async (client) => {
      try {
        await opened(client, path);
        // One byte more than allowed tells a message that is larger than it was announced.
        const query = { uid: true, source: { start: 0, maxLength: cut + 1 } };
        const rows = await fetchRows(
          client,
          batch.map(({ uid }) => uid),
          query,
          (row) => Buffer.isBuffer(row.source),
          (row) => {
            held += row.source?.length ?? 0;
            if (held > 2 * BATCH_BYTES + (batch.length > 1 ? 0 : cut)) throw new Flooded();
            return row;
          },
          faults,
        );
        const there = await stillThere(
          client,
          batch.map(({ uid }) => uid).filter((uid) => !rows.has(uid)),
        );
        return batch.map((one) => ({ one, content: contentOf(one, rows.get(one.uid)?.source, there.has(one.uid), { cut, limit }) }));
      } catch (error) {
        oversized.is = error instanceof Flooded || isTooLarge(error) || isTooLarge(endingOf(client));
        throw error;
      }
    });
  } catch (failure) {
    // A server that neither counts right nor cuts where it is asked to: the connection was given up to save the memory.
    if (!oversized.is) throw failure;
    const alone = batch.length === 1 && cut === limit;
    return batch.map((one) => ({ one, content: alone ? { ref: one.ref, kind: "too large", size: limit + 1, limit } : "longer" }));
  }
}

function contentOf(
  { ref, size }: Wanted,
  mime: Buffer | undefined,
  there: boolean,
  { cut, limit }: { readonly cut: number; readonly limit: number },
): Answer["content"] {
  if (mime === undefined) return there ? null : { ref, kind: "gone" };
  if (mime.length > limit) return { ref, kind: "too large", size: Math.max(mime.length, size), limit };
  if (mime.length > cut) return "longer";
  return { ref, kind: "mime", mime };
}

function unreadableFailure(session: Session, path: string, refs: readonly MessageRef[], serverSaid: string | undefined) {
  const ids = refs
    .slice(0, 10)
    .map((ref) => ref.id)
    .join(", ");
  return session.failure("message unreadable", path, {
    what: `${refs.length === 1 ? "a message" : `${refs.length} messages`} in ${path} of ${session.mailbox.address} (${ids})`,
    serverSaid,
  });
}
