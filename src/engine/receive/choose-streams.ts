import type { ChosenStream } from "../../ledger/streams.ts";
import type { FolderChoice } from "../../model/mailbox.ts";
import type { FolderRole, Stream } from "../../model/message.ts";

const ROLE_NAMES: Readonly<Record<Exclude<FolderRole, "inbox" | "none">, string>> = {
  sent: "sent mail",
  drafts: "drafts",
  trash: "deleted mail",
  junk: "junk mail",
  archive: "the archive",
  all: "all mail, every message a second time",
  flagged: "flagged mail, every message a second time",
};

/** Says of every stream whether it is to be read, and if it is not, or cannot be, why: the sentence stands in `status`. Pure. */
export function chooseStreams(streams: readonly Stream[], choice: FolderChoice): ChosenStream[] {
  const special = streams.filter((one) => one.role !== "inbox" && one.role !== "none");
  return streams.map((stream) => {
    const leftOut = reasonToLeaveOut(stream, special, choice);
    const refused = stream.unreadable === null ? null : `The server does not let it be read: ${stream.unreadable}`;
    return { ...stream, wanted: leftOut === null, notReadBecause: leftOut ?? refused };
  });
}

function reasonToLeaveOut(stream: Stream, special: readonly Stream[], choice: FolderChoice): string | null {
  if (!stream.selectable) return "It can hold only folders, no messages.";
  if (stream.namespace !== "personal") return "It belongs to somebody else, or to everybody.";
  if (stream.role === "inbox") return null;
  const use = special.find((one) => one.id === stream.id || stream.name.startsWith(`${one.name}/`));
  if (use && use.role !== "inbox" && use.role !== "none")
    return `It holds ${ROLE_NAMES[use.role]}${use.id === stream.id ? "" : ` (it lies below ${use.name})`}.`;
  if (choice === "inbox" && !stream.underInbox)
    return 'It is not below the inbox. With "folders: personal" in the server profile it would be read.';
  return null;
}
