import { canonicalFlag } from "../flags.ts";
import { MAXIMUM_SEARCH_DEPTH } from "../limits.ts";
import type { SearchCommand, SearchKey, SearchReturn } from "./command.ts";
import { type Day, parseDay } from "./imap-date.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

const RETURN_OPTIONS: readonly SearchReturn[] = ["MIN", "MAX", "ALL", "COUNT"];

/** RFC 3501 6.4.4, RFC 4731 (RETURN), RFC 7162 3.1.5 (MODSEQ). */
export function parseSearch(scanner: Scanner, byUid: boolean): SearchCommand {
  let returning: ReadonlySet<SearchReturn> | null = null;
  if (scanner.takeName("RETURN")) {
    scanner.space();
    const options = scanner.list(() => returnOption(scanner), { empty: true });
    returning = new Set(options.length > 0 ? options : ["ALL"]);
    scanner.space();
  }
  let charset: string | null = null;
  if (scanner.takeName("CHARSET")) {
    scanner.space();
    charset = scanner.text().toUpperCase();
    scanner.space();
  }
  return { name: "SEARCH", byUid, charset, key: keys(scanner, 0), returning };
}

function returnOption(scanner: Scanner): SearchReturn {
  const name = scanner.name();
  const option = RETURN_OPTIONS.find((candidate) => candidate === name);
  if (!option) throw new SyntaxFault("Unknown SEARCH return option");
  return option;
}

/** Keys side by side must all hold. */
function keys(scanner: Scanner, depth: number): SearchKey {
  const found = [key(scanner, depth)];
  while (scanner.take(" ")) found.push(key(scanner, depth));
  const [only] = found;
  return found.length === 1 && only ? only : { kind: "and", keys: found };
}

function key(scanner: Scanner, depth: number): SearchKey {
  if (depth > MAXIMUM_SEARCH_DEPTH) throw new SyntaxFault("Search is nested too deeply");
  const next = scanner.peek();
  if (next === "(") {
    scanner.expect("(");
    const inner = keys(scanner, depth + 1);
    scanner.expect(")");
    return inner;
  }
  if (/[\d*]/.test(next)) return { kind: "sequence", set: scanner.sequenceSet() };
  return namedKey(scanner, scanner.name(), depth);
}

function namedKey(scanner: Scanner, name: string, depth: number): SearchKey {
  switch (name) {
    case "ALL":
    case "OLD":
      // No message is \Recent on this server: RFC 9051 took the flag away.
      return { kind: "all" };
    case "NEW":
    case "RECENT":
      return { kind: "none" };
    case "ANSWERED":
    case "DELETED":
    case "DRAFT":
    case "FLAGGED":
    case "SEEN":
      return { kind: "flag", flag: systemFlag(name), present: true };
    case "UNANSWERED":
    case "UNDELETED":
    case "UNDRAFT":
    case "UNFLAGGED":
    case "UNSEEN":
      return { kind: "flag", flag: systemFlag(name.slice(2)), present: false };
    case "NOT":
      scanner.space();
      return { kind: "not", key: key(scanner, depth + 1) };
    case "OR": {
      scanner.space();
      const left = key(scanner, depth + 1);
      scanner.space();
      return { kind: "or", left, right: key(scanner, depth + 1) };
    }
    default:
      scanner.space();
      return keyWithArgument(scanner, name);
  }
}

function keyWithArgument(scanner: Scanner, name: string): SearchKey {
  switch (name) {
    case "KEYWORD":
    case "UNKEYWORD":
      return { kind: "flag", flag: scanner.atom(), present: name === "KEYWORD" };
    case "BEFORE":
    case "ON":
    case "SINCE":
      return { kind: "received", compare: comparison(name), day: day(scanner) };
    case "SENTBEFORE":
    case "SENTON":
    case "SENTSINCE":
      return { kind: "sent", compare: comparison(name.slice("SENT".length)), day: day(scanner) };
    case "BCC":
    case "CC":
    case "FROM":
    case "SUBJECT":
    case "TO":
      return { kind: "header", field: name.toLowerCase(), text: scanner.text() };
    case "HEADER": {
      const field = scanner.text().toLowerCase();
      scanner.space();
      return { kind: "header", field, text: scanner.text() };
    }
    case "BODY":
      return { kind: "body", text: scanner.text() };
    case "TEXT":
      return { kind: "text", text: scanner.text() };
    case "LARGER":
      return { kind: "larger", bytes: scanner.number() };
    case "SMALLER":
      return { kind: "smaller", bytes: scanner.number() };
    case "UID":
      return { kind: "uid", set: scanner.sequenceSet() };
    case "MODSEQ":
      return modseqKey(scanner);
    default:
      throw new SyntaxFault("Unknown search key");
  }
}

/** `MODSEQ [entry-name entry-type] value`: this server keeps one mod-sequence a message, so the entry makes no difference. */
function modseqKey(scanner: Scanner): SearchKey {
  if (scanner.peek() === '"') {
    scanner.string();
    scanner.space();
    const type = scanner.name();
    if (!["PRIV", "SHARED", "ALL"].includes(type)) throw new SyntaxFault("Unknown entry type");
    scanner.space();
  }
  return { kind: "modseq", from: scanner.modseq() };
}

function comparison(name: string): "before" | "on" | "since" {
  return name === "BEFORE" ? "before" : name === "ON" ? "on" : "since";
}

function day(scanner: Scanner): Day {
  const parsed = parseDay(scanner.text());
  if (parsed === null) throw new SyntaxFault("Expected a date");
  return parsed;
}

function systemFlag(name: string): string {
  return canonicalFlag(`\\${name}`) ?? name;
}
