import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ADDRESSES_KEPT } from "./addresses.ts";
import { HEADER_FIELDS, HEADER_VALUE_LENGTH, type HeadFacts, originDigest, originOf, parseHead, SUBJECT_LENGTH } from "./head.ts";
import { MESSAGE_ID_LENGTH, REFERENCES_KEPT } from "./message-ids.ts";

const facts: HeadFacts = {
  ref: { stream: "INBOX", id: "1.7" },
  folders: ["INBOX"],
  received: new Date("2024-01-02T03:04:05Z"),
  size: 1234,
  flags: ["\\Seen"],
  providerId: null,
};

const head = (...lines: string[]) => parseHead(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), facts);
const to = (value: string) => head(`To: ${value}`).to.map(({ name, address }) => `${name}|${address}`);

test("head: what a raw message says of its origin is what its head says, whatever the bytes", () => {
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom(...HEADER_FIELDS, "received", "x"), fc.string({ unit: "binary-ascii" }))
      .map(([name, value]) => `${name}: ${value}`),
    fc.string({ unit: "binary-ascii" }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const mime = Buffer.from(`${lines.join("\r\n")}\r\n\r\nSubject: not of the header`);
      const { messageId, from, date, subject } = parseHead(mime, facts);
      assert.deepEqual(originOf(mime), { messageId, from, date, subject });
    }),
  );
});

test("head: one digest of the origin means that it is written in the same way, whatever stands around it", () => {
  const origin = [
    "Message-ID: <one@example.test>",
    "From: ann@example.test,\r\n bob@example.test",
    "Date : Mon, 1 Jan 2024 10:00:00 +0100",
    "subject: Hello",
  ];
  const others = [
    "Received: from: somewhere\r\n Subject: folded",
    "Mime-Version: 1.0",
    "Sender: desk@example.test",
    "X-From: eve@example.test",
    "no field",
  ];
  const block = (lines: readonly string[]) => Buffer.from(`${lines.join("\r\n")}\r\n\r\nFrom: eve@example.test`);
  const digest = originDigest(block(origin));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(origin.length), fc.constantFrom(...others)), { maxLength: 8 }), (added) => {
      const around = [...origin.keys(), origin.length].flatMap((at) => [
        ...added.flatMap(([before, line]) => (before === at ? [line] : [])),
        ...(origin[at] === undefined ? [] : [origin[at]]),
      ]);
      assert.equal(originDigest(block(around)), digest);
      assert.deepEqual(originOf(block(around)), originOf(block(origin)));
    }),
  );
  const contradicting = [
    origin.slice(1),
    [...origin, "From: eve@example.test"],
    origin.with(3, "Subject: Hullo"),
    origin.with(1, "From: ann@example.test"),
  ];
  for (const other of contradicting) assert.notEqual(originDigest(block(other)), digest);
  assert.equal(parseHead(block(origin), facts).originDigest, digest);
});

test("head: reads every field into its place and keeps the facts of the mail system", () => {
  const { originDigest: _, ...read } = head(
    "Return-Path: <bounce@example.test>",
    "From: =?utf-8?Q?J=C3=B6rg?= Lee <joerg@example.test>",
    "Sender: desk@example.test",
    "Reply-To: answers@example.test",
    "To: ann@example.test,",
    " bob@example.test",
    "Cc: cy@example.test",
    "Bcc: dot@example.test",
    "Subject: =?utf-8?B?R3LDvMOfZQ==?=",
    " from far away",
    "Date: Mon, 1 Jan 2024 10:00:00 +0100",
    "Message-ID:",
    " <one@example.test>",
    "In-Reply-To: <zero@example.test>",
    "References: <first@example.test>",
    "\t<zero@example.test>",
    "Thread-Index: AdQx",
    " 1234",
    "Thread-Topic: =?utf-8?Q?=C3=9C?=",
    "Auto-Submitted: auto-replied",
    "X-Spam: yes",
  );
  assert.deepEqual(read, {
    ...facts,
    messageId: "one@example.test",
    inReplyTo: ["zero@example.test"],
    references: ["first@example.test", "zero@example.test"],
    subject: "Grüße from far away",
    from: [{ name: "Jörg Lee", address: "joerg@example.test" }],
    sender: { name: "", address: "desk@example.test" },
    replyTo: [{ name: "", address: "answers@example.test" }],
    to: [
      { name: "", address: "ann@example.test" },
      { name: "", address: "bob@example.test" },
    ],
    cc: [{ name: "", address: "cy@example.test" }],
    bcc: [{ name: "", address: "dot@example.test" }],
    date: new Date("2024-01-01T09:00:00Z"),
    conversationIndex: "AdQx1234",
    headers: [
      ["return-path", "<bounce@example.test>"],
      ["thread-topic", "Ü"],
      ["auto-submitted", "auto-replied"],
    ],
    truncated: false,
  });
});

