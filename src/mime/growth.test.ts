import assert from "node:assert/strict";
import { test } from "node:test";
import { decompressRtf } from "./compressed-rtf.ts";
import { CONTENT_LIMITS, parseContent } from "./content.ts";
import { readDeliveryReport } from "./delivery-report.ts";
import { decodeWords } from "./encoded-words.ts";
import { parseHead } from "./head.ts";
import { htmlToText } from "./html-text.ts";
import { partsOf } from "./parts.ts";
import { replyText } from "./reply-text.ts";
import { rtfText } from "./rtf-text.ts";
import { attribute, messageProperties, number, tnef, tnefFile } from "./test-data.ts";
import { openTnef } from "./tnef.ts";

/**
 * That time grows with the bytes and not with their square: a message eight times as large may take up to three times as long for each byte. With
 * the square it would be eight times. Processor time of this thread, the best of some tries, so that other programs do not count.
 */
const TIMES = 8;
const TOLERANCE = 3;
const TRIES = 3;
/** Milliseconds; below that a measurement says nothing. */
const MEASURABLE = 4;

const FACTS = { ref: { stream: "s", id: "1" }, folders: ["s"], received: new Date(0), size: 0, flags: [], providerId: null };
const EMPTY = Buffer.alloc(0);
/** A size larger than anything, and the mark of compression. */
const RTF_HEADER = Buffer.from("ffffffffffffff7f4c5a467500000000", "hex").toString("latin1");
const MIXED = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
/** The limits are for memory; that the search itself is linear shows without them. */
const NO_LIMITS = { parts: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY };

type Read = (mime: Buffer) => unknown;
const content: Read = (mime) => parseContent(mime, { ...CONTENT_LIMITS, parts: 100_000 });
const parts: Read = (mime) => partsOf(mime, NO_LIMITS);
const bounded: Read = (mime) => partsOf(mime, CONTENT_LIMITS);
const delivery: Read = (mime) => readDeliveryReport(mime);
const BOUNCE = "From: MAILER-DAEMON@x.test\r\nTo: a@x.test\r\n";
const winmail: Read = (mime) => openTnef(mime);
const rtf: Read = (mime) => rtfText(mime);
const packed: Read = (mime) => decompressRtf(mime);
/** The limit of characters is for memory and time; that the search itself is linear shows below it. */
const reply: Read = (mime) => replyText(mime.toString("latin1"));
const html: Read = (mime) => htmlToText(mime.toString("latin1"));
const words: Read = (mime) => decodeWords(mime.toString("latin1"));
const head: Read = (mime) => parseHead(mime, FACTS);

