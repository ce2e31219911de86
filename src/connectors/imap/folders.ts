/** What a listed folder is to people: its name, role and place. Pure. */
import type { ListResponse, NamespacesObject } from "imapflow";
import type { Folder, FolderRole } from "../../model/message.ts";

/** What the listing alone tells of a folder. */
export interface ListedFolder extends Pick<Folder, "name" | "role" | "selectable" | "underInbox" | "namespace"> {
  /** Decoded, as the server joins its levels: what is opened. */
  readonly path: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Whether a command may hold the path: a literal in a listing can bring line ends and NUL, which would end the command early. */
export function isSendable(path: string): boolean {
  return !CONTROL.test(path);
}

type Listed = Pick<ListResponse, "path" | "delimiter" | "flags" | "specialUse" | "specialUseSource">;

/** Special use (RFC 6154). */
const ROLES: Readonly<Record<string, FolderRole>> = {
  "\\Inbox": "inbox",
  "\\Sent": "sent",
  "\\Drafts": "drafts",
  "\\Trash": "trash",
  "\\Junk": "junk",
  "\\Archive": "archive",
  "\\All": "all",
  "\\Flagged": "flagged",
};

/**
 * Where the server marks no folder for one of these uses, a folder with a well-known name in one of many languages has it (imapflow
 * knows the names). Nobody expects such mail to count as received. An `Archive` that nobody marked may hold anything.
 */
const ROLES_BY_NAME: ReadonlySet<FolderRole> = new Set(["sent", "drafts", "trash", "junk"]);

/** All folders of a listing, in its order. */
export function foldersOf(listing: readonly Listed[], namespaces: NamespacesObject | undefined): readonly ListedFolder[] {
  const special = listing.filter((entry) => isSpecial(roleOf(entry)));
  return listing.map((entry) => ({
    path: entry.path,
    name: entry.delimiter ? entry.path.split(entry.delimiter).join("/") : entry.path,
    role: roleOf(entry),
    selectable: !entry.flags.has("\\Noselect") && !entry.flags.has("\\NonExistent"),
    underInbox: isUnderInbox(entry, special),
    namespace: namespaceOf(entry.path, namespaces),
  }));
}

function roleOf(entry: Listed): FolderRole {
  if (entry.path.toUpperCase() === "INBOX") return "inbox";
  const role = ROLES[entry.specialUse ?? ""] ?? "none";
  return entry.specialUseSource === "name" && !ROLES_BY_NAME.has(role) ? "none" : role;
}

function isSpecial(role: FolderRole): boolean {
  return role !== "none" && role !== "inbox";
}

/**
 * The inbox and what lies below it, but no folder of special use and nothing below one. Some servers (Courier, older Cyrus) keep all
 * folders below `INBOX.`: there a folder into which rules sort mail can lie nowhere else, so reading it is what people expect of
 * "the inbox and below", while nobody expects sent mail, drafts, junk and trash to count as received.
 */
function isUnderInbox(entry: Listed, special: readonly Listed[]): boolean {
  if (entry.path.toUpperCase() === "INBOX") return true;
  if (!entry.delimiter || !isBelow(entry.path.toUpperCase(), "INBOX", entry.delimiter)) return false;
  return !special.some((one) => one.path === entry.path || isBelow(entry.path, one.path, entry.delimiter));
}

function isBelow(path: string, parent: string, delimiter: string): boolean {
  return path.startsWith(parent + delimiter);
}

/** RFC 2342: the namespace with the longest prefix that fits; what fits none is one's own. */
function namespaceOf(path: string, namespaces: NamespacesObject | undefined): Folder["namespace"] {
  const entries = [
    ...(namespaces?.personal || []).map(({ prefix }) => ({ prefix, whose: "personal" as const })),
    ...(namespaces?.other || []).map(({ prefix }) => ({ prefix, whose: "other" as const })),
    ...(namespaces?.shared || []).map(({ prefix }) => ({ prefix, whose: "shared" as const })),
  ];
  const fitting = entries.filter(({ prefix }) => path.startsWith(prefix)).sort((a, b) => b.prefix.length - a.prefix.length);
  return fitting[0]?.whose ?? "personal";
}
