import type { ChosenFolder } from "../../ledger/folders.ts";
import type { FolderChoice } from "../../model/mailbox.ts";
import type { Folder, FolderRole } from "../../model/message.ts";

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

/** Says of every folder whether it is to be read, and if it is not, or cannot be, why: the sentence stands in `status`. Pure. */
export function chooseFolders(folders: readonly Folder[], choice: FolderChoice): ChosenFolder[] {
  const special = folders.filter((one) => one.role !== "inbox" && one.role !== "none");
  return folders.map((folder) => {
    const leftOut = reasonToLeaveOut(folder, special, choice);
    const refused = folder.unreadable === null ? null : `${REFUSED}${folder.unreadable}`;
    return { ...folder, wanted: leftOut === null, notReadBecause: leftOut ?? refused };
  });
}

function reasonToLeaveOut(folder: Folder, special: readonly Folder[], choice: FolderChoice): string | null {
  if (!folder.selectable) return "It can hold only folders, no messages.";
  if (folder.namespace !== "personal") return "It belongs to somebody else, or to everybody.";
  if (folder.role === "inbox") return null;
  const use = special.find((one) => one.id === folder.id || folder.name.startsWith(`${one.name}/`));
  if (use && use.role !== "inbox" && use.role !== "none")
    return `It holds ${ROLE_NAMES[use.role]}${use.id === folder.id ? "" : ` (it lies below ${use.name})`}.`;
  if (choice === "inbox" && !folder.underInbox)
    return 'It is not below the inbox. With "folders: personal" in the server profile it would be read.';
  return null;
}
