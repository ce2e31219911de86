import type { Folder } from "../folder.ts";
import type { StatusItem } from "../imap/command.ts";
import { encodeMailboxName } from "../imap/mailbox-name.ts";
import { imapString } from "../imap/respond.ts";
import type { Outcome, Session } from "../imap/session.ts";

/** STATUS (RFC 3501 6.3.10). Asking for HIGHESTMODSEQ shows that the client knows mod-sequences (RFC 7162 3.1). */
export function status(path: string, items: readonly StatusItem[], session: Session): Outcome {
  const folder = session.signedIn().require(path);
  if (items.includes("HIGHESTMODSEQ")) session.condstore = true;
  session.send(statusLine(folder, items));
  return { status: "OK", text: "Status told" };
}

export function statusLine(folder: Folder, items: readonly StatusItem[]): string {
  const values = items.map((item) => `${item} ${statusValue(folder, item)}`);
  return `* STATUS ${imapString(encodeMailboxName(folder.path))} (${values.join(" ")})\r\n`;
}

function statusValue(folder: Folder, item: StatusItem): number {
  switch (item) {
    case "MESSAGES":
      return folder.size;
    case "RECENT":
      return 0;
    case "UIDNEXT":
      return folder.uidNext;
    case "UIDVALIDITY":
      return folder.uidValidity;
    case "UNSEEN":
      return [...folder.messages()].filter((message) => !message.flags.has("\\Seen")).length;
    case "HIGHESTMODSEQ":
      return folder.highestModseq;
    case "SIZE":
      return folder.bytes;
  }
}
