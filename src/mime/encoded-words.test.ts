import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import iconv from "iconv-lite";
import { decodeWords } from "./encoded-words.ts";

const word = (charset: string, text: string): string => `=?${charset}?B?${iconv.encode(text, charset).toString("base64")}?=`;

const TABLE: readonly (readonly [title: string, raw: string, text: string])[] = [
  ["text without words stays as it is", "Offer for Q3 = 5?", "Offer for Q3 = 5?"],
  ["a Q word, with underscores as blanks", "=?iso-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=", "Grüße aus Köln"],
  ["a B word", "=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"],
  ["blanks between words go", "=?utf-8?q?a?= \t =?utf-8?q?b?=", "ab"],
  ["blanks between a word and text stay", "Re: =?utf-8?q?a?= b", "Re: a b"],
  ["words of different charsets stand together", `${word("windows-1251", "Привет")} =?utf-8?q?_you?=`, "Привет you"],
  ["a character cut in two between Q words", "=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"],
  ["a character cut in two between B words", "=?utf-8?B?w7zD?= =?utf-8?B?vA==?=", "üü"],
  ["a base64 group cut in two", "=?utf-8?B?R3LDv?= =?utf-8?B?MOfZQ==?=", "Grüße"],
  ["the language tag of RFC 2231", "=?utf-8*de?Q?Gr=C3=BCn?=", "Grün"],
  ["ISO-2022-JP, which iconv-lite does not have", "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本"],
  [
    "two words of ISO-2022-JP, each with its own escape sequences",
    "=?ISO-2022-JP?B?GyRCRnwbKEI=?=\r\n =?ISO-2022-JP?B?GyRCS1wbKEI=?=",
    "日本",
  ],
  ["EUC-JP under the name of ISO-2022-JP", `=?iso-2022-jp?B?${iconv.encode("日本語", "euc-jp").toString("base64")}?=`, "日本語"],
  ["UTF-7, which TextDecoder does not have", "=?utf-7?Q?Hi_Mom_+Jjo-!?=", "Hi Mom ☺!"],
  ["code page 850, which TextDecoder does not have", word("cp850", "äöü"), "äöü"],
  ["GB2312, KOI8-R and Shift_JIS", `${word("gb2312", "中文")}${word("koi8-r", "мир")}${word("shift_jis", "カナ")}`, "中文мирカナ"],
  ["an unknown charset is read as UTF-8 where it is valid", "=?x-nobody?Q?=C3=BC?=", "ü"],
  ["an unknown charset is read as windows-1252 otherwise", "=?x-nobody?Q?=FC?=", "ü"],
  ["UTF-8 under the name of ASCII", "=?us-ascii?Q?=C3=BC?=", "ü"],
  ["a word without its end stays", "=?utf-8?Q?abc", "=?utf-8?Q?abc"],
  ["an unknown encoding stays", "=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
  ["a broken escape stays", "=?utf-8?Q?50=_off_=zz?=", "50= off =zz"],
];

for (const [title, raw, text] of TABLE) test(`encoded words: ${title}`, () => assert.equal(decodeWords(raw), text));

test("encoded words: any text in UTF-8 comes back, however it is cut into words", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, size) => {
      const clean = text.replaceAll("\0", "").toWellFormed();
      const bytes = Buffer.from(clean, "utf8");
      const words: string[] = [];
      for (let at = 0; at < bytes.length; at += size) words.push(`=?utf-8?B?${bytes.subarray(at, at + size).toString("base64")}?=`);
      // A byte order mark at the beginning is no text.
      assert.equal(decodeWords(words.join("\r\n ")), clean.replace(/^\ufeff/, ""));
    }),
  );
});
