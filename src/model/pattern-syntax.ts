/** Longer patterns are refused. */
const MAXIMUM_PATTERN = 500;

/** What is wrong with a pattern, as the end of a sentence that begins with "it". */
export class PatternProblem extends Error {}

type Accepts = (character: string) => boolean;
type Holds = (characters: readonly string[], at: number) => boolean;

/** A pattern as it is read. */
export type Pattern =
  | { readonly is: "take"; readonly accepts: Accepts }
  | { readonly is: "assert"; readonly holds: Holds }
  | { readonly is: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly is: "choice"; readonly choices: readonly Pattern[] }
  | { readonly is: "repeat"; readonly part: Pattern; readonly least: number; readonly most: number | null; readonly lazy: boolean };

/**
 * Reads a regular expression in .NET syntax. Whatever can only be searched for by going back in the text is refused: references to groups,
 * looking ahead or behind, atomic groups and conditions. Throws PatternProblem.
 */
export function readPattern(text: string): Pattern {
  if (text.length > MAXIMUM_PATTERN) throw new PatternProblem(`is longer than ${MAXIMUM_PATTERN} characters`);
  const ignoresCase = text.startsWith("(?i)");
  return new PatternReader(ignoresCase ? text.slice(4) : text, ignoresCase).whole();
}

/** What words, numbers and white space are made of for .NET: in all alphabets. In the syntax of JavaScript's flag `v`. */
const WORD = String.raw`\p{L}\p{Mn}\p{Mc}\p{Nd}\p{Pc}`;
const SPACE = String.raw`\s\x85`;
const CLASSES: ReadonlyMap<string, string> = new Map([
  ["w", `[${WORD}]`],
  ["W", `[^${WORD}]`],
  ["d", String.raw`\p{Nd}`],
  ["D", String.raw`\P{Nd}`],
  ["s", `[${SPACE}]`],
  ["S", `[^${SPACE}]`],
]);
const CONTROLS: ReadonlyMap<string, string> = new Map([
  ["t", "\t"],
  ["n", "\n"],
  ["r", "\r"],
  ["f", "\f"],
  ["v", "\v"],
  ["a", "\x07"],
  ["e", "\x1b"],
]);
const isWord = tester(`[${WORD}]`, false);
const isBoundary: Holds = (characters, at) => isWord(characters[at - 1] ?? "") !== isWord(characters[at] ?? "");
/** Holds at the beginning of the text only. */
export const isStart: Holds = (_, at) => at === 0;
const isEnd: Holds = (characters, at) => at === characters.length;
const isLastLine: Holds = (characters, at) => at === characters.length || (at === characters.length - 1 && characters[at] === "\n");
const ASSERTIONS: ReadonlyMap<string, Holds> = new Map([
  ["b", isBoundary],
  ["B", (characters, at) => !isBoundary(characters, at)],
  ["A", isStart],
  ["z", isEnd],
  ["Z", isLastLine],
]);

class PatternReader {
  readonly #text: string;
  readonly #ignoresCase: boolean;
  #at = 0;

  constructor(text: string, ignoresCase: boolean) {
    this.#text = text;
    this.#ignoresCase = ignoresCase;
  }

  whole(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.#text.length) throw new PatternProblem("closes a group that was not opened");
    return pattern;
  }

