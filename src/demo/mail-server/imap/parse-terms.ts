import { canonicalFlag } from "../flags.ts";
import { MAXIMUM_LIST_PATTERN_LENGTH } from "../limits.ts";
import { STATUS_ITEMS, type StatusItem } from "./command.ts";
import { decodeMailboxName } from "./mailbox-name.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

/** A mailbox name as a path. */
export function mailbox(scanner: Scanner): string {
  return decoded(scanner.astring().toString("latin1"));
}

/** A LIST pattern, its wildcards left in place. */
export function mailboxPattern(scanner: Scanner): string {
  const pattern = decoded(scanner.listPattern());
  if (pattern.length > MAXIMUM_LIST_PATTERN_LENGTH) throw new SyntaxFault("Mailbox pattern is too long");
  return pattern;
}

function decoded(wire: string): string {
  const path = decodeMailboxName(wire);
  if (path === null) throw new SyntaxFault("Mailbox name is not modified UTF-7");
  return path;
}

/** A flag that a client may set, in the server's spelling. */
export function settableFlag(scanner: Scanner): string {
  const spelled = canonicalFlag(scanner.flag());
  if (spelled === null) throw new SyntaxFault("No client can set this system flag");
  return spelled;
}

export function statusItem(scanner: Scanner): StatusItem {
  const name = scanner.name();
  const item = STATUS_ITEMS.find((candidate) => candidate === name);
  if (!item) throw new SyntaxFault("Unknown STATUS item");
  return item;
}

/** The scanner behind the space that must come next. */
export function after(scanner: Scanner): Scanner {
  scanner.space();
  return scanner;
}
