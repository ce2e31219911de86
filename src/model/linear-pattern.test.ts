import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LinearPattern } from "./linear-pattern.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

function read(text: string): LinearPattern {
  const pattern = LinearPattern.read(text);
  assert.ok(pattern instanceof LinearPattern, `${text} is refused`);
  return pattern;
}

describe("LinearPattern takes out", () => {
  const noise = DEFAULT_SETTINGS.hashfilterkeywords;
  const rows: [what: string, pattern: string, text: string, kept: string][] = [
    ["the marks of answers and forwards, by Dynamics' pattern", noise, "RE: FW: Offer for the mill", "Offer for the mill"],
    ["marks in other languages, and with spaces", noise, "  AW : 回复: Ответ: Angebot", "Angebot"],
    ["only what stands at the beginning, by an anchor", noise, "Offer Re: mill", "Offer Re: mill"],
    ["every place without an anchor", "x", "axbxc", "abc"],
    ["no more than ten places", "x", "x".repeat(12), "xx"],
    ["the longest by a greedy repetition", "a+", "baaab", "bb"],
    ["the shortest by a lazy one", "<.*?>", "<a>b<c>", "b"],
    ["the first choice that fits, not the longest", "(a|ab)(c|bcd)?", "abcd", ""],
    ["a number of repetitions", "[0-9]{2,3}", "1 22 333 4444", "1   4"],
    ["what ignores case where the pattern says so", "(?i)re:|FW:", "Re: fw: x", "  x"],
    ["nothing in the wrong case where it does not", "re:", "Re: x", "Re: x"],
    ["words of all alphabets", String.raw`\b\w+\b`, "Größe, مرحبا", ", "],
    ["what is no word, number or space", String.raw`[^\w\s]`, "a-b, c!", "ab c"],
    ["what complements say", String.raw`[\D]+`, "ab12", "12"],
    ["a category", String.raw`\p{Lu}`, "AbC", "b"],
    ["characters by their numbers", String.raw`\x41\u0042`, "xABx", "xx"],
    ["a bracket and a hyphen in a set", "[]a-]+", "x]a-x", "xx"],
    ["groups with names, and without", "(?<mark>a)(?:b)('c')", "ab'c'd", "d"],
    ["the end of the text", String.raw`\s*\(.*\)$`, "Offer (draft)", "Offer"],
    ["nothing where it matches nothing", "x*", "ab", "ab"],
    ["characters beyond the basic plane whole", ".", "🦆", ""],
  ];
  for (const [what, pattern, text, kept] of rows) it(what, () => assert.equal(read(pattern).takenFrom(text), kept));
});

describe("LinearPattern refuses, and says what", () => {
  const rows: [pattern: string, problem: RegExp][] = [
    ["(?=a)", /^holds "\(\?=a", which may run without bound$/],
    ["(?<!a)b", /^holds "\(\?<!"/],
    ["(?>a+)b", /^holds "\(\?>a"/],
    ["(?(1)a|b)", /^holds "\(\?\(1"/],
    [String.raw`(a)\1`, /^holds "\\1", which is not supported$/],
    [String.raw`(?<n>a)\k<n>`, /^holds "\\k"/],
    ["[a-z-[aeiou]]", /^takes one set from another/],
    ["[z-a]", /^holds a set of characters that means nothing$/],
    [String.raw`\p{Nonsense}`, /^cannot be read at "\\p\{Non"$/],
    ["(a", /^opens a group that it does not close$/],
    ["a)", /^closes a group that was not opened$/],
    ["[a", /^ends too early$/],
    ["a\\", /^ends too early$/],
    ["*a", /^holds "\*" where there is nothing to repeat$/],
    ["a**", /^repeats a repetition$/],
    ["a{3,2}", /^holds \{3,2\}, where the limits stand in the wrong order$/],
    ["((a{50}){50}){50}", /^repeats too much/],
    ["(){999999}", /^repeats too much/],
    ["a".repeat(501), /^is longer than 500 characters$/],
  ];
  for (const [pattern, problem] of rows) {
    it(pattern.slice(0, 30), () => {
      const answer = LinearPattern.read(pattern);
      assert.ok("problem" in answer);
      assert.match(answer.problem, problem);
    });
  }
});

/** Microseconds; below that a measurement says nothing. Of a search that goes back even the shorter text takes seconds. */
const MEASURABLE = 4_000;

/** Patterns that mean the same in JavaScript. Repetitions of what can be nothing are left out: there the two languages differ. */
const pattern = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("a", "b", "[ab]", "[^a]", ".", String.raw`\s`, "^", "$", String.raw`\b`),
    fc.tuple(tie("pattern"), tie("pattern")).map((two) => two.join("")),
    fc.tuple(tie("pattern"), tie("pattern")).map((two) => `(?:${two.join("|")})`),
    fc
      .tuple(fc.constantFrom("a", "b", "[ab]", "(?:ab|a)", "(?:a+b?)"), fc.constantFrom("*", "+", "?", "{1,3}", "*?", "+?", "??", "{2}"))
      .map((two) => two.join("")),
    tie("pattern").map((one) => `(${one})`),
  ),
})).pattern;

describe("LinearPattern, for any pattern and text", () => {
  it("takes out what a search that goes back takes out", () => {
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom("a", "b", " ", "c"), maxLength: 9 }), (source, text) => {
        const compiled = LinearPattern.read(source);
        fc.pre(!("problem" in compiled));
        assert.equal(compiled.takenFrom(text), text.replace(new RegExp(source, "gu"), ""));
      }),
      { numRuns: 3_000 },
    );
  });

  it("is total: no pattern makes it throw, neither read nor used", () => {
    const source = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.string({ unit: fc.constantFrom(..."ab()[]{}|*+?^$\\.,-:<>wds1"), maxLength: 30 }),
    );
    fc.assert(
      fc.property(source, fc.string({ unit: "binary", maxLength: 50 }), (text, subject) => {
        const compiled = LinearPattern.read(text);
        if ("problem" in compiled) assert.match(compiled.problem, /^[a-z]/);
        else assert.ok(compiled.takenFrom(subject).length <= subject.length);
      }),
      { numRuns: 2_000 },
    );
  });

  // Those that go back need the square of the time, the cube, or all the time in the world.
  for (const source of ["(a+)+$", "(a|a)*b", "(a*)*c", ".*.*.*=.*", "(.*)(.*)(.*)x$", String.raw`(\s*\w*\s*)*:`]) {
    it(`takes eight times the time for eight times the text: ${source}`, () => {
      const compiled = read(source);
      const cost = (length: number) => {
        const text = "a".repeat(length);
        const tries = Array.from({ length: 3 }, () => {
          const before = process.threadCpuUsage();
          compiled.takenFrom(text);
          const { user, system } = process.threadCpuUsage(before);
          return user + system;
        });
        return Math.min(...tries);
      };
      cost(2_000);
      const [short, long] = [cost(10_000), cost(80_000)];
      assert.ok(long < 8 * 3 * Math.max(short, MEASURABLE), `${short} µs, and ${long} µs for eight times the text`);
    });
  }
});
