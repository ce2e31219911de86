import type { AppendCommand } from "./command.ts";
import { parseDateTime } from "./imap-date.ts";
import { mailbox, settableFlag } from "./parse-terms.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

/** RFC 3501 6.3.11: mailbox, flags and date where given, one message as a literal. */
export function parseAppend(scanner: Scanner): AppendCommand {
  const path = mailbox(scanner);
  scanner.space();
  let flags: string[] = [];
  let internalDate: Date | null = null;
  if (scanner.peek() === "(") {
    flags = scanner.list(() => settableFlag(scanner), { empty: true });
    scanner.space();
  }
  if (scanner.peek() === '"') {
    internalDate = parseDateTime(scanner.string().toString("latin1"));
    if (!internalDate) throw new SyntaxFault("Expected a date and time");
    scanner.space();
  }
  const mime = scanner.literal();
  if (mime.includes(0)) throw new SyntaxFault("A message may not hold NUL (RFC 3501 section 9, CHAR8)");
  return { name: "APPEND", path, flags, internalDate, mime };
}