  #choice(): Pattern {
    const choices = [this.#sequence()];
    while (this.#skip("|")) choices.push(this.#sequence());
    return { is: "choice", choices };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#at < this.#text.length && !this.#sees("|") && !this.#sees(")")) parts.push(this.#repeated(this.#one()));
    return { is: "sequence", parts };
  }

  #repeated(part: Pattern): Pattern {
    const found = this.#take(/(?:[*+?]|\{(\d{1,6})(?:(,)(\d{1,6})?)?\})/y);
    if (found === null) return part;
    const [sign = "", least, comma, most] = found;
    const lazy = this.#skip("?");
    if (this.#take(/[*+?]|\{\d{1,6}(?:,\d{0,6})?\}/y) !== null) throw new PatternProblem("repeats a repetition");
    if (least === undefined) return { is: "repeat", part, least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : null, lazy };
    const limit = comma === undefined ? Number(least) : most === undefined ? null : Number(most);
    if (limit !== null && limit < Number(least)) throw new PatternProblem(`holds ${sign}, where the limits stand in the wrong order`);
    return { is: "repeat", part, least: Number(least), most: limit, lazy };
  }

  #one(): Pattern {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#set();
      case "\\":
        return this.#escape();
      case ".":
        return { is: "take", accepts: (one) => one !== "\n" };
      case "^":
        return { is: "assert", holds: isStart };
      case "$":
        return { is: "assert", holds: isLastLine };
      case "*":
      case "+":
      case "?":
        throw new PatternProblem(`holds "${character}" where there is nothing to repeat`);
      default:
        return { is: "take", accepts: this.#ignoresCase ? tester(`[${literally(character)}]`, true) : (one) => one === character };
    }
  }

  /** A group, which may have a name. What is matched by it is not kept. */
  #group(): Pattern {
    const isOrdinary = this.#take(/\?(?::|<[A-Za-z_]\w{0,40}>|'[A-Za-z_]\w{0,40}')/y) !== null || !this.#sees("?");
    if (!isOrdinary) throw new PatternProblem(`holds "(${this.#text.slice(this.#at, this.#at + 3)}", which may run without bound`);
    const pattern = this.#choice();
    if (!this.#skip(")")) throw new PatternProblem("opens a group that it does not close");
    return pattern;
  }

  #escape(): Pattern {
    const character = this.#next();
    const holds = ASSERTIONS.get(character);
    if (holds !== undefined) return { is: "assert", holds };
    return { is: "take", accepts: tester(`[${this.#memberAfterBackslash(character)}]`, this.#ignoresCase) };
  }

  #set(): Pattern {
    let content = this.#skip("^") ? "^" : "";
    for (let isFirst = true; isFirst || !this.#skip("]"); isFirst = false) {
      const character = this.#next();
      if (character === "[" && content.endsWith("-")) throw new PatternProblem("takes one set from another, which is not supported");
      if (character === "\\") content += this.#escapedMember();
      else if (character === "-" && !isFirst && !this.#sees("]")) content += "-";
      else content += literally(character);
    }
    return { is: "take", accepts: tester(`[${content}]`, this.#ignoresCase) };
  }

  #escapedMember(): string {
    const character = this.#next();
    return character === "b" ? literally("\b") : this.#memberAfterBackslash(character);
  }

  /** What stands behind a backslash, as the member of a set. */
  #memberAfterBackslash(character: string): string {
    const known = CLASSES.get(character);
    if (known !== undefined) return known;
    if (character === "p" || character === "P") return `\\${character}${this.#demand(/\{[A-Z][a-z]?\}/y)}`;
    if (character === "x") return literally(String.fromCharCode(Number.parseInt(this.#demand(/[0-9a-fA-F]{2}/y), 16)));
    if (character === "u") return literally(String.fromCharCode(Number.parseInt(this.#demand(/[0-9a-fA-F]{4}/y), 16)));
    const control = CONTROLS.get(character);
    if (control !== undefined) return literally(control);
    if (/^[\p{L}\p{N}_]$/u.test(character)) throw new PatternProblem(`holds "\\${character}", which is not supported`);
    return literally(character);
  }

  #sees(character: string): boolean {
    return this.#text.startsWith(character, this.#at);
  }

  #skip(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += character.length;
    return true;
  }

  #take(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  #demand(sticky: RegExp): string {
    const found = this.#take(sticky);
    if (found === null) throw new PatternProblem(`cannot be read at "${this.#text.slice(Math.max(0, this.#at - 2), this.#at + 4)}"`);
    return found[0];
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new PatternProblem("ends too early");
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }
}

/** Tells single characters, so it takes the same time for each. */
function tester(set: string, ignoresCase: boolean): Accepts {
  const test = compiled(`^${set}$`, ignoresCase ? "vi" : "v");
  return (character) => test.test(character);
}

function compiled(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch {
    throw new PatternProblem("holds a set of characters that means nothing");
  }
}

function literally(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
