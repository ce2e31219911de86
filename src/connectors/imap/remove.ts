import type { ImapFlow } from "imapflow";
import type { Failure } from "../../model/failure.ts";
import { execute } from "./execute.ts";
import type { ImapTrouble } from "./failures.ts";
import { sequenceSet } from "./plan.ts";
import { isLacking, type Right, rightsOf, toDelete, withRights } from "./rights.ts";
import { type Session, searchUids } from "./session.ts";

/** Refusals that are the same for each message of the folder. */
const OF_THE_FOLDER: ReadonlySet<string> = new Set(["no right", "folder gone"] satisfies ImapTrouble[]);

/**
 * Deletes exactly these messages of the folder that is open for writing (UIDPLUS, RFC 4315). Returns those that are still there afterwards, each with
 * the reason. What counts is what lies there: a server may refuse all because of one, delete a part of them, or pass over without a refusal what somebody has
 * no right to (RFC 4314 4; Dovecot does, with OK). One that is refused keeps no other from being deleted: where none goes, each is asked for alone, unless
 * the refusal is about the folder. Those that could be marked and not expunged stay marked: to take it back and mark them again each
 * time would look like news to every program that watches the folder.
 */
export async function remove(
  client: ImapFlow,
  session: Session,
  path: string,
  uids: readonly number[],
): Promise<ReadonlyMap<number, Failure>> {
  const ask = (some: readonly number[]) => refusalOf(client, session, path, some);
  const refusal = await ask(uids);
  const left = await stillThere(client, uids);
  if (left.length === 0) return new Map();
  const failure = await explained(client, session, path, refusal);
  const all = new Map(left.map((uid) => [uid, failure]));
  const isOfAll = refusal === null || OF_THE_FOLDER.has(failure.code) || isReadOnly(client) || uids.length === 1;
  if (isOfAll || left.length < uids.length) return all;
  for (const uid of left) {
    const alone = await ask([uid]);
    if (alone === null) all.set(uid, session.failure("message not deleted", path));
    else all.set(uid, alone);
  }
  const stays = new Set(await stillThere(client, left));
  return new Map([...all].filter(([uid]) => stays.has(uid)));
}

/** What keeps messages of the folder from being deleted, as far as the server tells it before it is asked to; it tells nothing without ACL. */
export async function hindranceTo(client: ImapFlow, session: Session, path: string): Promise<Failure | "not told" | null> {
  if (!client.capabilities.has("UIDPLUS")) return session.failure("expunge not possible", path);
  const rights = await rightsOf(client, path);
  if (rights === null) return "not told";
  const needed = toDelete(client);
  return isLacking(rights, needed) ? lacksRights(session, path, { rights, needed }, null) : null;
}

/** Null: the server did not refuse, which does not mean that it deleted them. */
async function refusalOf(client: ImapFlow, session: Session, path: string, uids: readonly number[]): Promise<Failure | null> {
  const set = { type: "SEQUENCE", value: sequenceSet(uids) };
  try {
    await execute(client, "UID STORE", [set, { type: "ATOM", value: "+FLAGS.SILENT" }, [{ type: "ATOM", value: "\\Deleted" }]]);
    await execute(client, "UID EXPUNGE", [set]);
    return null;
  } catch (error) {
    return session.refusal(error, client, path);
  }
}

function stillThere(client: ImapFlow, uids: readonly number[]): Promise<readonly number[]> {
  return searchUids(client, { uid: sequenceSet(uids) });
}

/** Why messages of the folder stay: where a right is lacking, with that right. */
async function explained(client: ImapFlow, session: Session, path: string, refusal: Failure | null): Promise<Failure> {
  const rights = await rightsOf(client, path);
  const needed = toDelete(client);
  const failure = refusal ?? session.failure("message not deleted", path);
  if (failure.code !== "no right" && !isLacking(rights, needed)) return failure;
  return lacksRights(session, path, { rights, needed }, failure);
}

function lacksRights(
  session: Session,
  path: string,
  { rights, needed }: { readonly rights: string | null; readonly needed: readonly Right[] },
  said: Pick<Failure, "serverSaid" | "cause"> | null,
): Failure {
  const { mailbox } = session;
  const noRight = session.failure("no right", path, { serverSaid: said?.serverSaid, cause: said?.cause });
  return withRights(noRight, path, mailbox.serviceAccount?.name ?? mailbox.address, rights, needed);
}

function isReadOnly({ mailbox }: ImapFlow): boolean {
  return mailbox !== false && mailbox.readOnly === true;
}
