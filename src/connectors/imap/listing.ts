import type { ImapFlow, ListOptions, ListResponse } from "imapflow";
import list from "imapflow/lib/commands/list.js";
import type { Endpoint } from "../../model/mailbox.ts";
import type { MailboxAccess, ServiceAccountAccess } from "../../ports.ts";
import { imapFailure } from "./failures.ts";
import { foldersOf, isSendable, type ListedFolder } from "./folders.ts";
import { asOwnerSees, type OtherUser, otherUsers, type SharedFolder, withSpecialUse } from "./other-user.ts";
import { mailboxOf } from "./service-account.ts";

/** A folder of a mailbox as the mailbox's user sees it, whoever is signed in. */
export interface MailboxFolder extends ListedFolder {
  /** As the user's own programs name it; where it is one's own, the path. */
  readonly ownPath: string;
  /** Messages in it, and its UIDVALIDITY, where the server told with the listing. */
  readonly messages: number | undefined;
  readonly validity: bigint | undefined;
}

/** All folders of a mailbox in the server's order, and whether they are read by somebody who sees only what is shared. */
export interface Listing {
  readonly folders: readonly MailboxFolder[];
  readonly shared: ServiceAccountAccess | null;
  /** The server named no folder at all; the inbox may be there all the same. */
  readonly empty: boolean;
}

/** Somebody who signs in as itself and reads what the mailbox's user shared; null where the folders are those of whoever signs in. */
export function sharedWith({ serviceAccount }: MailboxAccess): ServiceAccountAccess | null {
  return serviceAccount?.access === "sharedFolders" ? serviceAccount : null;
}

/** Lists the folders of a mailbox. `counted`: with their numbers of messages, where the server can tell them along. */
export async function listMailbox(client: ImapFlow, mailbox: MailboxAccess, endpoint: Endpoint, counted: boolean): Promise<Listing> {
  const options: ListOptions =
    counted && client.capabilities.has("LIST-STATUS") ? { statusQuery: { messages: true, uidValidity: true } } : {};
  const shared = sharedWith(mailbox);
  if (shared === null) return { folders: ownFolders(await client.list(options), client), shared, empty: false };
  const found = await sharedFolders(client, shared, { endpoint, mailbox: mailbox.address }, options);
  const seen = foldersOf(
    found.map((one) => ({ ...one, path: one.ownPath })),
    undefined,
  );
  const folders = found.flatMap(({ path, ownPath, status }, index) => {
    const folder = seen[index];
    return folder === undefined ? [] : [{ ...folder, path, ownPath, ...told(status) }];
  });
  return { folders, shared, empty: found.every((one) => one.hidden) };
}

/** Where the inbox of the mailbox is opened. */
export async function inboxPath(client: ImapFlow, mailbox: MailboxAccess, endpoint: Endpoint): Promise<string> {
  if (sharedWith(mailbox) === null) return "INBOX";
  const { folders } = await listMailbox(client, mailbox, endpoint, false);
  return folders.find((folder) => folder.role === "inbox")?.path ?? "INBOX";
}

function ownFolders(listing: readonly ListResponse[], client: ImapFlow): readonly MailboxFolder[] {
  const statuses = new Map(listing.map((entry) => [entry.path, entry.status]));
  return foldersOf(listing, client.namespaces).map((folder) => ({ ...folder, ownPath: folder.path, ...told(statuses.get(folder.path)) }));
}

function told(status: ListResponse["status"]): Pick<MailboxFolder, "messages" | "validity"> {
  return { messages: status?.messages, validity: status?.uidValidity };
}

/**
 * Only the folders of that one user are asked for: whoever reads for a thousand mailboxes would be shown the folders of all of them. Where the
 * server has several namespaces of other users, the first one that shows something is the right one.
 */
async function sharedFolders(
  client: ImapFlow,
  account: ServiceAccountAccess,
  about: { readonly endpoint: Endpoint; readonly mailbox: string },
  options: ListOptions,
): Promise<readonly SharedFolder[]> {
  if (!client.namespaces?.other) throw imapFailure("no folders of other users", about, { what: account.name });
  const places = otherUsers(client.namespaces, account.user).filter(({ root }) => isSendable(root));
  const [first] = places;
  if (first === undefined) throw nothingShared(account, about);
  for (const place of places) {
    const folders = await listPlace(client, place, options);
    if (folders.some((one) => !one.hidden)) return withSpecialUse(folders, await matching(client, `${place.ownPrefix}%`, {}));
  }
  return asOwnerSees([], first);
}

async function listPlace(client: ImapFlow, place: OtherUser, options: ListOptions): Promise<readonly SharedFolder[]> {
  return asOwnerSees([...(await matching(client, place.root, options)), ...(await matching(client, `${place.below}*`, options))], place);
}

/** The folders that match a pattern; imapflow's own method asks for all there are. */
function matching(client: ImapFlow, pattern: string, options: ListOptions): Promise<readonly ListResponse[]> {
  return list(client, "", pattern, options);
}

export function nothingShared(account: ServiceAccountAccess, about: { readonly endpoint: Endpoint; readonly mailbox: string }) {
  return imapFailure("nothing shared", about, { what: `${mailboxOf(account, about)} to the service account ${account.name}` });
}
