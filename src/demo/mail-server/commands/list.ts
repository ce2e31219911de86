import type { Command, ListCommand } from "../imap/command.ts";
import { encodeMailboxName, matchesPattern } from "../imap/mailbox-name.ts";
import { imapString } from "../imap/respond.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { type Account, DELIMITER } from "../store.ts";
import { statusLine } from "./status.ts";

/** A name that LIST may show: a folder, or one that is only subscribed and no longer there. */
interface Entry {
  readonly path: string;
  readonly attributes: readonly string[];
  /** Criteria that folders below it meet (RFC 5258 section 3.5). */
  readonly childInfo: readonly string[];
}

/** LIST (RFC 3501 6.3.8, RFC 5258, RFC 6154, RFC 5819). */
export function list(command: ListCommand, session: Session): Outcome {
  const account = session.signedIn();
  // An empty pattern asks for the delimiter and the root of the reference.
  if (command.patterns.length === 1 && command.patterns[0] === "" && command.selecting.size === 0) {
    session.send(`* LIST (\\Noselect) "${DELIMITER}" ""\r\n`);
    return { status: "OK", text: "Delimiter listed" };
  }
  const patterns = command.patterns.map((pattern) => command.reference + pattern);
  for (const entry of entries(account, command)) {
    if (!patterns.some((pattern) => fits(entry.path, pattern))) continue;
    const children = entry.childInfo.length > 0 ? ` ("CHILDINFO" (${entry.childInfo.map(imapString).join(" ")}))` : "";
    session.send(`* LIST ${line(entry.path, entry.attributes)}${children}\r\n`);
    const folder = command.status.length > 0 ? account.folder(entry.path) : undefined;
    if (folder) session.send(statusLine(folder, command.status));
  }
  if (command.status.includes("HIGHESTMODSEQ")) session.condstore = true;
  return { status: "OK", text: "Mailboxes listed" };
}

/** LSUB (RFC 3501 6.3.9): with `%`, a level above a subscribed name is shown as \Noselect. */
export function lsub(command: Extract<Command, { name: "LSUB" }>, session: Session): Outcome {
  const account = session.signedIn();
  const pattern = command.reference + command.pattern;
  const shown = new Set<string>();
  for (const path of [...account.subscriptions].sort()) {
    if (fits(path, pattern)) {
      shown.add(path);
      session.send(`* LSUB ${line(path, account.folder(path) ? [] : ["\\Noselect"])}\r\n`);
      continue;
    }
    const above = levelsAbove(path).find((level) => fits(level, pattern));
    if (above === undefined || account.subscriptions.has(above) || shown.has(above)) continue;
    shown.add(above);
    session.send(`* LSUB ${line(above, ["\\Noselect"])}\r\n`);
  }
  return { status: "OK", text: "Subscriptions listed" };
}

/** RFC 2342: everything is the user's own. */
export function namespace(session: Session): Outcome {
  session.send(`* NAMESPACE (("" "${DELIMITER}")) NIL NIL\r\n`);
  return { status: "OK", text: "Namespaces listed" };
}

function entries(account: Account, command: ListCommand): Entry[] {
  const { selecting } = command;
  const showSubscribed = command.returnSubscribed || selecting.has("SUBSCRIBED");
  const paths = new Set(account.folders().map((folder) => folder.path));
  if (selecting.has("SUBSCRIBED")) for (const path of account.subscriptions) paths.add(path);
  const meets = (path: string): string[] => criteriaMet(account, path, selecting);
  const found: Entry[] = [];
  for (const path of paths) {
    const below = selecting.has("RECURSIVEMATCH") ? [...paths].filter((other) => other.startsWith(path + DELIMITER)) : [];
    const childInfo = [...new Set(below.filter((other) => isSelected(meets(other), selecting)).flatMap(meets))];
    if (!isSelected(meets(path), selecting) && childInfo.length === 0) continue;
    const subscribed = showSubscribed && account.subscriptions.has(path) ? ["\\Subscribed"] : [];
    found.push({ path, attributes: [...attributes(account, path), ...subscribed], childInfo });
  }
  return found;
}

function criteriaMet(account: Account, path: string, selecting: ReadonlySet<string>): string[] {
  const met: string[] = [];
  if (selecting.has("SUBSCRIBED") && account.subscriptions.has(path)) met.push("SUBSCRIBED");
  if (selecting.has("SPECIAL-USE") && account.folder(path)?.specialUse) met.push("SPECIAL-USE");
  return met;
}

/** All selection criteria must hold (RFC 5258 section 3.1). */
function isSelected(met: readonly string[], selecting: ReadonlySet<string>): boolean {
  const asked = ["SUBSCRIBED", "SPECIAL-USE"].filter((criterion) => selecting.has(criterion));
  return met.length === asked.length;
}

function attributes(account: Account, path: string): string[] {
  const folder = account.folder(path);
  if (!folder) return ["\\NonExistent"];
  const children = account.hasChildren(path) ? "\\HasChildren" : "\\HasNoChildren";
  return folder.specialUse ? [children, folder.specialUse] : [children];
}

function line(path: string, attributesOfIt: readonly string[]): string {
  return `(${attributesOfIt.join(" ")}) "${DELIMITER}" ${imapString(encodeMailboxName(path))}`;
}

/** INBOX is matched without regard to case (RFC 3501 5.1). */
function fits(path: string, pattern: string): boolean {
  return matchesPattern(path, pattern, DELIMITER) || (path === "INBOX" && matchesPattern(path, pattern.toUpperCase(), DELIMITER));
}

function levelsAbove(path: string): string[] {
  const levels = path.split(DELIMITER);
  return levels.slice(1).map((_level, index) => levels.slice(0, index + 1).join(DELIMITER));
}
