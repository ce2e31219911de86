import type { ImapFlow } from "imapflow";
import type { Endpoint } from "../../model/mailbox.ts";
import type { Folder, FolderRole } from "../../model/message.ts";
import { storableText } from "../../model/text.ts";
import type { MailboxAccess } from "../../ports.ts";
import { isRefusal } from "./failures.ts";
import { isSendable, type ListedFolder } from "./folders.ts";
import { listMailbox, type MailboxFolder, nothingShared } from "./listing.ts";
import { lackingRights, rightsOf, TO_READ } from "./rights.ts";
import { examine } from "./session.ts";

/**
 * Folders asked for their message count one by one, where the server cannot tell with the listing: each costs one question, and
 * counts are only shown. Where folders have ids each one is asked, because the id comes with the answer.
 */
const MAXIMUM_COUNTED = 200;

const UNSENDABLE = "Its name holds control characters.";

export interface FoundFolder {
  readonly folder: Folder;
  readonly path: string;
}

/** Opening a folder may cost the connection. Whoever lists again, on a new one, has the others. */
export interface Opening {
  /** Paths that are not opened any more, and why. */
  readonly broken: ReadonlyMap<string, string>;
  /** The path that is being opened. */
  path: string | null;
  /** Whether one was opened. */
  succeeded: boolean;
}

/**
 * All folders, those of other users too; each is a stream of its own. The id is the MAILBOXID, which survives a rename, where the server has it (OBJECTID,
 * RFC 8474), else the path by which its user knows it, so that it stays the same whoever reads it; its mark is the UIDVALIDITY then. A folder that the server refuses to open is `unreadable` in the server's words, and one whose name no
 * command may hold is so without being asked.
 *
 * Each id comes once. A path that is listed twice is one folder. A second path with the MAILBOXID of another is either the same folder
 * under another name or a server that hands out ids wrongly: it goes by its path, because to read a message twice is put right when it
 * is recognized, and to leave a folder out is not.
 */
export async function listFolders(
  client: ImapFlow,
  mailbox: MailboxAccess,
  endpoint: Endpoint,
  opening: Opening = { broken: new Map(), path: null, succeeded: false },
): Promise<readonly FoundFolder[]> {
  const withIds = client.capabilities.has("OBJECTID");
  const { folders, shared, empty } = await listMailbox(client, mailbox, endpoint, !withIds);
  const found: FoundFolder[] = [];
  const paths = new Set<string>();
  const ids = new Set<string>();
  let asked = 0;
  for (const listed of folders) {
    if (paths.has(listed.path)) continue;
    paths.add(listed.path);
    const unreadable = isSendable(listed.path) ? (opening.broken.get(listed.path) ?? null) : UNSENDABLE;
    // A server may count messages for somebody who may not read them.
    const told = listed.messages !== undefined && shared === null && !withIds;
    const ask = unreadable === null && listed.selectable && !told && (withIds || shared !== null || asked < MAXIMUM_COUNTED);
    if (ask) asked++;
    const seen = ask
      ? await look(client, listed.path, shared?.name ?? mailbox.address, opening)
      : { id: null, mark: markOf(listed.validity), messages: listed.messages ?? null, unreadable };
    const id = [seen.id, listed.ownPath].find((one) => one !== null && !ids.has(storableText(one)));
    // Another folder's id is this one's path: nothing is left that would name it.
    if (id === undefined || id === null) continue;
    ids.add(storableText(id));
    const isParent = shared === null && folders.some((one) => one.name.startsWith(`${listed.name}/`));
    const shown = isParent && saysNotThere(seen.unreadable) ? { ...seen, unreadable: null, selectable: false } : seen;
    found.push({ path: listed.path, folder: folderOf(listed, { ...shown, id: storableText(id) }) });
  }
  if (shared !== null && empty && found.every(({ folder }) => folder.unreadable !== null))
    throw nothingShared(shared, { endpoint, mailbox: mailbox.address });
  return found;
}

/** The first folder of that role that is the mailbox's own; the special use that the server declares goes before a well-known name. */
export async function folderOfRole(
  client: ImapFlow,
  mailbox: MailboxAccess,
  endpoint: Endpoint,
  role: FolderRole,
): Promise<ListedFolder | null> {
  const { folders } = await listMailbox(client, mailbox, endpoint, false);
  return (
    folders.find((folder) => folder.role === role && folder.selectable && folder.namespace === "personal" && isSendable(folder.path)) ??
    null
  );
}

/**
 * Dovecot lists a deleted folder of a Maildir that has others below it without \Noselect, and says only when it is opened that it is not there.
 * What is listed and no parent may have gone since the listing, and to somebody without a right a folder looks as if it were not there.
 */
function saysNotThere(words: string | null): boolean {
  return words !== null && /\b(?:doesn't|does not|not) exist\b|\bno such mailbox\b/i.test(words);
}

type Look = Pick<Folder, "mark" | "messages" | "unreadable"> & { readonly id: string | null };

/** Opening tells all at once: the count, the id, and whether there is the right to read. */
async function look(client: ImapFlow, path: string, who: string, opening: Opening): Promise<Look> {
  opening.path = path;
  const seen = await lookInside(client, path, who);
  opening.path = null;
  opening.succeeded ||= seen.unreadable === null;
  return seen;
}

async function lookInside(client: ImapFlow, path: string, who: string): Promise<Look> {
  try {
    const { exists, mailboxId, uidValidity } = await examine(client, path);
    const id = mailboxId ?? null;
    return { id, mark: id === null ? markOf(uidValidity) : null, messages: exists ?? null, unreadable: null };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const { has, lacks } = lackingRights(who, await rightsOf(client, path), TO_READ);
    return { id: null, mark: null, messages: null, unreadable: `${wordsOf(error)}${has && `${has} It takes ${lacks}.`}` };
  }
}

/** Servers let UIDVALIDITY go with a folder that is renamed, which no RFC promises; 0 and none say nothing. */
function markOf(validity: bigint | undefined): string | null {
  return validity === undefined || BigInt(validity) === 0n ? null : String(validity);
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error && "responseText" in error ? error.responseText : undefined;
  return typeof text === "string" && text !== "" ? text : "The server refuses to open the folder.";
}

function folderOf(
  { path: _, ownPath: __, validity: ___, name, ...listed }: MailboxFolder,
  seen: Pick<Folder, "id" | "mark" | "messages" | "unreadable"> & { readonly selectable?: boolean },
): Folder {
  return { ...listed, ...seen, name: storableText(name), stream: seen.id };
}
