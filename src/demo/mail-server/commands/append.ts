import type { AppendCommand } from "../imap/command.ts";
import type { Outcome, Session } from "../imap/session.ts";

/** APPEND (RFC 3501 6.3.11) with the UID of the new message (RFC 4315 section 3). */
export function append(command: AppendCommand, session: Session): Outcome {
  const account = session.signedIn();
  const folder = account.require(command.path, "TRYCREATE");
  const { uid } = account.append(folder, {
    mime: command.mime,
    internalDate: command.internalDate ?? new Date(),
    flags: command.flags,
  });
  return { status: "OK", code: `APPENDUID ${folder.uidValidity} ${uid}`, text: "Message stored" };
}
