import { type Literal, readLiteral } from "./literal.ts";
import { badQuery } from "./query-fault.ts";

export type Token =
  /** `at`: where it begins, for messages. */
  | { readonly kind: "literal"; readonly literal: Literal; readonly at: number }
  /** A name, an operator, or `@alias`. Names may hold dots. */
  | { readonly kind: "word"; readonly text: string; readonly at: number }
  | { readonly kind: "sign"; readonly text: "(" | ")" | "," | "/" | ":" | "=" | "["; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

const SPACE = /[ \t]*/y;
const STRING = /'(?:[^']|'')*'/y;
/** Numbers, days and times begin with a digit or sign; GUIDs also with a letter. */
const NUMERIC = /[-+]?[0-9][0-9A-Za-z.:+-]*/y;
const WORD = /[@A-Za-z_$][A-Za-z0-9_.-]*/y;
const NAME = /^[@$]?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const SIGN = /[(),/:=[]/y;
const LIST = /\[[^\]"]*(?:"(?:[^"\\]|\\.)*"[^\]"]*)*\]/y;

/** Reads a filter piece by piece, each character once. */
export class FilterLexer {
  readonly text: string;
  #next: Token;
  /** Behind the next token. */
  #at = 0;

  constructor(text: string) {
    this.text = text;
    this.#next = this.#read();
  }

  /** What comes next, without taking it. */
  get next(): Token {
    return this.#next;
  }

  take(): Token {
    const token = this.#next;
    this.#next = this.#read();
    return token;
  }

  /** Takes this sign or word if it comes next. */
  takeIf(text: string): boolean {
    const found = this.#next;
    if ((found.kind !== "sign" && found.kind !== "word") || found.text !== text) return false;
    this.take();
    return true;
  }

  expect(text: string): void {
    if (!this.takeIf(text)) throw this.fault(`'${text}' expected`);
  }

  /** Takes a list of JSON that begins with the next sign `[`, as text. */
  takeList(): string {
    LIST.lastIndex = this.#next.at;
    const found = LIST.exec(this.text);
    if (!found) throw this.fault("']' expected");
    this.#at = LIST.lastIndex;
    this.#next = this.#read();
    return found[0];
  }

  fault(what: string): Error {
    return badQuery(`${what} at position ${this.#next.at} in '${this.text.length > 200 ? `${this.text.slice(0, 200)}…` : this.text}'.`);
  }

  #read(): Token {
    this.#match(SPACE);
    const at = this.#at;
    if (at >= this.text.length) return { kind: "end", at };
    const sign = this.#match(SIGN);
    if (sign) return { kind: "sign", text: sign as "(", at };
    const string = this.#match(STRING) ?? this.#match(NUMERIC);
    if (string) return this.#literal(string, at);
    const word = this.#match(WORD);
    if (!word) throw badQuery(`Syntax error at position ${at} in the expression.`);
    const literal = readLiteral(word);
    if (literal) return { kind: "literal", literal, at };
    if (!NAME.test(word)) throw badQuery(`Syntax error at position ${at} in the expression.`);
    return { kind: "word", text: word, at };
  }

  #literal(text: string, at: number): Token {
    const literal = readLiteral(text);
    if (!literal) throw badQuery(`Unrecognized literal '${text.slice(0, 100)}' at position ${at} in the expression.`);
    return { kind: "literal", literal, at };
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }
}
