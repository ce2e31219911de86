import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultParser } from "@odata/parser";
import fc from "fast-check";
import { z } from "zod";
import { ApiFault } from "./exchange.ts";
import type { Filter, Operand } from "./filter.ts";
import { type Aliases, parseFilter } from "./filter-parser.ts";
import { quoted } from "./literal.ts";

/** A tree in nested lists, as short as can be: `["or", ["eq", "name", "'x'"], …]`. */
type Told = string | Told[];

function told(filter: Filter): Told {
  switch (filter.kind) {
    case "and":
    case "or":
      return [filter.kind, ...filter.parts.map(told)];
    case "not":
      return ["not", told(filter.part)];
    case "compare":
      return [filter.operator, operand(filter.left), operand(filter.right)];
    case "text":
      return [filter.how, filter.path.join("/"), quoted(filter.value)];
    case "truth":
      return operand(filter.of);
    case "any":
    case "all":
      return [filter.kind, filter.path.join("/"), ...(filter.part ? [told(filter.part)] : [])];
    case "condition":
      return [filter.name, filter.path.join("/"), ...filter.values];
  }
}

function operand(one: Operand): string {
  if (one.kind === "path") return one.path.join("/");
  const { literal } = one;
  if (literal.type === "string") return quoted(literal.value);
  if (literal.type === "null") return "null";
  return literal.type === "number" ? literal.text : String(literal.value);
}

const parse = (text: string, aliases?: Aliases) => told(parseFilter(text, aliases));

test("a filter is parsed into its tree", () => {
  const expected: [text: string, told: Told][] = [
    ["revenue gt 100000", ["gt", "revenue", "100000"]],
    ["subject eq 'It''s'", ["eq", "subject", "'It''s'"]],
    ["a eq 1 and b eq 2 or c eq 3", ["or", ["and", ["eq", "a", "1"], ["eq", "b", "2"]], ["eq", "c", "3"]]],
    ["a eq 1 or b eq 2 and c eq 3", ["or", ["eq", "a", "1"], ["and", ["eq", "b", "2"], ["eq", "c", "3"]]]],
    ["not a eq 1 and b", ["and", ["not", ["eq", "a", "1"]], "b"]],
    ["not (a eq 1 and b)", ["not", ["and", ["eq", "a", "1"], "b"]]],
    ["(a) eq (1)".replace("(1)", "1"), ["eq", "a", "1"]],
    ["parentcustomerid_account/name eq 'x'", ["eq", "parentcustomerid_account/name", "'x'"]],
    [
      "primarycontactid/contactid eq a0dbf27c-8efb-e511-80d2-00155db07c77",
      ["eq", "primarycontactid/contactid", "a0dbf27c-8efb-e511-80d2-00155db07c77"],
    ],
    [
      "email_activity_parties/any(p:p/addressused eq 'a' and p/participationtypemask eq 1)",
      ["any", "email_activity_parties", ["and", ["eq", "addressused", "'a'"], ["eq", "participationtypemask", "1"]]],
    ],
    ["email_activity_parties/any()", ["any", "email_activity_parties"]],
    ["not parties/all(p:p/x/y ne null)", ["not", ["all", "parties", ["ne", "x/y", "null"]]]],
    [
      'Microsoft.Dynamics.CRM.Between(PropertyName=\'numberofemployees\',PropertyValues=["5","2000"])',
      ["Between", "numberofemployees", "5", "2000"],
    ],
    ["Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['it''s','b'])", ["In", "name", "it's", "b"]],
    ["Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[])", ["In", "name"]],
    ["Microsoft.Dynamics.CRM.Today(PropertyName='createdon') and a eq null", ["and", ["Today", "createdon"], ["eq", "a", "null"]]],
    ["createdon ge 2017-01-02T03:04:05+02:00", ["ge", "createdon", "2017-01-02T03:04:05+02:00"]],
    ["scheduledstart eq 2017-01-02", ["eq", "scheduledstart", "2017-01-02"]],
  ];
  assert.deepEqual(
    expected.map(([text]) => [text, parse(text)]),
    expected,
  );
});

