import type { Content, MessageRef } from "../../model/message.ts";
import { endingOf } from "./connect.ts";
import { isTooLarge } from "./failures.ts";
import { fetchRows, stillThere } from "./heads.ts";
import { chunks, uidOf } from "./plan.ts";
import { opened, type Session } from "./session.ts";
import { askSurviving } from "./survivors.ts";

/**
 * Bytes asked for at a time, by the sizes that the server announced. They are held in memory until the caller has taken them, so that
 * no command is open while the caller works: the server would hang up, and any other command would wait for ever.
 */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Messages asked for at a time; more do not make it faster. */
const BATCH_MESSAGES = 50;

/** UIDs in one question about sizes: keeps the line short enough for every server (RFC 7162 4 recommends 8192 bytes). */
const SIZES_AT_A_TIME = 500;

interface Wanted {
  readonly ref: MessageRef;
  readonly uid: number;
  readonly size: number;
}

/**
 * The raw messages of one folder. Those announced as too large are never downloaded, and no more than the limit of those announced
 * wrongly. Throws a Failure of scope item at the end, after all others are answered, when the server does not hand out a message.
 */
export async function* fetchContent(
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  maximumSize: number,
): AsyncGenerator<Content> {
  const unreadable: MessageRef[] = [];
  for (const some of chunks(refs, SIZES_AT_A_TIME)) {
    const { wanted, answered } = await announced(session, path, some, maximumSize);
    yield* answered;
    for (const batch of batches(wanted)) {
      const { answers, refused } = await askSurviving(batch, (few) => download(session, path, few, maximumSize));
      unreadable.push(...refused.map(({ item }) => item.ref));
      for (const [ref, content] of answers) {
        if (content === null) unreadable.push(ref);
        else yield content;
      }
    }
  }
  if (unreadable.length > 0) throw unreadableFailure(session, path, unreadable);
}

/** Sorts the refs into those to download and those that can be answered from what the server announces. */
async function announced(
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  limit: number,
): Promise<{ wanted: readonly Wanted[]; answered: readonly Content[] }> {
  return session.run(path, async (client) => {
    const { uidValidity } = await opened(client, path);
    const uids = refs.map((ref) => uidOf(ref, String(uidValidity ?? 0)));
    const known = uids.filter((uid) => uid !== null);
    const sizes = await fetchRows(client, known, { uid: true, size: true }, (row) => row.size !== undefined);
    const there = await stillThere(
      client,
      known.filter((uid) => !sizes.has(uid)),
    );
    const wanted: Wanted[] = [];
    const answered: Content[] = [];
    refs.forEach((ref, index) => {
      const uid = uids[index] ?? null;
      const size = uid === null ? undefined : sizes.get(uid)?.size;
      if (uid === null || (size === undefined && !there.has(uid))) answered.push({ ref, kind: "gone" });
      else if (size !== undefined && size > limit) answered.push({ ref, kind: "too large", size, limit });
      else wanted.push({ ref, uid, size: size ?? limit });
    });
    return { wanted, answered };
  });
}

/** In the given order, each of at most BATCH_BYTES unless one message alone is larger. */
function batches(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const all: Wanted[][] = [];
  let bytes = 0;
  for (const one of wanted) {
    const batch = all.at(-1);
    bytes += one.size;
    if (batch === undefined || bytes > BATCH_BYTES || batch.length >= BATCH_MESSAGES) {
      all.push([one]);
      bytes = one.size;
    } else batch.push(one);
  }
  return all;
}

type Answers = readonly (readonly [MessageRef, Content | null])[];

/** The messages of a batch; null for one that is there and does not come. */
async function download(session: Session, path: string, batch: readonly Wanted[], limit: number): Promise<Answers> {
  const oversized = { is: false };
  try {
    return await session.run(path, async (client) => {
      try {
        await opened(client, path);
        // One byte more than allowed tells a message that is larger than it was announced.
        const query = { uid: true, source: { start: 0, maxLength: limit + 1 } };
        const rows = await fetchRows(
          client,
          batch.map(({ uid }) => uid),
          query,
          (row) => Buffer.isBuffer(row.source),
        );
        const there = await stillThere(
          client,
          batch.map(({ uid }) => uid).filter((uid) => !rows.has(uid)),
        );
        return batch.map(({ ref, uid, size }) => [ref, contentOf(ref, rows.get(uid)?.source, there.has(uid), size, limit)] as const);
      } catch (error) {
        oversized.is = isTooLarge(error) || isTooLarge(endingOf(client));
        throw error;
      }
    });
  } catch (failure) {
    // A server that neither counts right nor cuts where it is asked to: the connection was given up to save the memory.
    if (!oversized.is) throw failure;
    const [only, ...others] = batch;
    if (only !== undefined && others.length === 0) return [[only.ref, { ref: only.ref, kind: "too large", size: limit + 1, limit }]];
    const answers: (readonly [MessageRef, Content | null])[] = [];
    for (const one of batch) answers.push(...(await download(session, path, [one], limit)));
    return answers;
  }
}

function contentOf(ref: MessageRef, mime: Buffer | undefined, there: boolean, announcedSize: number, limit: number): Content | null {
  if (mime === undefined) return there ? null : { ref, kind: "gone" };
  if (mime.length > limit) return { ref, kind: "too large", size: Math.max(mime.length, announcedSize), limit };
  return { ref, kind: "mime", mime };
}

function unreadableFailure(session: Session, path: string, refs: readonly MessageRef[]) {
  const ids = refs
    .slice(0, 10)
    .map((ref) => ref.id)
    .join(", ");
  return session.failure("message unreadable", path, {
    what: `${refs.length === 1 ? "a message" : `${refs.length} messages`} in ${path} of ${session.mailbox.address} (${ids})`,
  });
}
