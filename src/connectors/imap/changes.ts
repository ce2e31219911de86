import type { ImapFlow } from "imapflow";
import { HEADER_FIELDS } from "../../mime/head.ts";
import type { MessageRef } from "../../model/message.ts";
import { hasHeader, withHeader } from "./heads.ts";
import { refOf, sequenceSet, uidOf } from "./plan.ts";
import { fetchRows } from "./rows.ts";
import { examine, refused, type Session, searchUids } from "./session.ts";

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
 * Changes messages of the folder that `path` names, which is opened for writing; `work` is given the UIDs of those that lie there. Returns those that
 * are gone already: servers pass over them without a word (RFC 3501 6.4.8). Throws when one was given under another UIDVALIDITY.
 */
async function change(
  client: ImapFlow,
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  work: (set: string) => Promise<void>,
): Promise<readonly MessageRef[]> {
  const { uidValidity } = await client.mailboxOpen(path);
  const uids = new Map<MessageRef, number>();
  for (const ref of refs) {
    const uid = uidOf(ref, String(uidValidity ?? 0));
    if (uid === null)
      throw session.failure("message gone", path, { what: `The message ${ref.id} in ${path} of ${session.mailbox.address}` });
    uids.set(ref, uid);
  }
  const there = new Set(await searchUids(client, { uid: sequenceSet(uids.values()) }));
  if (there.size > 0) await work(sequenceSet(there));
  return [...uids].flatMap(([ref, uid]) => (there.has(uid) ? [] : [ref]));
}

/** Marks exactly these messages as read. Returns those that are gone already. */
export function markSeen(session: Session, path: string, refs: readonly MessageRef[]): Promise<readonly MessageRef[]> {
  return session.run(path, (client) => change(client, session, path, refs, (set) => flag(client, set, "\\Seen")));
}

/** Deletes exactly these messages. Returns those that are gone already. Without UIDPLUS (RFC 4315) EXPUNGE would take along what others marked as deleted, so nothing is done. */
export function deleteMessages(session: Session, path: string, refs: readonly MessageRef[]): Promise<readonly MessageRef[]> {
  return session.run(path, async (client) => {
    if (!client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
    return change(client, session, path, refs, (set) => expunge(client, set));
  });
}

/** MOVE (RFC 6851), or COPY and then deleting, which needs UIDPLUS. Returns those that are gone already. */
export function moveMessages(
  session: Session,
  path: string,
  refs: readonly MessageRef[],
  destination: string,
): Promise<readonly MessageRef[]> {
  return session.run(path, async (client) => {
    const canMove = client.capabilities.has("MOVE");
    if (!canMove && !client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
    return change(client, session, path, refs, async (set) => {
      if (canMove) {
        if (!(await client.messageMove(set, destination, { uid: true }))) throw refused(client, "MOVE");
        return;
      }
      if (!(await client.messageCopy(set, destination, { uid: true }))) throw refused(client, "COPY");
      await expunge(client, set);
    });
  });
}

async function flag(client: ImapFlow, set: string, name: string): Promise<void> {
  if (!(await client.messageFlagsAdd(set, [name], { uid: true, silent: true }))) throw refused(client, `STORE ${name}`);
}

async function expunge(client: ImapFlow, set: string): Promise<void> {
  if (!(await client.messageDelete(set, { uid: true }))) throw refused(client, "EXPUNGE");
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
