import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attachedMessages, forwardTrace, ORIGINALS_KEPT } from "./forward.ts";

const ORIGINAL =
  "From: Bob <bob@customer.example>\r\nTo: ann@crm.example\r\nSubject: Mill\r\nMessage-ID: <m1@customer.example>\r\n\r\nHello \xe9=\r\n";

const lines = (...list: readonly string[]): string => list.join("\r\n");

/** A forward with parts that stand there as given: header lines, an empty line, the body. */
function forward(...parts: readonly string[]): Buffer {
  return Buffer.from(
    lines(
      "Return-Path: <ann@crm.example>",
      "Received: from mail.crm.example (mail.crm.example [10.0.0.5])",
      "\tby sink.crm.example with ESMTP; Mon, 10 Mar 2025 09:00:00 +0000",
      "Received: from desk by mail.crm.example",
      "From: Ann <ann@crm.example>",
      "To: sink@crm.example",
      'Content-Type: multipart/mixed; boundary="outer"',
      "",
      ...parts.flatMap((part) => ["--outer", part]),
      "--outer--",
      "",
    ),
    "latin1",
  );
}

const text = lines("Content-Type: text/plain", "", "see attached");
const attached = (original: string): string => lines("Content-Type: message/rfc822", "", original);
const originalsOf = (mime: Buffer): string[] => attachedMessages(mime).originals.map((one) => one.toString("latin1"));

test("An attached original is handed out byte for byte, without the line break that belongs to the delimiter", () => {
  assert.deepEqual(originalsOf(forward(text, attached(ORIGINAL))), [ORIGINAL]);
});

test("Each of several attached originals is a message of its own, in order", () => {
  const second = ORIGINAL.replace("m1@", "m2@");
  assert.deepEqual(originalsOf(forward(attached(ORIGINAL), text, attached(second))), [ORIGINAL, second]);
});

test("An original is opened whatever its encoding and whatever a mail program calls it", () => {
  const base64 = Buffer.from(ORIGINAL, "latin1").toString("base64").replace(/.{76}/g, "$&\r\n");
  const quoted = ORIGINAL.replaceAll("=", "=3D").replace("\xe9", "=E9");
  const parts = [
    lines("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", base64),
    lines("Content-Type: message/rfc822; name=mill", "Content-Transfer-Encoding: quoted-printable", "", quoted),
    lines('Content-Type: application/octet-stream; name="Mill.EML"', "Content-Transfer-Encoding: base64", "", base64),
    lines("Content-Type: application/octet-stream", 'Content-Disposition: attachment; filename="mill.eml"', "", ORIGINAL),
    lines("Content-Type: message/global", "", ORIGINAL),
  ];
  for (const part of parts) assert.deepEqual(originalsOf(forward(text, part)), [ORIGINAL], part.slice(0, 80));
});

test("What an original holds in turn is its own: it is not opened", () => {
  const inner = lines(
    "From: ann@crm.example",
    'Content-Type: multipart/mixed; boundary="inner"',
    "",
    "--inner",
    attached(ORIGINAL),
    "--inner--",
    "",
  );
  assert.deepEqual(originalsOf(forward(attached(inner))), [inner]);
});

test("An attachment that is no message is no original", () => {
  const others = [
    lines("Content-Type: message/rfc822", "", "just words, and no header"),
    lines("Content-Type: application/octet-stream; name=mill.pdf", "", ORIGINAL),
    lines("Content-Type: application/pdf; name=mill.eml", "", ORIGINAL),
    lines("Content-Type: message/delivery-status", "", ORIGINAL),
  ];
  for (const other of others) assert.deepEqual(originalsOf(forward(text, other)), [], other.slice(0, 60));
});