/** What an attacker repeats, with how it is read and how often in the smaller of the two messages. */
const ATTACKS: readonly (readonly [title: string, read: Read, count: number, build: (count: number) => string])[] = [
  ["empty parts", parts, 12_500, (count) => `${MIXED}${"--b\r\n\r\n".repeat(count)}--b--`],
  ["parts without an end", parts, 12_500, (count) => `${MIXED}${"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(count)}`],
  ["closing delimiters", parts, 50_000, (count) => `${MIXED}${"--b--\r\n".repeat(count)}`],
  ["lines that begin like a boundary", parts, 50_000, (count) => `${MIXED}--b\r\n\r\n${"--bb\r\n--\r\n-\r\n".repeat(count)}`],
  ["one line that begins like a boundary", parts, 4_000_000, (count) => `${MIXED}--b\r\n\r\n--${"b".repeat(count)}\r\n--b--`],
  ["dashes without line ends", parts, 4_000_000, (count) => `${MIXED}--b\r\n\r\n${"-".repeat(count)}`],
  ["openings inside each other, with the limit of depth", bounded, 25_000, opened],
  ["lines like delimiters below the deepest nesting", bounded, 20_000, (count) => `${opened(49)}\r\n${"--b4\r\n--x\r\n".repeat(count)}`],
  [
    "recipients of a report",
    delivery,
    1_000,
    (count) => `${BOUNCE}Content-Type: message/delivery-status\r\n\r\n${"Final-Recipient: a@b.test\r\n\r\n".repeat(count)}`,
  ],
  [
    "addresses in a report in plain words",
    delivery,
    1_000,
    (count) =>
      `${BOUNCE}Subject: failure notice\r\n\r\n${Array.from({ length: count }, (_, index) => `<u${index}@b.test>: 550 5.1.1 x\r\n`).join("")}\r\nFrom: a\r\nTo: b\r\n`,
  ],
  [
    "a line of a report without an address",
    delivery,
    20_000,
    (count) => `${BOUNCE}Subject: failure notice\r\n\r\n550 ${"not error @ x@ ".repeat(count)}\r\n\r\nFrom: a\r\nTo: b\r\n`,
  ],
  ["References", head, 20_000, (count) => `References: ${"<a.b@c.test>\r\n\t".repeat(count)}\r\n\r\n`],
  ["References without brackets", head, 40_000, (count) => `References: ${"a@b ".repeat(count)}\r\n\r\n`],
  ["header fields", head, 30_000, (count) => `${"X-A: b\r\n".repeat(count)}\r\n`],
  ["header lines that are no fields", head, 100_000, (count) => `${"no field\r\n".repeat(count)}\r\n`],
  ["encoded words", head, 1_000, (count) => `Subject: ${"=?utf-8?q?=C3?= =?utf-8?q?=BC?=\r\n ".repeat(count)}\r\n\r\n`],
  ["words of base64 that never end at a group of four", words, 8_000, (count) => `=?utf-8?b?A?=${" =?utf-8?b?AAAA?=".repeat(count)}`],
  ["question marks", head, 10_000, (count) => `Subject: ${"=?a?q?".repeat(count)}\r\n\r\n`],
  ["addresses", head, 800, (count) => `To: ${'"a, b" <c@d.test>, '.repeat(count)}\r\n\r\n`],
  ["parameters", content, 5_000, (count) => `Content-Type: text/plain${";a=b".repeat(count)}\r\n\r\n`],
  ["comments", content, 8_000, (count) => `Content-Type: text/plain${" (a".repeat(count)})\r\n\r\n`],
  ["quotes and backslashes", content, 8_000, (count) => `Content-Type: text/plain; a="${'\\"'.repeat(count)}\r\n\r\n`],
  ["padding inside base64", content, 100_000, (count) => `Content-Transfer-Encoding: base64\r\n\r\n${"QQ==".repeat(count)}`],
  ["soft line breaks", content, 200_000, (count) => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${"= \r\n".repeat(count)}`],
  [
    "blanks before a line end",
    content,
    1_000_000,
    (count) => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${" ".repeat(count)}\r\n`,
  ],
  [
    "empty files in a winmail.dat",
    winmail,
    5_000,
    (count) => tnef(Buffer.concat(Array(count).fill(tnefFile("a", EMPTY)))).toString("latin1"),
  ],
  [
    "empty attributes of a winmail.dat",
    winmail,
    40_000,
    (count) => tnef(Buffer.concat(Array(count).fill(attribute(1, 0, EMPTY)))).toString("latin1"),
  ],
  ["properties", winmail, 5_000, (count) => tnef(messageProperties(...Array(count).fill(number(0x10, 1)))).toString("latin1")],
  [
    "properties with names",
    winmail,
    3_000,
    (count) => tnef(messageProperties(...Array(count).fill({ ...number(0x8010, 1), named: "x" }))).toString("latin1"),
  ],
  ["compressed letters", packed, 100_000, (count) => `${RTF_HEADER}${"\0abcdefgh".repeat(count)}`],
  [
    "references to letters",
    packed,
    100_000,
    (count) => `${RTF_HEADER}${"\xff\0\x0f\0\x0f\0\x0f\0\x0f\0\x0f\0\x0f\0\x0f\0\x0f".repeat(count)}`,
  ],
  ["groups of RTF", rtf, 20_000, (count) => `{\\rtf1\\fromhtml1 ${"{\\*\\htmltag1 <p>".repeat(count)}`],
  ["control words", rtf, 10_000, (count) => `{\\rtf1 ${"\\u8364?\\'e4\\par".repeat(count)}`],
  [
    "fonts that change at each letter",
    rtf,
    10_000,
    (count) => `{\\rtf1{\\fonttbl{\\f0\\fcharset204 a;}{\\f1\\fcharset0 b;}} ${"\\f0 a\\f1 b".repeat(count)}`,
  ],
  ["letters without a control word's end", rtf, 1_000_000, (count) => `{\\rtf1 \\${"a".repeat(count)}`],
  ["lines that begin to say who wrote", reply, 600, (count) => "On 1 a\nwrote\n".repeat(count)],
  ["lines that begin a quoted head", reply, 500, (count) => "From: a\nSent: b\n".repeat(count)],
  ["marked lines, one at a time", reply, 700, (count) => "> a\nb: 1:\n".repeat(count)],
  ["dashes and blanks on a line", reply, 8000, (count) => `--${" ".repeat(count)}x`],
  ["lines of a verb in Dutch, which takes a library the cube of the time", reply, 600, (count) => "Op \nschreef\n".repeat(count)],
  ["flowed lines", content, 40_000, (count) => `Content-Type: text/plain; format=flowed\r\n\r\n${"> a \r\n".repeat(count)}`],
  [
    "markup",
    content,
    20_000,
    (count) => `${MIXED}--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n${"<b><a href=x>".repeat(count)}\r\n--b--`,
  ],
  ["words of HTML on one line", html, 20_000, (count) => `<p>${"a ".repeat(count)}`],
  ["blanks of HTML that do not collapse", html, 20_000, (count) => `<p>${"&nbsp; ".repeat(count)}`],
  ["links on one line", html, 2_000, (count) => '<a href="https://x.test">a</a> '.repeat(count)],
  [
    "words inside links inside each other",
    html,
    10_000,
    (count) => `${'<a href="tel:1">'.repeat(200)}${"a ".repeat(count)}${"</a>".repeat(200)}`,
  ],
];

