/** The folders of another user as that user sees them (RFC 2342 "other users' namespace"). Pure. */
import type { ListResponse, NamespacesObject } from "imapflow";

/** Where the folders of one user lie for somebody else who signs in. */
export interface OtherUser {
  /** What stands for the user: `shared/ann`. On most servers it is the user's inbox. */
  readonly root: string;
  /** What stands before the user's other folders: `shared/ann/`. */
  readonly below: string;
  readonly delimiter: string;
  /** What the server puts before the folders in everybody's own namespace (`INBOX.` or nothing), so in the user's too. */
  readonly ownPrefix: string;
  readonly ownDelimiter: string;
}

/** What of a listing tells a folder from others. */
export type Listed = Pick<ListResponse, "path" | "pathAsListed" | "delimiter" | "flags" | "specialUse" | "specialUseSource" | "status">;

/** A folder with the path by which it is opened here, and the one that its user knows. */
export interface SharedFolder extends Listed {
  readonly ownPath: string;
  /** The server did not list it. */
  readonly hidden: boolean;
}

/**
 * The places where a server may show the user's folders, one for each namespace of other users. None where the server names no such namespace, or
 * where the name cannot stand in a path. Where levels are parted by dots Cyrus writes the dots of a user name as `^`, and no other server can.
 */
export function otherUsers(namespaces: NamespacesObject | undefined, user: string): readonly OtherUser[] {
  const own = (namespaces?.personal || [])[0];
  return (namespaces?.other || []).flatMap(({ prefix, delimiter }) => {
    const separator = delimiter ?? "";
    const name = separator === "." ? user.replaceAll(".", "^") : user;
    if (separator === "" || name.includes(separator) || name === "") return [];
    const root = `${prefix}${name}`;
    return [
      { root, below: `${root}${separator}`, delimiter: separator, ownPrefix: own?.prefix ?? "", ownDelimiter: own?.delimiter || separator },
    ];
  });
}

/** The user's folders of a listing, as the user knows them; the inbox comes first, and is there even if the server does not list it. */
export function asOwnerSees(listing: readonly Listed[], user: OtherUser): readonly SharedFolder[] {
  const folders = listing.flatMap((listed) => {
    const path = pathOnServer(listed);
    if (path !== user.root && !path.startsWith(user.below)) return [];
    const ownPath = path === user.root ? "INBOX" : ownPathOf(path.slice(user.below.length), user);
    return [{ ...listed, path, ownPath, delimiter: user.ownDelimiter, hidden: false }];
  });
  const isInbox = ({ ownPath }: SharedFolder) => ownPath === "INBOX";
  // Servers that have an INBOX below the user's name show the name itself as a folder that holds no messages.
  const inbox = folders.find((one) => isInbox(one) && canHoldMessages(one)) ?? hiddenInbox(user);
  return [inbox, ...folders.filter((one) => !isInbox(one))];
}

function ownPathOf(rest: string, { delimiter, ownDelimiter, ownPrefix }: OtherUser): string {
  if (rest.toUpperCase() === "INBOX") return "INBOX";
  return `${ownPrefix}${delimiter === ownDelimiter ? rest : rest.split(delimiter).join(ownDelimiter)}`;
}

/** It is opened all the same: the server's no tells more than its silence. */
function hiddenInbox({ root, ownDelimiter }: OtherUser): SharedFolder {
  return { path: root, pathAsListed: root, ownPath: "INBOX", delimiter: ownDelimiter, flags: new Set(), hidden: true };
}

/** imapflow takes a delimiter away that a path begins with; Zimbra's paths of other users do (`/home/ann`). */
function pathOnServer({ path, pathAsListed, delimiter }: Listed): string {
  return delimiter && pathAsListed.startsWith(delimiter) && !path.startsWith(delimiter) ? `${delimiter}${path}` : path;
}

function canHoldMessages({ flags }: Listed): boolean {
  return !flags.has("\\Noselect") && !flags.has("\\NonExistent");
}

/**
 * Special use (RFC 6154) where the server marks it in one's own folders only, as Dovecot does unless told otherwise: what it marks there by its
 * configuration has the same use in everybody's folders. `own` are the folders of whoever is signed in.
 */
export function withSpecialUse(folders: readonly SharedFolder[], own: readonly Listed[]): readonly SharedFolder[] {
  if (folders.some((one) => one.specialUseSource === "extension")) return folders;
  const marks = new Map(own.flatMap((one) => (one.specialUseSource === "extension" ? [[one.path, one.specialUse] as const] : [])));
  const known = new Set(folders.flatMap(({ ownPath }) => marks.get(ownPath) ?? []));
  return folders.map((one) => {
    const marked = marks.get(one.ownPath);
    if (marked !== undefined) return { ...one, specialUse: marked, specialUseSource: "extension" as const };
    // One folder has a use; a guess from the name gives way to a mark.
    return one.specialUse !== undefined && known.has(one.specialUse) ? { ...one, specialUse: undefined } : one;
  });
}
