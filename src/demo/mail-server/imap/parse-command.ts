import type { Command } from "./command.ts";
import { parseAppend } from "./parse-append.ts";
import { parseFetch } from "./parse-fetch.ts";
import { parseList, parseLsub } from "./parse-list.ts";
import { parseSearch } from "./parse-search.ts";
import { parseSelect } from "./parse-select.ts";
import { parseStore } from "./parse-store.ts";
import { after, mailbox, statusItem } from "./parse-terms.ts";
import { type RawCommand, Scanner, SyntaxFault } from "./scanner.ts";

export type ParsedCommand =
  | { readonly tag: string; readonly command: Command }
  /** `tag` is `*` when not even a tag could be read. */
  | { readonly tag: string; readonly fault: string };

/** Reads one command (RFC 3501 section 9, `command`). Pure; never throws for what a client wrote. */
export function parseCommand(raw: RawCommand): ParsedCommand {
  const scanner = new Scanner(raw);
  let tag = "*";
  try {
    tag = scanner.tag();
    scanner.space();
    const command = parseNamed(scanner);
    scanner.end();
    return { tag, command };
  } catch (error) {
    if (error instanceof SyntaxFault) return { tag, fault: error.message };
    throw error;
  }
}

function parseNamed(scanner: Scanner): Command {
  const name = scanner.name();
  if (name === "UID") {
    scanner.space();
    return parseUid(scanner, scanner.name());
  }
  switch (name) {
    case "CAPABILITY":
    case "NOOP":
    case "LOGOUT":
    case "NAMESPACE":
    case "CHECK":
    case "CLOSE":
    case "UNSELECT":
    case "IDLE":
      return { name };
    case "EXPUNGE":
      return { name, uids: null };
    case "ID":
      return parseId(scanner);
    case "LOGIN":
      return { name, user: after(scanner).text(), password: after(scanner).text() };
    case "AUTHENTICATE":
      return { name, mechanism: after(scanner).name(), initial: scanner.take(" ") ? scanner.atom() : null };
    case "ENABLE":
      return { name, extensions: parseEnable(scanner) };
    case "LIST":
      return parseList(after(scanner));
    case "LSUB":
      return parseLsub(after(scanner));
    case "STATUS":
      return { name, path: mailbox(after(scanner)), items: after(scanner).list(() => statusItem(scanner)) };
    case "SELECT":
    case "EXAMINE":
      return parseSelect(after(scanner), name);
    case "CREATE":
    case "DELETE":
    case "SUBSCRIBE":
    case "UNSUBSCRIBE":
      return { name, path: mailbox(after(scanner)) };
    case "RENAME":
      return { name, from: mailbox(after(scanner)), to: mailbox(after(scanner)) };
    case "APPEND":
      return parseAppend(after(scanner));
    default:
      return parseOnMessages(scanner, name, false);
  }
}

/** RFC 3501 6.4.8 and RFC 4315 2.1. */
function parseUid(scanner: Scanner, name: string): Command {
  if (name === "EXPUNGE") return { name, uids: after(scanner).sequenceSet() };
  return parseOnMessages(scanner, name, true);
}

function parseOnMessages(scanner: Scanner, name: string, byUid: boolean): Command {
  switch (name) {
    case "FETCH":
      return parseFetch(after(scanner), byUid);
    case "STORE":
      return parseStore(after(scanner), byUid);
    case "SEARCH":
      return parseSearch(after(scanner), byUid);
    case "COPY":
    case "MOVE":
      return { name, byUid, set: after(scanner).sequenceSet(), path: mailbox(after(scanner)) };
    default:
      throw new SyntaxFault("Unknown command");
  }
}

/** RFC 2971: what the client says of itself is read and not kept. */
function parseId(scanner: Scanner): Command {
  scanner.space();
  if (!scanner.takeName("NIL")) {
    scanner.list(
      () => {
        scanner.string();
        scanner.space();
        scanner.nstring();
      },
      { empty: true },
    );
  }
  return { name: "ID" };
}

function parseEnable(scanner: Scanner): string[] {
  const extensions: string[] = [];
  while (scanner.take(" ")) extensions.push(scanner.atom().toUpperCase());
  if (extensions.length === 0) throw new SyntaxFault("Expected an extension");
  return extensions;
}
