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

/** The UIDs of the refs in the folder that `path` names, which is opened for writing. Throws when one was given under another UIDVALIDITY. */
async function openForChange(client: ImapFlow, session: Session, path: string, refs: readonly MessageRef[]): Promise<string> {
  const { uidValidity } = await client.mailboxOpen(path);
  const uids = refs.map((ref) => {
    const uid = uidOf(ref, String(uidValidity ?? 0));
    if (uid === null)
      throw session.failure("message gone", path, { what: `The message ${ref.id} in ${path} of ${session.mailbox.address}` });
    return uid;
  });
  return sequenceSet(uids);
}

export function markSeen(session: Session, path: string, refs: readonly MessageRef[]): Promise<void> {
  return session.run(path, async (client) => {
    await flag(client, await openForChange(client, session, path, refs), "\\Seen");
  });
}

/** Deletes exactly these messages. Without UIDPLUS (RFC 4315) EXPUNGE would take along what others marked as deleted, so nothing is done. */
export function deleteMessages(session: Session, path: string, refs: readonly MessageRef[]): Promise<void> {
  return session.run(path, async (client) => {
    if (!client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
    await expunge(client, await openForChange(client, session, path, refs));
  });
}

/** MOVE (RFC 6851), or COPY and then deleting, which needs UIDPLUS. Messages that are gone already are passed over. */
export function moveMessages(session: Session, path: string, refs: readonly MessageRef[], destination: string): Promise<void> {
  return session.run(path, async (client) => {
    const canMove = client.capabilities.has("MOVE");
    if (!canMove && !client.capabilities.has("UIDPLUS")) throw session.failure("expunge not possible", path);
    const set = await openForChange(client, session, path, refs);
    if (canMove) {
      if (!(await client.messageMove(set, destination, { uid: true }))) throw refused(client, "MOVE");
      return;
    }
    if (!(await client.messageCopy(set, destination, { uid: true }))) throw refused(client, "COPY");
    await expunge(client, set);
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