test("aliases stand for values, lists and properties", () => {
  const aliases = new Map([
    ["@p1", "modifiedon"],
    ["@p2", "12"],
    ["@p3", "'(sample)'"],
    ["@p4", "'modifiedon'"],
    ["@p5", '["a","b"]'],
  ]);
  assert.deepEqual(parse("contains(@p1,@p3)", aliases), ["contains", "modifiedon", "'(sample)'"]);
  assert.deepEqual(parse("@p1 gt @p2", aliases), ["gt", "modifiedon", "12"]);
  assert.deepEqual(parse("Microsoft.Dynamics.CRM.LastXHours(PropertyName=@p4,PropertyValue=@p2)", aliases), [
    "LastXHours",
    "modifiedon",
    "12",
  ]);
  assert.deepEqual(parse("Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p5)", aliases), ["In", "modifiedon", "a", "b"]);
  assert.throws(() => parse("a eq @none", aliases), ApiFault);
  assert.throws(() => parse("a eq @loop", new Map([["@loop", "@loop"]])), ApiFault);
});

test("what is no filter of Dynamics is refused", () => {
  for (const text of [
    "",
    " ",
    "a eq",
    "eq 1",
    "a eq 1 b",
    "a = 1",
    "(a eq 1",
    "a eq 1)",
    "a in ('x')",
    "a eq 'x",
    "a eq ''x'",
    "length(a) eq 1",
    "a add 1 eq 2",
    "contains(a)",
    "contains('x',a)",
    "contains(a,b)",
    "parties/any(p:a eq 1)",
    "parties/any(p:p)",
    "any(p:p/a eq 1)",
    "a eq 2017-02-30",
    "a eq 99:99",
    "Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[{}])",
    "Microsoft.Dynamics.CRM.On(PropertyValue='2017-01-01')",
    "a eq 1;drop",
    'a eq "x"',
    "a eq 1 AND b eq 2",
  ]) {
    assert.throws(
      () => parse(text),
      (error) => error instanceof ApiFault && error.status === 400,
      text,
    );
  }
});

test("the size of a filter is bounded: conditions, depth, values, length", () => {
  const refused = (text: string, code: string) =>
    assert.throws(
      () => parse(text),
      (error) => error instanceof ApiFault && error.code === code,
    );
  const many = (count: number) => Array.from({ length: count }, () => "a eq 1").join(" or ");
  assert.equal(parse(many(500)).length, 501);
  refused(many(501), "0x8004430c");
  refused(`${"(".repeat(51)}a eq 1${")".repeat(51)}`, "0x80060888");
  refused(`${"not ".repeat(51)}a`, "0x80060888");
  refused(
    `Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[${Array.from({ length: 2001 }, (_, at) => at).join(",")}])`,
    "0x8004430e",
  );
  refused(`a eq '${"x".repeat(32_768)}'`, "0x80060888");
});

test("any text is parsed or refused, in time that grows with its length only", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "a",
      " eq ",
      " and ",
      " or ",
      "not ",
      "(",
      ")",
      "'",
      "''",
      "1",
      "null",
      "/any(p:",
      "p/",
      "Microsoft.Dynamics.CRM.In(",
      "PropertyName=",
      "PropertyValues=[",
      "]",
      '"',
      ",",
      "@x",
      "contains(",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        parseFilter(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof ApiFault, String(error));
      }
    }),
    { numRuns: 500 },
  );
  // Shapes that make careless regular expressions go back over all that they have read: these end at once, or never.
  for (const text of [
    "''".repeat(16_000),
    `a eq '${"''".repeat(16_000)}`,
    `Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[${"''".repeat(16_000)}`,
    `Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=[${'""'.repeat(16_000)}`,
    " ".repeat(32_000),
    "-".repeat(32_000),
    "a/".repeat(16_000),
    "a.".repeat(16_000),
  ]) {
    accepts(() => parseFilter(text));
  }
});

