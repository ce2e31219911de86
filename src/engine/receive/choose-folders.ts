import type { ChosenFolder } from "../../ledger/folders.ts";
import type { RuledFolders } from "../../model/folder-rule.ts";
import type { FolderChoice, MailboxOwner } from "../../model/mailbox.ts";
import type { Folder, FolderRole } from "../../model/message.ts";
import type { OrganizationSettings } from "../../model/settings.ts";

const ROLE_NAMES: Readonly<Record<Exclude<FolderRole, "inbox" | "none">, string>> = {
  sent: "sent mail",
  drafts: "drafts",
  trash: "deleted mail",
  junk: "junk mail",
  archive: "the archive",
  all: "all mail, every message a second time",
  flagged: "flagged mail, every message a second time",
};

/** Begins the reason of a folder that is to be read, and which the server refuses. */
export const REFUSED = "The server does not let it be read: ";

/** What is read although it would be left out. */
export interface ReadBesides {
  /** Folders with a rule. */
  readonly ruled?: RuledFolders;
  /** Ids of folders of sent mail, see foldersOfSentMail. */
  readonly sent?: ReadonlySet<string>;
}

/** Says of every folder whether it is to be read, and if it is not, or cannot be, why: the sentence stands in `status`. Pure. */
export function chooseFolders(
  folders: readonly Folder[],
  choice: FolderChoice,
  { ruled = new Map(), sent = new Set() }: ReadBesides = {},
): ChosenFolder[] {
  const special = folders.filter(isSpecial);
  return folders.map((folder) => {
    const ruleId = ruled.get(folder.id)?.rule.id ?? null;
    const leftOut = ruleId !== null ? null : sent.has(folder.id) ? hindrance(folder) : reasonToLeaveOut(folder, special, choice);
    const refused = folder.unreadable === null ? null : `${REFUSED}${folder.unreadable}`;
    return { ...folder, wanted: leftOut === null, notReadBecause: leftOut ?? refused, ruleId };
  });
}

/**
 * Ids of the folders whose messages become outgoing emails: those of sent mail and below, where the organization wants them (AutoTrackSentFolderItems).
 * Through a forward mailbox nobody sends. Pure.
 */
export function foldersOfSentMail(
  folders: readonly Folder[],
  { AutoTrackSentFolderItems }: Pick<OrganizationSettings, "AutoTrackSentFolderItems">,
  owner: Pick<MailboxOwner, "type">,
): ReadonlySet<string> {
  if (!AutoTrackSentFolderItems || owner.type === "forward") return new Set();
  const sent = folders.filter(({ role }) => role === "sent");
  const isBelow = ({ role, name }: Folder) => role === "none" && sent.some((one) => name.startsWith(`${one.name}/`));
  return new Set([...sent, ...folders.filter(isBelow)].map(({ id }) => id));
}

/** What a rule about folders is asked of. */
export type RuleTarget = Pick<Folder, "id" | "name" | "role" | "selectable" | "namespace">;

/** Why nothing that lies in a folder counts as received, whatever a rule says of it; null: it may. Pure. */
export function whyNotReceived(folder: RuleTarget, folders: readonly RuleTarget[]): string | null {
  return (
    hindrance(folder) ??
    useOf(
      folder,
      folders.filter((one) => one.role !== "archive" && isSpecial(one)),
    )
  );
}

function hindrance({ selectable, namespace }: RuleTarget): string | null {
  if (!selectable) return "It can hold only folders, no messages.";
  return namespace === "personal" ? null : "It belongs to somebody else, or to everybody.";
}

function reasonToLeaveOut(folder: Folder, special: readonly Folder[], choice: FolderChoice): string | null {
  const hindered = hindrance(folder);
  if (hindered !== null) return hindered;
  if (folder.role === "inbox") return null;
  const use = useOf(folder, special);
  if (use !== null) return use;
  if (choice === "inbox" && !folder.underInbox)
    return 'It is not below the inbox. With "folders: personal" in the server profile it would be read.';
  return null;
}

function isSpecial({ role }: RuleTarget): boolean {
  return role !== "inbox" && role !== "none";
}

function useOf(folder: RuleTarget, special: readonly RuleTarget[]): string | null {
  const use = special.find((one) => one.id === folder.id || folder.name.startsWith(`${one.name}/`));
  if (use === undefined || use.role === "inbox" || use.role === "none") return null;
  return `It holds ${ROLE_NAMES[use.role]}${use.id === folder.id ? "" : ` (it lies below ${use.name})`}.`;
}
