import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { parseContent } from "./content.ts";
import { parseHead } from "./head.ts";
import { htmlToText } from "./html-text.ts";

/**
 * Milliseconds, twenty times what the slowest of these takes on a slow machine: it is no measurement (bench/ has those), it
 * tells linear time from quadratic, which would take minutes to hours here.
 */
const DEADLINE = 30_000;

const facts = { ref: { stream: "s", id: "1" }, folders: ["s"], received: new Date(0), size: 0, flags: [], providerId: null };
const MIXED = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

const attack = async (build: () => string | Buffer) => {
  const mime = Buffer.from(build());
  const started = performance.now();
  const head = parseHead(mime, facts);
  const content = await parseContent(mime);
  assert.ok(performance.now() - started < DEADLINE);
  return { head, content };
};

test("hostile: a hundred thousand empty parts are cut at the limit", async () => {
  const { content } = await attack(() => `${MIXED}${"--b\r\n".repeat(200_000)}--b--`);
  assert.equal(content.remarks.length, 1);
});

test("hostile: five thousand multiparts inside each other end in one attachment", async () => {
  const { content } = await attack(() =>
    Array.from({ length: 5000 }, (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`).join(""),
  );
  assert.deepEqual([content.attachments.length, content.remarks.length], [1, 1]);
});

test("hostile: millions of lines that look like delimiters are text", async () => {
  const { content } = await attack(() => `${MIXED}--b\r\n\r\n${"--x\n".repeat(5_000_000)}`);
  assert.equal(content.text?.length, 20_000_000);
});

test("hostile: a header of 30 MB, in one line, in short lines and in one folded field, hides no body", async () => {
  const headers = [`X: ${"a".repeat(30_000_000)}\r\n`, "a:\r\n".repeat(7_500_000), `Subject: x${"\r\n y".repeat(7_500_000)}\r\n`];
  for (const header of headers) {
    const { head, content } = await attack(() => `From: a@b.test\r\n${header}\r\nbody`);
    assert.deepEqual([head.from[0]?.address, head.truncated, content.text], ["a@b.test", true, "body"]);
  }
});

test("hostile: parameters, comments and quotes without end in one field", async () => {
  for (const filler of [";\r\n a=b", " (", ' "', '\\"', ";a*0*=%41", "=?x?q?a?= "]) {
    const { content } = await attack(() => `Content-Type: text/plain; x=y${filler.repeat(2_000_000)}\r\n\r\nbody`);
    assert.equal(content.text, "body");
  }
});

test("hostile: address lists of brackets, quotes, groups and encoded words", async () => {
  for (const filler of ["<", '"', "(", "a:", "a@b,", "=?utf-8?q?a?= ", "=?", ",", "()", "@"]) {
    const { head } = await attack(() => `To: ${filler.repeat(100_000)}\r\nSubject: after\r\n\r\n`);
    assert.equal(head.subject, "after");
  }
});

test("hostile: labels of charsets that do not exist, each another", async () => {
  const words = Array.from({ length: 20_000 }, (_, index) => `=?x${index}?q?a?=`).join(" ");
  const { head } = await attack(() => `Subject: ${words}\r\n\r\n`);
  assert.match(head.subject, /^a{998}$/);
});

test("hostile: HTML with a million elements inside each other becomes text", () => {
  const started = performance.now();
  // Within what is read of a body: more than four million characters are not.
  const text = htmlToText(`${"<dl><b><a>".repeat(350_000)}end${"</i>".repeat(100_000)}`);
  assert.ok(performance.now() - started < DEADLINE);
  assert.match(text, /end\n$/);
});

test("hostile: HTML of four million characters on one line, of words and of links, becomes text", () => {
  for (const filler of ["a ", "a&nbsp;", "<i>a</i> ", '<a href="https://x.test">a</a> ', '<img alt="a"> ']) {
    const started = performance.now();
    const text = htmlToText(`<p>first ${filler.repeat(Math.floor(4_000_000 / filler.length))}`);
    assert.ok(performance.now() - started < DEADLINE);
    assert.match(text, /^first a .*\S\n$/);
  }
});

test("hostile: a message of 60 MB with one attachment comes back byte for byte", async () => {
  const body = randomBytes(44_000_000);
  const encoded = body.toString("base64").replace(/.{76}/g, "$&\r\n");
  const { content } = await attack(
    () => `${MIXED}--b\r\n\r\nhi\r\n--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n--b--`,
  );
  assert.ok(content.attachments[0]?.body.equals(body));
});