/** Filters that OData and Dynamics both know, each part in parentheses: the oracle binds `and` and `or` from the right. */
const NAMES = ["name", "statecode", "_ownerid_value", "parentcustomerid_account/name", "createdon"];
const literals = fc.oneof(
  fc
    .string({ unit: "grapheme-ascii", maxLength: 8 })
    .filter((text) => !/[&#%]/.test(text))
    .map(quoted),
  fc.integer({ min: -100_000, max: 100_000 }).map(String),
  fc.constantFrom("null", "true", "false", "1.5", "a0dbf27c-8efb-e511-80d2-00155db07c77", "2017-01-02T03:04:05Z", "2017-01-02"),
);
const comparison = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom("eq", "ne", "gt", "ge", "lt", "le"), literals)
  .map((parts) => parts.join(" "));
const call = fc
  .tuple(
    fc.constantFrom("contains", "startswith", "endswith"),
    fc.constantFrom("name", "parentcustomerid_account/name"),
    fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
  )
  .filter(([, , text]) => !/[&#%]/.test(text))
  .map(([how, name, text]) => `${how}(${name},${quoted(text)})`);
const { filters } = fc.letrec<{ filters: string }>((tie) => ({
  filters: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    comparison,
    call,
    fc.constantFrom("isdisabled"),
    fc.tuple(tie("filters"), fc.constantFrom("and", "or"), tie("filters")).map(([left, joint, right]) => `(${left}) ${joint} (${right})`),
    tie("filters").map((one) => `not (${one})`),
  ),
}));

const node = z.looseObject({ type: z.string(), raw: z.string(), value: z.unknown() });
const pair = z.object({ left: z.unknown(), right: z.unknown() });
const method = z.object({ method: z.string(), parameters: z.array(z.unknown()).optional() });
const COMPARED: Readonly<Record<string, string>> = {
  Equals: "eq",
  NotEquals: "ne",
  GreaterThan: "gt",
  GreaterOrEquals: "ge",
  LesserThan: "lt",
  LesserOrEquals: "le",
};

/** The oracle's tree in the same words. */
function oracle(found: unknown): Told {
  const { type, value, raw } = node.parse(found);
  const operator = COMPARED[type.replace("Expression", "")];
  if (operator) {
    const { left, right } = pair.parse(value);
    return [operator, oracle(left), oracle(right)];
  }
  if (type === "AndExpression" || type === "OrExpression") {
    const { left, right } = pair.parse(value);
    return [type === "AndExpression" ? "and" : "or", oracle(left), oracle(right)];
  }
  if (type === "NotExpression") return ["not", oracle(value)];
  if (type === "MethodCallExpression") {
    const { method: name, parameters = [] } = method.parse(value);
    return [name, ...parameters.map(oracle)];
  }
  if (type === "Literal" || type === "FirstMemberExpression") return raw;
  return oracle(value);
}

test("filters that Dynamics and OData share are the same to an independent parser", () => {
  fc.assert(
    fc.property(filters, (text) => {
      assert.deepEqual(parse(text), oracle(defaultParser.filter(text)));
    }),
    { numRuns: 400 },
  );
});

/** A tree as OData's grammar has it to the letter, each part in parentheses. */
function written(filter: Filter): string {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.parts.map((part) => `(${written(part)})`).reduceRight((rest, part) => `${part} ${filter.kind} (${rest})`);
    case "not":
      return `not (${written(filter.part)})`;
    case "compare":
      return `${operand(filter.left)} ${filter.operator} ${operand(filter.right)}`;
    case "text":
      return `${filter.how}(${filter.path.join("/")},${quoted(filter.value)})`;
    case "truth":
      return operand(filter.of);
    default:
      throw new Error("Not among those that both know");
  }
}

/** A name that begins like a literal: the other parser reads `false` in `falseand` and then does not know how to go on (OData ABNF: odataIdentifier). */
const MISREAD_BY_THE_OTHER = /\b(?:true|false|null)\w/;

test("whatever is taken for a filter, an independent parser takes too once it is written to the letter", () => {
  const changed = fc
    .tuple(filters, fc.nat(), fc.constantFrom("", " ", "(", ")", "'", " eq ", " and ", "and", ",", "1"))
    .map(([text, at, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + 1);
    });
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(changed, (text) => {
      fc.pre(!MISREAD_BY_THE_OTHER.test(text));
      if (!accepts(() => parseFilter(text))) {
        refused++;
        return;
      }
      taken++;
      assert.ok(
        accepts(() => defaultParser.filter(written(parseFilter(text)))),
        text,
      );
    }),
    { numRuns: 400 },
  );
  assert.ok(taken > 20 && refused > 20);
});

function accepts(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    assert.ok(error instanceof Error);
    return false;
  }
}