test("head: an empty block and one of rubbish are heads without anything in them", () => {
  for (const block of ["", "\r\n", "\0\0\0", "no colon here\r\n", ": no name\r\n", "From ann@example.test Mon Jan 1 10:00:00 2024\n"]) {
    const read = parseHead(Buffer.from(block), facts);
    assert.deepEqual([read.messageId, read.subject, read.from, read.date, read.headers, read.truncated], [null, "", [], null, [], false]);
  }
});

test("head: a header with bare line feeds, blanks before the colon and an mbox line is read, and the body is not", () => {
  const read = parseHead(Buffer.from("From ann@example.test Mon Jan 1 10:00:00 2024\nSubject : one\nTO:a@b.test\n\nSubject: two\n"), facts);
  assert.deepEqual([read.subject, read.to[0]?.address], ["one", "a@b.test"]);
});

test("head: of fields that may stand once the first counts, lists are joined", () => {
  const read = head("Subject: one", "Subject: two", "To: a@b.test", "To: c@d.test", "From: x@y.test", "From: evil@y.test");
  assert.deepEqual([read.subject, read.to.length, read.from.map((from) => from.address)], ["one", 2, ["x@y.test", "evil@y.test"]]);
});

test("head: raw eight-bit text is UTF-8 where valid, else windows-1252", () => {
  assert.equal(parseHead(Buffer.from("Subject: Grüße\n", "utf8"), facts).subject, "Grüße");
  assert.equal(parseHead(Buffer.from("Subject: Gr\u00fc\u00dfe\n", "latin1"), facts).subject, "Grüße");
});

test("head: no line break gets into a subject, a name or a header value, not even an encoded one", () => {
  const read = head(
    "Subject: =?utf-8?Q?one=0D=0ABcc:_x@y.test?=",
    "From: =?utf-8?Q?a=0D=0Ab?= <a@b.test>",
    "Thread-Topic: =?utf-8?Q?a=0Ab?=",
  );
  assert.deepEqual([read.subject, read.from[0]?.name, read.headers[0]?.[1]], ["one Bcc: x@y.test", "a b", "a b"]);
});

const ADDRESS_TABLE: readonly (readonly [title: string, raw: string, ...expected: string[]])[] = [
  ["a quoted comma", '"Lee, Ann" <ann@x.test>, bob@x.test', "Lee, Ann|ann@x.test", "|bob@x.test"],
  ["a comma that an encoded word hides", "=?utf-8?Q?Lee=2C_Ann?= <ann@x.test>", "Lee, Ann|ann@x.test"],
  ["an address that an encoded word hides is text", "=?utf-8?Q?=3Cevil@x.test=3E?= <ann@x.test>", "<evil@x.test>|ann@x.test"],
  ["an address inside quotes is text", '"boss@x.test" <evil@y.test>', "boss@x.test|evil@y.test"],
  ["groups are flattened", "Team: a@x.test, B <b@x.test>;, c@x.test", "|a@x.test", "B|b@x.test", "|c@x.test"],
  ["an empty group is nobody", "undisclosed-recipients:;"],
  ["a comment is a name where there is none", "ann@x.test (Ann (the) Lee)", "Ann (the) Lee|ann@x.test"],
  ["a route is left out", "<@a.test,@b.test:ann@c.test>", "|ann@c.test"],
  ["blanks around the parts of an address", "ann @ x . test", "|ann@x.test"],
  ["semicolons between addresses", "a@x.test; b@x.test", "|a@x.test", "|b@x.test"],
  ["an encoded word inside quotes", '"=?utf-8?Q?J=C3=B6rg?=" <j@x.test>', "Jörg|j@x.test"],
  ["a bracket that never closes", "Ann <ann@x.test", "Ann|ann@x.test"],
  ["names without an address are nobody", "Ann, Bob"],
  ["SMTPUTF8 addresses", "Jörg <jörg@exämple.test>", "Jörg|jörg@exämple.test"],
];
for (const [title, raw, ...expected] of ADDRESS_TABLE) test(`head: addresses: ${title}`, () => assert.deepEqual(to(raw), expected));

