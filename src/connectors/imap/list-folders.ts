import type { ImapFlow } from "imapflow";
import type { Folder, FolderRole } from "../../model/message.ts";
import { storableText } from "../../model/text.ts";
import { isRefusal } from "./failures.ts";
import { foldersOf, isSendable, type ListedFolder } from "./folders.ts";
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

/**
 * All folders, those of other users too; each is a stream of its own. The id is the MAILBOXID, which survives a rename, where the server has it (OBJECTID,
 * RFC 8474), else the path. A folder that the server refuses to open is `unreadable` in the server's words, and one whose name no
 * command may hold is so without being asked.
 *
 * Each id comes once. A path that is listed twice is one folder. A second path with the MAILBOXID of another is either the same folder
 * under another name or a server that hands out ids wrongly: it goes by its path, because to read a message twice is put right when it
 * is recognized, and to leave a folder out is not.
 */
export async function listFolders(client: ImapFlow): Promise<readonly FoundFolder[]> {
  const withIds = client.capabilities.has("OBJECTID");
  const withCounts = client.capabilities.has("LIST-STATUS") && !withIds;
  const listing = await client.list(withCounts ? { statusQuery: { messages: true } } : {});
  const counts = new Map(listing.map((entry) => [entry.path, entry.status?.messages]));
  const found: FoundFolder[] = [];
  const paths = new Set<string>();
  const ids = new Set<string>();
  let asked = 0;
  for (const listed of foldersOf(listing, client.namespaces)) {
    if (paths.has(listed.path)) continue;
    paths.add(listed.path);
    const counted = counts.get(listed.path);
    const sendable = isSendable(listed.path);
    const ask = sendable && listed.selectable && counted === undefined && (withIds || asked < MAXIMUM_COUNTED);
    if (ask) asked++;
    const seen = ask ? await look(client, listed.path) : { id: null, messages: counted ?? null, unreadable: sendable ? null : UNSENDABLE };
    const id = [seen.id, listed.path].find((one) => one !== null && !ids.has(storableText(one)));
    // Another folder's id is this one's path: nothing is left that would name it.
    if (id === undefined || id === null) continue;
    ids.add(storableText(id));
    found.push({ path: listed.path, folder: folderOf(listed, { ...seen, id: storableText(id) }) });
  }
  return found;
}

/** The first folder of that role, by path; the special use that the server declares goes before a well-known name. */
export async function folderOfRole(client: ImapFlow, role: FolderRole): Promise<ListedFolder | null> {
  const listing = await client.list();
  return (
    foldersOf(listing, client.namespaces).find(
      (folder) => folder.role === role && folder.selectable && folder.namespace === "personal" && isSendable(folder.path),
    ) ?? null
  );
}

type Look = Pick<Folder, "messages" | "unreadable"> & { readonly id: string | null };

/** Opening tells all at once: the count, the id, and whether there is the right to read. */
async function look(client: ImapFlow, path: string): Promise<Look> {
  try {
    const { exists, mailboxId } = await examine(client, path);
    return { id: mailboxId ?? null, messages: exists ?? null, unreadable: null };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { id: null, messages: null, unreadable: wordsOf(error) };
  }
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error && "responseText" in error ? error.responseText : undefined;
  return typeof text === "string" && text !== "" ? text : "The server refuses to open the folder.";
}

function folderOf({ path: _, name, ...listed }: ListedFolder, seen: Pick<Folder, "id" | "messages" | "unreadable">): Folder {
  return { ...listed, ...seen, name: storableText(name), stream: seen.id };
}