function opened(count: number): string {
  return Array.from({ length: count }, (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`).join("");
}

for (const [title, read, count, build] of ATTACKS) {
  test(`growth: eight times as many ${title} take about eight times as long`, async () => {
    const [small, large] = [Buffer.from(build(count), "latin1"), Buffer.from(build(count * TIMES), "latin1")];
    await read(Buffer.from(small));
    const once = await processorTime(read, small);
    const often = await processorTime(read, large);
    assert.ok(
      often < TIMES * TOLERANCE * Math.max(once, MEASURABLE),
      `${small.length} bytes took ${once.toFixed(1)} ms, ${large.length} bytes ${often.toFixed(1)} ms`,
    );
  });
}

async function processorTime(read: Read, mime: Buffer): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const before = process.threadCpuUsage();
    await read(mime);
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

test("growth: a hundred thousand empty parts, a megabyte of openings and 600 KB of References are each read within a second", async () => {
  const attacks: readonly (readonly [read: Read, mime: string])[] = [
    [(mime) => parseContent(mime), `${MIXED}${"--b\r\n\r\n".repeat(100_000)}--b--`],
    [(mime) => parseContent(mime), opened(16_000)],
    [head, `From: a@b.test\r\nReferences: ${"<0123456789.abcdef@mail.example.test>\r\n\t".repeat(15_000)}\r\nSubject: after\r\n\r\n`],
  ];
  for (const [read, mime] of attacks) {
    const time = await processorTime(read, Buffer.from(mime));
    assert.ok(time < 1000, `${mime.length} bytes took ${time} ms`);
  }
});
