import type { ImapFlow } from "imapflow";
import { HEADER_FIELDS } from "../../mime/head.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageRef } from "../../model/message.ts";
import type { Applied, Undone } from "../../ports.ts";
import { mayBeOfOne } from "./failures.ts";
import { hasHeader, withHeader } from "./heads.ts";
import { refOf, sequenceSet, uidOf } from "./plan.ts";
import { remove } from "./remove.ts";
import { fetchRows } from "./rows.ts";
import { examine, opened, refused, type Session, searchUids } from "./session.ts";

/** The messages of a folder with exactly that Message-ID (without angle brackets). */
export function findMessage(session: Session, stream: string, path: string, messageId: string): Promise<readonly MessageRef[]> {
  return session.run(path, async (client) => {
    const { uidValidity } = await examine(client, path);
    const uids = await uidsWith(client, messageId);
    return uids.map((uid) => refOf(stream, String(uidValidity ?? 0), uid));
  });
}

/** Servers look for a part of the header (RFC 3501 6.4.4), and some look wherever they like: the header itself decides. */
async function uidsWith(client: ImapFlow, messageId: string): Promise<readonly number[]> {
  // A quoted string holds no line break, and no Message-ID of a head does.
  if (!/^[^\r\n\0]+$/.test(messageId)) return [];
  const candidates = await searchUids(client, { header: { "message-id": messageId } });
  const rows = await fetchRows(client, candidates, { uid: true, headers: [...HEADER_FIELDS] }, hasHeader, withHeader);
  return candidates.filter((uid) => rows.get(uid)?.header?.messageId === messageId);
}

/**
 * Changes messages of the folder that `path` names, which is opened for writing. `work` is given the UIDs of those that lie there and returns those that
 * it did not change, with the reason. Those that are gone already servers pass over without a word (RFC 3501 6.4.8). One that was given under another
 * UIDVALIDITY is not changed.
 */
async function change(
  client: ImapFlow,
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  work: (uids: readonly number[], validity: string) => Promise<ReadonlyMap<number, Failure>>,
): Promise<Applied> {
  const validity = String((await client.mailboxOpen(path)).uidValidity ?? 0);
  const uids = refs.flatMap((ref) => uidOf(ref, validity) ?? []);
  const there = new Set(uids.length > 0 ? await searchUids(client, { uid: sequenceSet(uids) }) : []);
  const notChanged = there.size > 0 ? await work([...there], validity) : NONE;
  return appliedTo(refs, session, path, { validity, there, notChanged });
}

/** Of the messages that lay `there`, what became of each. */
interface Outcome {
  readonly validity: string;
  readonly there: ReadonlySet<number>;
  readonly notChanged: ReadonlyMap<number, Failure>;
}

function appliedTo(refs: readonly MessageRef[], session: Session, path: string, { validity, there, notChanged }: Outcome): Applied {
  const applied: { changed: MessageRef[]; gone: MessageRef[]; undone: Undone[] } = { changed: [], gone: [], undone: [] };
  for (const ref of refs) {
    const uid = uidOf(ref, validity);
    const failure = uid === null ? anotherValidity(session, path, ref) : notChanged.get(uid);
    if (failure !== undefined) applied.undone.push(undoneBy(failure, ref));
    else applied[uid !== null && there.has(uid) ? "changed" : "gone"].push(ref);
  }
  return applied;
}

const NONE: ReadonlyMap<number, Failure> = new Map();

function anotherValidity(session: Session, path: string, { id }: MessageRef): Failure {
  return session.failure("message gone", path, { what: `The message ${id} in ${path} of ${session.mailbox.address}` });
}

/** Gives exactly these messages a flag: `\\Seen` marks them as read. */
export function addFlag(session: Session, path: string, refs: readonly MessageRef[], flag: string): Promise<Applied> {
  return session.run(path, (client) =>
    change(client, session, path, refs, async (uids) => {
      const marked = await client.messageFlagsAdd(sequenceSet(uids), [flag], { uid: true, silent: true });
      if (!marked) throw refused(client, `STORE ${flag}`);
      return NONE;
    }),
  );
}

/** A message that a failure kept from being changed. */
export function undoneBy(failure: Failure, ref: MessageRef): Undone {
  return mayBeOfOne(failure) ? { ref, failure, apart: true } : { ref, failure };
}

/**
 * Deletes exactly these messages. Without UIDPLUS (RFC 4315) EXPUNGE would take along what others marked as deleted, so nothing is done. Where trouble came
 * when some may have been deleted, what lies there afterwards tells which; where that cannot be seen, none counts as deleted.
 */
export async function deleteMessages(session: Session, path: string, refs: readonly MessageRef[]): Promise<Applied> {
  let begun: { readonly validity: string; readonly uids: readonly number[] } | undefined;
  try {
    return await session.run(path, async (client) => {
      if (!client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
      return change(client, session, path, refs, (uids, validity) => {
        begun = { validity, uids };
        return remove(client, session, path, uids);
      });
    });
  } catch (failure) {
    if (!(failure instanceof Failure) || begun === undefined) throw failure;
    const { validity, uids } = begun;
    const left = await leftOf(session, path, uids, validity);
    return appliedTo(refs, session, path, { validity, there: new Set(uids), notChanged: new Map(left.map((uid) => [uid, failure])) });
  }
}

/** Those of these that lie there, as far as the server tells: all where it is in trouble, or numbers them anew. */
async function leftOf(session: Session, path: string, uids: readonly number[], validity: string): Promise<readonly number[]> {
  try {
    return await session.run(path, async (client) => {
      const { uidValidity } = await opened(client, path);
      return String(uidValidity ?? 0) === validity ? searchUids(client, { uid: sequenceSet(uids) }) : uids;
    });
  } catch (trouble) {
    if (trouble instanceof Failure) return uids;
    throw trouble;
  }
}

/** MOVE (RFC 6851), or COPY and then deleting, which needs UIDPLUS. */
export function moveMessages(session: Session, path: string, refs: readonly MessageRef[], destination: string): Promise<Applied> {
  return session.run(path, async (client) => {
    const canMove = client.capabilities.has("MOVE");
    if (!canMove && !client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
    return change(client, session, path, refs, async (uids) => {
      const set = sequenceSet(uids);
      if (canMove) {
        if (!(await client.messageMove(set, destination, { uid: true }))) throw refused(client, "MOVE");
        return NONE;
      }
      if (!(await client.messageCopy(set, destination, { uid: true }))) throw refused(client, "COPY");
      return remove(client, session, path, uids);
    });
  });
}

/**
 * Puts a copy into the folder for sent mail, marked as read. Looks for it first, and again when the connection broke so that nobody
 * knows whether it was stored (invariant 8).
 */
export async function fileCopy(
  session: Session,
  path: string,
  messageId: string,
  mime: Buffer,
  sentOn: Date,
): Promise<"filed" | "already there"> {
  const isThere = () =>
    session.run(path, async (client) => {
      await examine(client, path);
      return (await uidsWith(client, messageId)).length > 0;
    });
  if (await isThere()) return "already there";
  try {
    await session.run(path, async (client) => {
      if ((await client.append(path, mime, ["\\Seen"], sentOn)) === false) throw refused(client, "APPEND");
    });
  } catch (failure) {
    if (await isThere()) return "filed";
    throw failure;
  }
  return "filed";
}
