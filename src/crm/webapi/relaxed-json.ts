import { badQuery } from "./query-fault.ts";

/** Objects and arrays in each other; entity parameters of functions have two or three. */
const DEEPEST = 16;
const NUMBER = /-?\d{1,20}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?/y;
const WORD = /true|false|null/y;
const BLANK = /[\s]*/y;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * Reads JSON whose strings stand in double or single quotes, as the documentation's examples write entity parameters in URLs:
 * `{'@odata.id':'contacts(…)'}`. Linear time. A name that occurs twice has its last value. Throws ApiFault 400 for anything else.
 */
export function readRelaxedJson(text: string): unknown {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw malformed();
    const sign = this.#next();
    if (sign === "{") return this.#object(depth);
    if (sign === "[") return this.#array(depth);
    if (sign === "'" || sign === '"') return this.#string();
    const word = this.#match(WORD);
    if (word !== null) return word === "null" ? null : word === "true";
    const number = this.#match(NUMBER);
    if (number === null) throw malformed();
    return Number(number);
  }

  end(): void {
    if (this.#next() !== "") throw malformed();
  }

  #object(depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    this.#at++;
    if (this.#takes("}")) return {};
    do {
      const quote = this.#next();
      if (quote !== "'" && quote !== '"') throw malformed();
      const name = this.#string();
      if (!this.#takes(":")) throw malformed();
      entries.push([name, this.value(depth + 1)]);
    } while (this.#takes(","));
    if (!this.#takes("}")) throw malformed();
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] {
    const values: unknown[] = [];
    this.#at++;
    if (this.#takes("]")) return values;
    do values.push(this.value(depth + 1));
    while (this.#takes(","));
    if (!this.#takes("]")) throw malformed();
    return values;
  }

  #string(): string {
    const quote = this.#text.charAt(this.#at++);
    const parts: string[] = [];
    let start = this.#at;
    for (;;) {
      const sign = this.#text.charAt(this.#at);
      if (sign === "" || sign < " ") throw malformed();
      if (sign === quote || sign === "\\") parts.push(this.#text.slice(start, this.#at));
      this.#at++;
      if (sign === quote) return parts.join("");
      if (sign !== "\\") continue;
      parts.push(this.#escaped());
      start = this.#at;
    }
  }

  #escaped(): string {
    const sign = this.#text.charAt(this.#at++);
    if (sign !== "u") {
      const plain = ESCAPES.get(sign) ?? (/["'\\/]/.test(sign) ? sign : null);
      if (plain === null) throw malformed();
      return plain;
    }
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-f]{4}$/i.test(digits)) throw malformed();
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  /** The sign that comes next, behind blanks; empty at the end. */
  #next(): string {
    this.#match(BLANK);
    return this.#text.charAt(this.#at);
  }

  #takes(sign: string): boolean {
    const there = this.#next() === sign;
    if (there) this.#at++;
    return there;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }
}

function malformed() {
  return badQuery("Bad Request - Error in query syntax.");
}