test("More originals than are kept are told of and not passed over in silence", () => {
  const many = Array.from({ length: ORIGINALS_KEPT + 1 }, () => attached(ORIGINAL));
  const { originals, isCut } = attachedMessages(forward(...many));
  assert.equal(originals.length, ORIGINALS_KEPT);
  assert.equal(isCut, true);
  assert.equal(attachedMessages(forward(attached(ORIGINAL))).isCut, false);
  assert.equal(attachedMessages(forward(...Array.from({ length: 1_100 }, () => text), attached(ORIGINAL))).isCut, true);
});

test("The trace holds the fields of transport in their order, each on one line, and the forward's author", () => {
  const trace = forwardTrace(forward(attached(ORIGINAL)));
  assert.deepEqual([trace.from, trace.to], [["ann@crm.example"], ["sink@crm.example"]]);
  assert.deepEqual(trace.fields, [
    ["return-path", "<ann@crm.example>"],
    ["received", "from mail.crm.example (mail.crm.example [10.0.0.5]) by sink.crm.example with ESMTP; Mon, 10 Mar 2025 09:00:00 +0000"],
    ["received", "from desk by mail.crm.example"],
  ]);
});

test("A field of transport too long to be read whole is there, and says nothing", () => {
  const long = (end: string) => `Received: from [10.0.0.5] (${"x".repeat(3_000)}) ${end}\r\nReceived: from second\r\nFrom: a@b\r\n\r\n`;
  for (const value of ["[203.0.113.9]", "\r\n [203.0.113.9]"])
    assert.deepEqual(forwardTrace(Buffer.from(long(value))).fields, [
      ["received", ""],
      ["received", "from second"],
    ]);
});

test("Every author counts, and there is none where the header is too long to tell", () => {
  const from = (...header: readonly string[]) => forwardTrace(Buffer.from(lines(...header, "", "body"))).from;
  assert.deepEqual(from("From: ann@crm.example", "from: eve@evil.example"), ["ann@crm.example", "eve@evil.example"]);
  assert.deepEqual(from("From: ann@crm.example", "FROM : eve@evil.example"), ["ann@crm.example", "eve@evil.example"]);
  assert.deepEqual(from("From:", " ann@crm.example,", "\teve@evil.example"), ["ann@crm.example", "eve@evil.example"]);
  const filled = `X-Filler: ${"x".repeat(100_000)}`;
  assert.deepEqual(from("From: ann@crm.example", filled, "From: eve@evil.example"), []);
  assert.deepEqual(from("From: ann@crm.example", ...Array<string>(20_000).fill("X: y"), "From: eve@evil.example"), []);
  assert.deepEqual(from(`From: ann@crm.example, ${"eve@evil.example, ".repeat(1_000)}`), []);
  assert.deepEqual(from("From: ann@crm.example", "", filled), ["ann@crm.example"]);
});

test("A message is addressed to whom its one To field names: what somebody adds to a message that another signed does not count", () => {
  const to = (...header: readonly string[]) => forwardTrace(Buffer.from(lines(...header, "From: ann@crm.example", "", "body"))).to;
  assert.deepEqual(to("To: sink@crm.example, ben@crm.example"), ["sink@crm.example", "ben@crm.example"]);
  assert.deepEqual(to("Cc: sink@crm.example", "To: eve@evil.example"), ["eve@evil.example"]);
  assert.deepEqual(to("To: sink@crm.example", "To: eve@evil.example"), []);
  assert.deepEqual(to("To: sink@crm.example", "to : eve@evil.example"), []);
  assert.deepEqual(to("Cc: sink@crm.example"), []);
});

test("No bytes whatever make it throw", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "--outer\r\n",
      "Content-Type: message/rfc822\r\n",
      "\r\n",
      "Content-Transfer-Encoding: base64\r\n",
      "From: a@b\r\n",
      ORIGINAL,
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const head = "Content-Type: multipart/mixed; boundary=outer\r\n\r\n";
      const mime = Buffer.from(head + pieces.join(""), "latin1");
      forwardTrace(mime);
      for (const original of attachedMessages(mime).originals) assert.ok(original.length <= mime.length);
    }),
  );
});
