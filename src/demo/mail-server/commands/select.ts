import { SYSTEM_FLAGS } from "../flags.ts";
import type { Folder } from "../folder.ts";
import type { FetchItem, SelectCommand } from "../imap/command.ts";
import { fetchResponse } from "../imap/fetch.ts";
import { flagList } from "../imap/respond.ts";
import type { Selection } from "../imap/selection.ts";
import { formatSet, resolveSet, setHolds } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";

/** SELECT and EXAMINE (RFC 3501 6.3.1, 6.3.2), with CONDSTORE and QRESYNC (RFC 7162 3.1.8, 3.2.5). */
export function select(command: SelectCommand, session: Session): Outcome {
  if (command.known && !session.qresync) return { status: "BAD", text: "QRESYNC must be enabled first" };
  // Even a SELECT that fails ends the selection before it (RFC 3501 6.3.1).
  if (session.selection && session.qresync) session.send("* OK [CLOSED] Previous mailbox closed\r\n");
  session.deselect();
  const folder = session.signedIn().require(command.path);
  if (command.condstore || command.known) session.condstore = true;
  const selection = session.select(folder, command.name === "EXAMINE");
  describe(folder, selection, session);
  if (command.known && command.known.uidValidity === folder.uidValidity) resynchronize(command.known, selection, session);
  return selection.readOnly
    ? { status: "OK", code: "READ-ONLY", text: "Opened for reading" }
    : { status: "OK", code: "READ-WRITE", text: "Opened" };
}

/** CLOSE (RFC 3501 6.4.2): expunges what is marked, without telling. */
export function close(session: Session): Outcome {
  const { folder, readOnly } = session.selected();
  session.deselect();
  if (!readOnly) folder.expunge(markedDeleted(folder));
  return { status: "OK", text: "Closed" };
}

/** RFC 3691. */
export function unselect(session: Session): Outcome {
  session.deselect();
  return { status: "OK", text: "Closed" };
}

/** RFC 3501 6.4.1: memory needs no checkpoint. */
export function check(): Outcome {
  return { status: "OK", text: "Checked" };
}

export function markedDeleted(folder: Folder): number[] {
  return [...folder.messages()].filter((message) => message.flags.has("\\Deleted")).map((message) => message.uid);
}

function describe(folder: Folder, selection: Selection, session: Session): void {
  const used = new Set<string>(SYSTEM_FLAGS);
  for (const message of folder.messages()) for (const flag of message.flags) used.add(flag);
  const unseen = selection.all().find(({ message }) => !message.flags.has("\\Seen"));
  const permanent = selection.readOnly ? [] : [...used, "\\*"];
  session.send(
    `* FLAGS ${flagList(used)}\r\n`,
    `* ${selection.exists} EXISTS\r\n`,
    "* 0 RECENT\r\n",
    unseen ? `* OK [UNSEEN ${unseen.sequence}] First unseen message\r\n` : "",
    `* OK [PERMANENTFLAGS ${flagList(permanent)}] Flags that are kept\r\n`,
    `* OK [UIDVALIDITY ${folder.uidValidity}] UIDs are valid\r\n`,
    `* OK [UIDNEXT ${folder.uidNext}] Next UID\r\n`,
    `* OK [HIGHESTMODSEQ ${folder.highestModseq}] Highest mod-sequence\r\n`,
  );
}

/** What changed since the client was here last: UIDs that vanished, flags of the others. */
function resynchronize(known: NonNullable<SelectCommand["known"]>, selection: Selection, session: Session): void {
  const ranges = known.uids === null ? null : resolveSet(known.uids, selection.folder.uidNext - 1);
  const isKnown = (uid: number) => ranges === null || setHolds(ranges, uid);
  const vanished = selection.folder.vanishedSince(known.modseq).filter(isKnown);
  if (vanished.length > 0) session.send(`* VANISHED (EARLIER) ${formatSet(vanished)}\r\n`);
  const items: FetchItem[] = [{ kind: "UID" }, { kind: "FLAGS" }, { kind: "MODSEQ" }];
  for (const { sequence, message } of selection.all()) {
    if (message.modseq > known.modseq && isKnown(message.uid)) session.send(...fetchResponse(sequence, message, items));
  }
}
