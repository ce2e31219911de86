import type { ImapFlow } from "imapflow";
import type { FolderRole, Stream } from "../../model/message.ts";
import { isRefusal } from "./failures.ts";
import { type Folder, foldersOf } from "./folders.ts";
import { examine } from "./session.ts";

/**
 * Folders asked for their message count one by one, where the server cannot tell with the listing: each costs one question, and
 * counts are only shown. Where folders have ids each one is asked, because the id comes with the answer.
 */
const MAXIMUM_COUNTED = 200;

export interface ListedStream {
  readonly stream: Stream;
  readonly path: string;
}

/**
 * All folders as streams, those of other users too. The id is the MAILBOXID, which survives a rename, where the server has it (OBJECTID,
 * RFC 8474), else the path. A folder that the server refuses to open is `unreadable` in the server's words.
 */
export async function listStreams(client: ImapFlow): Promise<readonly ListedStream[]> {
  const withIds = client.capabilities.has("OBJECTID");
  const withCounts = client.capabilities.has("LIST-STATUS") && !withIds;
  const listing = await client.list(withCounts ? { statusQuery: { messages: true } } : {});
  const counts = new Map(listing.map((entry) => [entry.path, entry.status?.messages]));
  const streams: ListedStream[] = [];
  let asked = 0;
  for (const folder of foldersOf(listing, client.namespaces)) {
    const counted = counts.get(folder.path);
    const ask = folder.selectable && counted === undefined && (withIds || asked < MAXIMUM_COUNTED);
    if (ask) asked++;
    const found = ask ? await look(client, folder.path) : { id: null, messages: counted ?? null, unreadable: null };
    streams.push({ path: folder.path, stream: streamOf(folder, found) });
  }
  return streams;
}

/** The first folder of that role, by path; the special use that the server declares goes before a well-known name. */
export async function folderOfRole(client: ImapFlow, role: FolderRole): Promise<Folder | null> {
  const listing = await client.list();
  return (
    foldersOf(listing, client.namespaces).find((folder) => folder.role === role && folder.selectable && folder.namespace === "personal") ??
    null
  );
}

type Look = Pick<Stream, "messages" | "unreadable"> & { readonly id: string | null };

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

function streamOf({ path, ...folder }: Folder, { id, ...found }: Look): Stream {
  return { ...folder, id: id ?? path, ...found };
}
