import type { SequenceRange, SequenceSet } from "./sequence-set.ts";

/** A command as it was read: its lines as latin1 without line breaks, and after each but the last the literal it announced. */
export interface RawCommand {
  readonly lines: readonly string[];
  readonly literals: readonly Buffer[];
}

/** The client wrote something that is no command. The text goes back to it, after BAD. */
export class SyntaxFault extends Error {
  constructor(text: string) {
    super(text);
    this.name = "SyntaxFault";
  }
}

const LARGEST_NUMBER = 0xffff_ffff;
// ATOM-CHAR of RFC 3501 section 9: no space, control character, 8-bit character or any of ( ) { % * " \ ]
const ATOM = /[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+/y;
const ASTRING = /[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
const LIST_PATTERN = /[!#$%&'*+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
const TAG = /[!#$&',\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+/y;
const NAME = /[A-Za-z0-9.=-]+/y;
const DIGITS = /\d+/y;
const SEQUENCE_SET = /[\d:*,]+/y;
const FLAG = /\\?[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+/y;
const QUOTED = /"((?:[^"\\\r\n\0]|\\["\\])*)"/y;
const LITERAL = /\{\d+\+?\}$/y;

/** Reads the terminals of RFC 3501 section 9 from a command, left to right. Every method throws {@link SyntaxFault} where its terminal is not. */
export class Scanner {
  readonly #raw: RawCommand;
  #line = 0;
  #at = 0;

  constructor(raw: RawCommand) {
    this.#raw = raw;
  }

  /** The next character; empty at the end and never inside a literal. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length && this.#line >= this.#raw.lines.length - 1;
  }

  end(): void {
    if (!this.atEnd()) throw new SyntaxFault("Unexpected text after the command");
  }

  take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.#at++;
    return true;
  }

  expect(character: string): void {
    if (!this.take(character)) throw new SyntaxFault(`Expected ${character === " " ? "a space" : character}`);
  }

  space(): void {
    this.expect(" ");
  }

  tag(): string {
    return this.#match(TAG, "a tag");
  }

  atom(): string {
    return this.#match(ATOM, "an atom");
  }

  /** Letters, digits and `.`, `-`, `=`, in upper case: names of commands and items. */
  name(): string {
    return this.#match(NAME, "a name").toUpperCase();
  }

  flag(): string {
    return this.#match(FLAG, "a flag");
  }

  /** Whether the next thing is this name; if so it is read. */
  takeName(name: string): boolean {
    const start = this.#at;
    NAME.lastIndex = start;
    if (NAME.exec(this.#text)?.[0].toUpperCase() !== name) return false;
    this.#at = start + name.length;
    return true;
  }

  number(): number {
    const value = Number(this.#match(DIGITS, "a number"));
    if (value > LARGEST_NUMBER) throw new SyntaxFault("Number exceeds 32 bits");
    return value;
  }

  /** A mod-sequence (63 bits). Above 2^53 it is inexact, and larger than any that this server gives. */
  modseq(): number {
    return Number(this.#match(DIGITS, "a mod-sequence").slice(0, 20));
  }

  /** Quoted string or literal, as bytes. */
  string(): Buffer {
    if (this.peek() === "{") return this.literal();
    const quoted = this.#match(QUOTED, "a string");
    return Buffer.from(quoted.slice(1, -1).replace(/\\(.)/g, "$1"), "latin1");
  }

  literal(): Buffer {
    const literal = this.#raw.literals[this.#line];
    this.#match(LITERAL, "a literal");
    if (!literal) throw new SyntaxFault("Expected a literal");
    this.#line++;
    this.#at = 0;
    return literal;
  }

  astring(): Buffer {
    return this.#isString() ? this.string() : Buffer.from(this.#match(ASTRING, "a string"), "latin1");
  }

  /** An astring as UTF-8 text. */
  text(): string {
    return this.astring().toString("utf8");
  }

  nstring(): Buffer | null {
    return !this.#isString() && this.takeName("NIL") ? null : this.string();
  }

  /** `list-mailbox`: as an astring, with the wildcards. */
  listPattern(): string {
    return this.#isString() ? this.string().toString("latin1") : this.#match(LIST_PATTERN, "a mailbox pattern");
  }

  sequenceSet(): SequenceSet {
    return this.#match(SEQUENCE_SET, "a sequence set").split(",").map(sequenceRange);
  }

  /** `(a b c)`; an empty list only where it is allowed. */
  list<T>(item: () => T, { empty = false } = {}): T[] {
    const items: T[] = [];
    this.expect("(");
    if (empty && this.take(")")) return items;
    do items.push(item());
    while (this.take(" "));
    this.expect(")");
    return items;
  }

  get #text(): string {
    return this.#raw.lines[this.#line] ?? "";
  }

  #isString(): boolean {
    const next = this.peek();
    return next === '"' || next === "{";
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxFault(`Expected ${what}`);
    this.#at += found.length;
    return found;
  }
}

function sequenceRange(text: string): SequenceRange {
  const [from, to, ...more] = text.split(":").map(sequenceNumber);
  if (from === undefined || more.length > 0) throw new SyntaxFault("Expected a sequence set");
  return { from, to: to ?? from };
}

function sequenceNumber(text: string): number {
  if (text === "*") return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > LARGEST_NUMBER) throw new SyntaxFault("Expected a sequence set");
  return value;
}
