import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decompressRtf } from "./compressed-rtf.ts";
import { rtfText } from "./rtf-text.ts";

const plain = (rtf: string) => rtfText(Buffer.from(`{\\rtf1\\ansi ${rtf}}`, "latin1")).text;
const html = (rtf: string) => rtfText(Buffer.from(`{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 ${rtf}}`, "latin1"));

/** The two examples of MS-OXRTFCP 4. */
const COMPRESSED: readonly (readonly [bytes: string, rtf: string])[] = [
  [
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0",
    "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
  ],
  ["1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"],
];
for (const [bytes, rtf] of COMPRESSED) {
  test(`rtf: ${JSON.stringify(rtf)} is decompressed as the specification says`, () => {
    assert.equal(decompressRtf(Buffer.from(bytes, "hex"))?.toString("latin1"), rtf);
  });
}

test("rtf: compressed bytes that break off give what came before, others none", () => {
  const [bytes = "", rtf = ""] = COMPRESSED[0] ?? [];
  for (let length = 16; length < bytes.length / 2; length += 1) {
    const cut = decompressRtf(Buffer.from(bytes, "hex").subarray(0, length))?.toString("latin1");
    assert.ok(cut !== undefined && rtf.startsWith(cut));
  }
  assert.equal(decompressRtf(Buffer.from("2d00", "hex")), null);
  assert.equal(decompressRtf(Buffer.alloc(40)), null);
});

test("rtf: a size that lies takes no memory", () => {
  const liar = Buffer.from(`ffffffffffffffff4c5a467500000000${"00".repeat(9)}`, "hex");
  assert.equal(decompressRtf(liar)?.length, 8);
});

const TEXTS: readonly (readonly [title: string, rtf: string, text: string])[] = [
  ["paragraphs, lines and tabs", "a\\par b\\line c\\tab d", "a\r\nb\r\nc\td"],
  ["escaped braces and backslashes", "\\{a\\}\\\\", "{a}\\"],
  ["line breaks of the file, which are none of the text", "a\r\nb", "ab"],
  [
    "tables of fonts, colours and styles, and what is about the document",
    "{\\fonttbl{\\f0 Arial;}}{\\colortbl;\\red0;}{\\info{\\author Ann}}x",
    "x",
  ],
  ["groups that only some readers know", "{\\*\\generator Word;}x{\\*\\unknown{\\b y}}z", "xz"],
  ["letters of the code page", "\\ansicpg1251\\'cf\\'f0", "Пр"],
  ["letters of two bytes", "\\ansicpg932\\'93\\'fa\\'96\\'7b", "日本"],
  ["letters of a font's own charset", "{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}}\\f1\\'cf{\\f0\\'e9}\\'f0", "Пéр"],
  ["Unicode, with what stands there for others", "\\u8364?\\uc2\\u-3903xy\\uc0\\u55357\\u56832", "€\uf0c1😀"],
  ["Unicode followed by a byte in hexadecimal", "\\u228\\'e4x", "äx"],
  ["dashes, quotes and blanks", "\\lquote a\\rquote\\~\\endash  b\\emdash", "‘a’\u00a0– b—"],
  ["bytes that are no text", "a{\\pict\\bin3 }}}}b\\bin2 {{c", "abc"],
];
for (const [title, rtf, text] of TEXTS) {
  test(`rtf: ${title}`, () => assert.equal(plain(rtf), text));
}

test("rtf: the HTML that it was made of comes out again (MS-OXRTFEX 3)", () => {
  const rtf =
    '\\deff0{\\fonttbl{\\f0\\fswiss\\fcharset0 Arial;}}{\\*\\htmltag19 <html>}{\\*\\htmltag50 <body>}\\htmlrtf \\lang1031 \\htmlrtf0 {\\*\\htmltag64 <p>}\\htmlrtf{\\htmlrtf0 Gr\\\'fc\\\'dfe{\\*\\htmltag84 &nbsp;}\\htmlrtf \\\'a0\\htmlrtf0{\\*\\htmltag244 <o:p>}\\htmlrtf }\\htmlrtf0{\\*\\mhtmltag148 <img src="x">}{\\*\\htmltag148 <img src="cid:x">}{\\*\\htmltag72 </p>}\\par';
  assert.deepEqual(html(rtf), { kind: "html", text: '<html><body><p>Grüße&nbsp;<o:p><img src="cid:x"></p>\r\n' });
});

test("rtf: groups without end or beginning are read on", () => {
  assert.equal(rtfText(Buffer.from("{\\rtf1 a}}}}{{{b")).text, "ab");
  assert.equal(rtfText(Buffer.from(`{\\rtf1 ${"{".repeat(100_000)}a${"}".repeat(100_000)}b}`)).text, "ab");
});

test("rtf: whatever the bytes, it answers with well-formed text not much longer than they are", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "{",
      "}",
      "\\",
      "\\'e4",
      "\\'",
      "\\u8364?",
      "\\u-1",
      "\\uc9",
      "\\*",
      "\\htmltag1 ",
      "\\htmlrtf ",
      "\\htmlrtf0 ",
      "\\par ",
    ),
    fc.constantFrom(
      "\\fonttbl",
      "\\f1 ",
      "\\fcharset128 ",
      "\\ansicpg932 ",
      "\\bin5 ",
      "\\bin-5 ",
      "\\bin9999999999 ",
      "\\ansicpg-1 ",
      "\\fromhtml1 ",
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const rtf = Buffer.from(`{\\rtf1${pieces.join("")}`);
      const { text } = rtfText(rtf);
      assert.ok(text.isWellFormed() && text.length <= rtf.length);
    }),
    { numRuns: 2000 },
  );
});
