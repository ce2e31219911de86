import type { FetchCommand, FetchItem } from "../imap/command.ts";
import { fetchResponse } from "../imap/fetch.ts";
import { formatSet, resolveSet, setHolds } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { INVALID_SET } from "./invalid-set.ts";

/** FETCH and UID FETCH (RFC 3501 6.4.5, 6.4.8), with CHANGEDSINCE and VANISHED (RFC 7162 3.1.4, 3.2.6). */
export function fetch(command: FetchCommand, session: Session): Outcome {
  const selection = session.selected();
  const { changedSince } = command;
  if (command.vanished && !session.qresync) return { status: "BAD", text: "QRESYNC must be enabled first" };
  const chosen = selection.chosen(command.set, command.byUid);
  if (!chosen) return INVALID_SET;
  if (changedSince !== null || command.items.some((item) => item.kind === "MODSEQ")) session.condstore = true;
  if (command.vanished && changedSince !== null) {
    const ranges = resolveSet(command.set, selection.folder.uidNext - 1);
    const vanished = selection.folder.vanishedSince(changedSince).filter((uid) => setHolds(ranges, uid));
    if (vanished.length > 0) session.send(`* VANISHED (EARLIER) ${formatSet(vanished)}\r\n`);
  }
  const marksSeen = !selection.readOnly && command.items.some((item) => item.kind === "section" && !item.peek);
  const items = completed(command);
  for (const { sequence, message } of chosen) {
    if (changedSince !== null && message.modseq <= changedSince) continue;
    const newlySeen = marksSeen && !message.flags.has("\\Seen");
    const current = (newlySeen && selection.folder.setFlags(message.uid, "add", ["\\Seen"])) || message;
    session.send(...fetchResponse(sequence, current, newlySeen ? withFlags(items, session.condstore) : items));
    if (newlySeen) selection.toldFlags(message.uid);
  }
  return { status: "OK", text: "Messages fetched" };
}

/** UID FETCH always tells the UID; CHANGEDSINCE always tells the mod-sequence. */
function completed({ items, byUid, changedSince }: FetchCommand): readonly FetchItem[] {
  const added: FetchItem[] = [];
  if (byUid) added.push({ kind: "UID" });
  if (changedSince !== null) added.push({ kind: "MODSEQ" });
  return withMissing(items, added);
}

/** A read that marks the message seen tells its new flags with it (RFC 3501 6.4.5). */
function withFlags(items: readonly FetchItem[], condstore: boolean): readonly FetchItem[] {
  return withMissing(items, condstore ? [{ kind: "FLAGS" }, { kind: "MODSEQ" }] : [{ kind: "FLAGS" }]);
}

function withMissing(items: readonly FetchItem[], added: readonly FetchItem[]): readonly FetchItem[] {
  return [...added.filter((item) => !items.some((other) => other.kind === item.kind)), ...items];
}