const ID_TABLE: readonly (readonly [title: string, raw: string, id: string | null])[] = [
  ["in brackets", "<a@b.test>", "a@b.test"],
  ["without brackets", "a@b.test", "a@b.test"],
  ["with blanks and folds inside", "<a\r\n\tb c@d.test>", "abc@d.test"],
  ["with a comment behind it", "<a@b.test> (by fax)", "a@b.test"],
  ["in double brackets", "<<a@b.test>>", "a@b.test"],
  ["without an at sign", "<1234>", "1234"],
  ["an open bracket", "<a@b.test", "a@b.test"],
  ["empty brackets", "<>", null],
  ["too long for a line", `<${"a".repeat(MESSAGE_ID_LENGTH + 1)}>`, null],
];
for (const [title, raw, id] of ID_TABLE) test(`head: Message-ID ${title}`, () => assert.equal(head(`Message-ID: ${raw}`).messageId, id));

test("head: In-Reply-To may hold phrases around its ids, References doubles", () => {
  assert.deepEqual(head("In-Reply-To: Your message of Monday. <a@b.test> <c@d.test>").inReplyTo, ["a@b.test", "c@d.test"]);
  assert.deepEqual(head("References: <a@b.test><c@d.test> <a@b.test>").references, ["a@b.test", "c@d.test"]);
});

test("head: a long chain of references keeps its beginning and its end, and says that it was cut", () => {
  const ids = Array.from({ length: 500 }, (_, index) => `<id${index}@x.test>`);
  const read = head(`References: ${ids.join("\r\n ")}`);
  assert.deepEqual(
    [read.references.length, read.references[0], read.references.at(-1)],
    [REFERENCES_KEPT + 1, "id0@x.test", "id499@x.test"],
  );
  assert.equal(read.truncated, true);
});

test("head: ten thousand recipients pass, cut to the limit, and push out nothing that stands behind them", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `Person Number ${index} <person${index}@example.test>`);
  for (const separator of [",\r\n ", ", "]) {
    const read = head(`To: ${many.join(separator)}`, "Subject: party", "Message-ID: <m@x.test>");
    assert.deepEqual([read.subject, read.messageId, read.truncated], ["party", "m@x.test", true]);
    assert.ok(read.to.length > ADDRESSES_KEPT / 2 && read.to.length <= ADDRESSES_KEPT);
    assert.ok(
      read.to.every((one, index) => one.address === `person${index}@example.test`),
      "no address is cut in two",
    );
  }
});

test("head: too long subjects, values and conversation indexes are cut or refused, and characters stay whole", () => {
  const read = head(`Subject: ${"😀".repeat(2000)}`, `List-Id: ${"x".repeat(9000)}`, `Thread-Index: ${"A".repeat(5000)}`);
  assert.equal(read.subject, "😀".repeat(SUBJECT_LENGTH / 2));
  assert.deepEqual([read.headers[0]?.[1].length, read.conversationIndex, read.truncated], [HEADER_VALUE_LENGTH, null, true]);
});

test("head: whatever the bytes, it does not throw, and every value is one line", () => {
  const names = fc.constantFrom(...HEADER_FIELDS);
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[<>@(),:;"\\=?QB \t\r\nab.]*$/));
  fc.assert(
    fc.property(fc.array(fc.tuple(names, value)), fc.uint8Array(), (fields, tail) => {
      const text = fields.map(([name, content]) => `${name}: ${content}\r\n`).join("");
      const read = parseHead(Buffer.concat([Buffer.from(text), tail]), facts);
      const lines = [read.subject, read.messageId ?? "", ...read.references, ...read.headers.map(([, content]) => content)];
      for (const list of [read.from, read.replyTo, read.to, read.cc, read.bcc])
        lines.push(...list.flatMap((one) => [one.name, one.address]));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
      for (const line of lines) assert.doesNotMatch(line, /[\x00-\x08\x0a-\x1f\x7f]/);
    }),
    { numRuns: 500 },
  );
});
