import type { FetchCommand, FetchItem, Section, SectionText } from "./command.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

const FAST: readonly FetchItem[] = [{ kind: "FLAGS" }, { kind: "INTERNALDATE" }, { kind: "RFC822.SIZE" }];
const ALL: readonly FetchItem[] = [...FAST, { kind: "ENVELOPE" }];
const MACROS = new Map<string, readonly FetchItem[]>([
  ["FAST", FAST],
  ["ALL", ALL],
  ["FULL", [...ALL, { kind: "BODY" }]],
]);

/** `[1.2.HEADER.FIELDS (…)]`: numbers of the part, then what of it. */
const SECTION = /^(?<part>[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*)?(?<dot>\.?)(?<text>HEADER(?:\.FIELDS(?:\.NOT)?)?|TEXT|MIME)?$/;

/** RFC 3501 6.4.5, RFC 7162 3.1.4 and 3.2.6. */
export function parseFetch(scanner: Scanner, byUid: boolean): FetchCommand {
  const set = scanner.sequenceSet();
  scanner.space();
  const items = scanner.peek() === "(" ? scanner.list(() => item(scanner)) : macroOrItem(scanner);
  let changedSince: number | null = null;
  let vanished = false;
  if (scanner.take(" ")) {
    scanner.list(() => {
      if (scanner.takeName("CHANGEDSINCE")) {
        scanner.space();
        changedSince = scanner.modseq();
      } else if (scanner.takeName("VANISHED")) vanished = true;
      else throw new SyntaxFault("Unknown FETCH modifier");
    });
  }
  if (vanished && (!byUid || changedSince === null)) {
    throw new SyntaxFault("VANISHED goes with UID FETCH and CHANGEDSINCE only");
  }
  return { name: "FETCH", byUid, set, items, changedSince, vanished };
}

function macroOrItem(scanner: Scanner): readonly FetchItem[] {
  for (const [name, items] of MACROS) if (scanner.takeName(name)) return items;
  return [item(scanner)];
}

function item(scanner: Scanner): FetchItem {
  const name = scanner.name();
  switch (name) {
    case "UID":
    case "FLAGS":
    case "INTERNALDATE":
    case "RFC822.SIZE":
    case "ENVELOPE":
    case "MODSEQ":
    case "BODYSTRUCTURE":
      return { kind: name };
    case "BODY":
      return scanner.peek() === "[" ? section(scanner, false) : { kind: "BODY" };
    case "BODY.PEEK":
      return section(scanner, true);
    case "RFC822":
      return legacy(name, null, false);
    case "RFC822.HEADER":
      return legacy(name, { kind: "HEADER" }, true);
    case "RFC822.TEXT":
      return legacy(name, { kind: "TEXT" }, false);
    default:
      throw new SyntaxFault("Unknown FETCH item");
  }
}

function legacy(legacyName: "RFC822" | "RFC822.HEADER" | "RFC822.TEXT", text: SectionText | null, peek: boolean): FetchItem {
  return { kind: "section", section: { part: [], text }, partial: null, peek, legacyName };
}

function section(scanner: Scanner, peek: boolean): FetchItem {
  scanner.expect("[");
  const asked: Section = scanner.peek() === "]" ? { part: [], text: null } : sectionSpec(scanner);
  scanner.expect("]");
  let partial = null;
  if (scanner.take("<")) {
    const offset = scanner.number();
    scanner.expect(".");
    const length = scanner.number();
    if (length === 0) throw new SyntaxFault("A part of no bytes");
    scanner.expect(">");
    partial = { offset, length };
  }
  return { kind: "section", section: asked, partial, peek, legacyName: null };
}

function sectionSpec(scanner: Scanner): Section {
  const { part, dot, text } = SECTION.exec(scanner.name())?.groups ?? {};
  // A dot stands exactly between the numbers and the rest; MIME is a part's only.
  const dotFits = (dot === ".") === (part !== undefined && text !== undefined);
  if ((part === undefined && text === undefined) || !dotFits || (text === "MIME" && part === undefined)) {
    throw new SyntaxFault("Unknown section");
  }
  return { part: part?.split(".").map(Number) ?? [], text: text === undefined ? null : sectionText(scanner, text) };
}

function sectionText(scanner: Scanner, text: string): SectionText {
  switch (text) {
    case "HEADER":
    case "TEXT":
    case "MIME":
      return { kind: text };
    case "HEADER.FIELDS":
    case "HEADER.FIELDS.NOT":
      scanner.space();
      return { kind: text, fields: scanner.list(() => fieldName(scanner)) };
    default:
      throw new SyntaxFault("Unknown section");
  }
}

/** RFC 5322 2.2: printable ASCII without colon. */
function fieldName(scanner: Scanner): string {
  const name = scanner.astring().toString("latin1");
  if (!/^[!-9;-~]+$/.test(name)) throw new SyntaxFault("Not a header field name");
  return name;
}
