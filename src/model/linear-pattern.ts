import { isStart, type Pattern, PatternProblem, readPattern } from "./pattern-syntax.ts";

/** Steps of a compiled pattern, its repetitions written out. The time of a search grows with them. */
const MAXIMUM_STEPS = 400;

/** Places in a text at which a pattern is taken out; what matches later stays. */
const MAXIMUM_MATCHES = 10;

/** One step of a compiled pattern; targets are places in the program. */
type Step =
  | Exclude<Pattern, { is: "sequence" | "choice" | "repeat" }>
  /** Goes on at both places; the first is preferred. */
  | { readonly is: "split"; first: number; second: number }
  | { readonly is: "jump"; to: number }
  | { readonly is: "match" };

/** A way through the pattern that is still open: where it is, and where in the text it began. */
interface Way {
  readonly step: number;
  readonly start: number;
}

/**
 * A regular expression in .NET syntax whose search takes time proportional to the text, whatever the pattern and whoever wrote the text: all ways through
 * the pattern are followed side by side, each step once per character (Thompson's construction), instead of one after the other. Finds what .NET finds.
 */
export class LinearPattern {
  readonly #program: readonly Step[];
  /** It matches at the beginning of a text or nowhere, like most patterns for noise. */
  readonly #isAnchored: boolean;

  private constructor(program: readonly Step[]) {
    this.#program = program;
    const [first] = program;
    this.#isAnchored = first?.is === "assert" && first.holds === isStart;
  }

  /** The pattern, or what is wrong with it as the end of a sentence that begins with "it". Never throws. */
  static read(text: string): LinearPattern | { readonly problem: string } {
    try {
      const program: Step[] = [];
      append(program, readPattern(text));
      push(program, { is: "match" });
      return new LinearPattern(program);
    } catch (error) {
      if (error instanceof PatternProblem) return { problem: error.message };
      throw error;
    }
  }

  /** The text without the first places at which the pattern matches, at most ten. */
  takenFrom(text: string): string {
    const characters = [...text];
    let kept = "";
    let from = 0;
    for (let matches = 0; matches < MAXIMUM_MATCHES && from <= characters.length; matches++) {
      const found = this.#search(characters, from);
      if (found === null) break;
      kept += characters.slice(from, found.start).join("");
      // A match of nothing takes nothing, and the search goes on behind the next character.
      if (found.end === found.start) kept += characters[found.end] ?? "";
      from = Math.max(found.end, found.end === found.start ? found.end + 1 : found.end);
    }
    return kept + characters.slice(from).join("");
  }

  /** The first match from a place on; of those that begin there the one that .NET prefers. */
  #search(characters: readonly string[], from: number): { readonly start: number; readonly end: number } | null {
    let ways: Way[] = [];
    let best: { readonly start: number; readonly end: number } | null = null;
    const seen = new Int32Array(this.#program.length).fill(-1);
    for (let at = from; at <= characters.length; at++) {
      if (ways.length === 0 && (best !== null || (at > 0 && this.#isAnchored))) break;
      const open: Way[] = [];
      for (const way of ways) this.#follow(way, characters, at, seen, open);
      if (best === null) this.#follow({ step: 0, start: at }, characters, at, seen, open);
      ways = [];
      const character = characters[at];
      for (const { step, start } of open) {
        const one = this.#program[step];
        if (one?.is === "match") {
          best = { start, end: at };
          // The ways behind it are preferred less.
          break;
        }
        if (one?.is === "take" && character !== undefined && one.accepts(character)) ways.push({ step: step + 1, start });
      }
    }
    return best;
  }

  /** Follows a way up to the steps that take a character, or match; in the order of preference, each step once at each place in the text. */
  #follow(way: Way, characters: readonly string[], at: number, seen: Int32Array, open: Way[]): void {
    const waiting = [way.step];
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
      if (seen[step] === at) continue;
      seen[step] = at;
      const one = this.#program[step];
      if (one?.is === "jump") waiting.push(one.to);
      else if (one?.is === "split") waiting.push(one.second, one.first);
      else if (one?.is === "assert") {
        if (one.holds(characters, at)) waiting.push(step + 1);
      } else open.push({ step, start: way.start });
    }
  }
}

function push(program: Step[], step: Step): void {
  if (program.length === MAXIMUM_STEPS) throw new PatternProblem("repeats too much; written out it is too long to search for");
  program.push(step);
}

function append(program: Step[], pattern: Pattern): void {
  switch (pattern.is) {
    case "sequence":
      for (const part of pattern.parts) append(program, part);
      return;
    case "choice":
      appendChoice(program, pattern.choices);
      return;
    case "repeat":
      appendRepeat(program, pattern);
      return;
    default:
      push(program, pattern);
  }
}

function appendChoice(program: Step[], [first, ...others]: readonly Pattern[]): void {
  if (first === undefined) return;
  if (others.length === 0) {
    append(program, first);
    return;
  }
  const split = { is: "split" as const, first: program.length + 1, second: 0 };
  push(program, split);
  append(program, first);
  const jump = { is: "jump" as const, to: 0 };
  push(program, jump);
  split.second = program.length;
  appendChoice(program, others);
  jump.to = program.length;
}

function appendRepeat(program: Step[], { part, least, most, lazy }: Extract<Pattern, { is: "repeat" }>): void {
  for (let times = 0; times < least; times++) appendOnce(program, part);
  if (most === null) {
    const loop = program.length;
    const leave = appendSplit(program, lazy);
    appendOnce(program, part);
    push(program, { is: "jump", to: loop });
    leave(program.length);
    return;
  }
  const leaves: ((to: number) => void)[] = [];
  for (let times = least; times < most; times++) {
    leaves.push(appendSplit(program, lazy));
    appendOnce(program, part);
  }
  for (const leave of leaves) leave(program.length);
}

/** Something that can only match nothing adds no step; repeated a million times it must not take a million turns either. */
function appendOnce(program: Step[], part: Pattern): void {
  const before = program.length;
  append(program, part);
  if (program.length === before) push(program, { is: "jump", to: before + 1 });
}

/** A choice between what follows and a place that is told later. */
function appendSplit(program: Step[], lazy: boolean): (to: number) => void {
  const split = { is: "split" as const, first: program.length + 1, second: program.length + 1 };
  push(program, split);
  return (to) => {
    if (lazy) split.first = to;
    else split.second = to;
  };
}
