import type { StoredMessage } from "../folder.ts";
import type { Command } from "../imap/command.ts";
import { formatSet } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { INVALID_SET } from "./invalid-set.ts";

type CopyCommand = Extract<Command, { name: "COPY" | "MOVE" }>;

/** COPY (RFC 3501 6.4.7) with the UIDs on both sides (RFC 4315 section 3). All messages or none. */
export function copy(command: CopyCommand, session: Session): Outcome {
  const copied = copyChosen(command, session);
  if ("status" in copied) return copied;
  if (copied.sources.length === 0) return { status: "OK", text: "No such messages" };
  return { status: "OK", code: copied.code, text: "Messages copied" };
}

/** MOVE (RFC 6851): COPYUID in an untagged OK, so that it comes before the expunges. */
export function move(command: CopyCommand, session: Session): Outcome {
  const selection = session.selected();
  if (selection.readOnly) return { status: "NO", text: "Mailbox is open for reading only" };
  const copied = copyChosen(command, session);
  if ("status" in copied) return copied;
  if (copied.sources.length === 0) return { status: "OK", text: "No such messages" };
  session.send(`* OK [${copied.code}] Messages moved\r\n`);
  selection.folder.expunge(copied.sources);
  const text = "Moved";
  return session.qresync ? { status: "OK", code: `HIGHESTMODSEQ ${selection.folder.highestModseq}`, text } : { status: "OK", text };
}

function copyChosen(command: CopyCommand, session: Session): Outcome | { readonly sources: readonly number[]; readonly code: string } {
  const chosen = session.selected().chosen(command.set, command.byUid);
  if (!chosen) return INVALID_SET;
  const account = session.signedIn();
  const target = account.require(command.path, "TRYCREATE");
  const messages: StoredMessage[] = chosen.map(({ message }) => message);
  account.requireRoom(
    target,
    messages.map(({ mime }) => mime),
  );
  const copies = messages.map((message) => target.append({ ...message, flags: [...message.flags] }));
  const sources = messages.map(({ uid }) => uid);
  const code = `COPYUID ${target.uidValidity} ${formatSet(sources)} ${formatSet(copies.map(({ uid }) => uid))}`;
  return { sources, code };
}
