import type { StoredMessage } from "../folder.ts";
import type { FetchItem, StoreCommand } from "../imap/command.ts";
import { fetchResponse } from "../imap/fetch.ts";
import { formatSet } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { INVALID_SET } from "./invalid-set.ts";

/** STORE and UID STORE (RFC 3501 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3). */
export function store(command: StoreCommand, session: Session): Outcome {
  const selection = session.selected();
  if (selection.readOnly) return { status: "NO", text: "Mailbox is open for reading only" };
  const chosen = selection.chosen(command.set, command.byUid);
  if (!chosen) return INVALID_SET;
  if (command.unchangedSince !== null) session.condstore = true;
  const items = told(command, session);
  const refused: number[] = [];
  for (const { sequence, message } of chosen) {
    if (command.unchangedSince !== null && message.modseq > command.unchangedSince) {
      refused.push(command.byUid ? message.uid : sequence);
      continue;
    }
    const stored: StoredMessage | null = selection.folder.setFlags(message.uid, command.change, command.flags);
    selection.toldFlags(message.uid);
    if (stored && items.length > 0) session.send(...fetchResponse(sequence, stored, items));
  }
  if (refused.length > 0) return { status: "OK", code: `MODIFIED ${formatSet(refused)}`, text: "Some were changed by others" };
  return { status: "OK", text: "Flags stored" };
}

/** `.SILENT` keeps the flags back, never the mod-sequence from one who asks for them. */
function told(command: StoreCommand, session: Session): FetchItem[] {
  const items: FetchItem[] = [];
  if (command.byUid) items.push({ kind: "UID" });
  if (!command.silent) items.push({ kind: "FLAGS" });
  if (session.condstore) items.push({ kind: "MODSEQ" });
  return command.silent && !session.condstore ? [] : items;
}
