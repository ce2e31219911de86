import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parameterText, parseStructured } from "./parameters.ts";

const TABLE: readonly (readonly [title: string, raw: string, filename: string | null])[] = [
  ["a token", "attachment; filename=a.pdf", "a.pdf"],
  ["a quoted string with a semicolon and a quote", 'attachment; filename="a;\\"b\\".pdf"', 'a;"b".pdf'],
  ["a path with backslashes that escape nothing", 'attachment; filename="C:\\Users\\a.txt"', "C:\\Users\\a.txt"],
  ["blanks in a value without quotes", "attachment; filename=my file.pdf ; size=3", "my file.pdf"],
  ["a comment", "attachment (really); filename=a.pdf (final)", "a.pdf"],
  ["parentheses inside a word", "attachment; filename=Invoice(1).pdf", "Invoice(1).pdf"],
  ["RFC 2231 with a charset", "attachment; filename*=iso-8859-1'de'Gr%FC%DFe.pdf", "Grüße.pdf"],
  ["RFC 2231 without a charset", "attachment; filename*=Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"],
  ["RFC 2231 in sections, a character cut in two", "a; filename*0*=utf-8''Gr%C3; filename*1*=%BC; filename*2=\"n 1.pdf\"", "Grün 1.pdf"],
  ["RFC 2231 in sections without a charset", 'a; filename*1="b.pdf"; filename*0="a%20"', "a%20b.pdf"],
  ["RFC 2231 wins over the plain form", "a; filename=fallback.pdf; filename*=utf-8''%C3%BC.pdf", "ü.pdf"],
  ["an encoded word where RFC 2047 forbids it", 'a; filename="=?utf-8?Q?=C3=BC.pdf?="', "ü.pdf"],
  ["raw bytes", Buffer.from("a; filename=ü.pdf").toString("latin1"), "ü.pdf"],
  ["the first of two", "a; filename=one; filename=two", "one"],
  ["names of JavaScript's own", "a; __proto__=x; constructor=y; filename=b", "b"],
  ["none", "attachment; flag; =x", null],
];

for (const [title, raw, filename] of TABLE) {
  test(`parameter: ${title}`, () => assert.equal(parameterText(parseStructured(raw), "filename"), filename));
}

test("parameter: whatever the text, it does not throw", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a;="'*%\\() 0-9F]*$/), (text) => {
      const read = parseStructured(`x; ${text}`);
      for (const name of read.parameters.keys()) assert.equal(typeof (parameterText(read, name) ?? ""), "string");
    }),
  );
});
