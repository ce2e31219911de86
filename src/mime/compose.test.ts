import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { Failure } from "../model/failure.ts";
import type { Attachment } from "../model/message.ts";
import { compose, type OutgoingMessage } from "./compose.ts";
import { parseContent } from "./content.ts";
import { parseHead } from "./head.ts";
import { SENDABLE_SUBJECT_LENGTH } from "./sendable.ts";

const facts = { ref: { stream: "s", id: "1" }, folders: ["s"], received: new Date(0), size: 0, flags: [], providerId: null };
const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const attachment = (parts: Partial<Attachment>): Attachment => ({
  filename: "a.pdf",
  mimetype: "application/pdf",
  contentId: null,
  inline: false,
  body: Buffer.from("%PDF"),
  ...parts,
});

const message = (parts: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  emailId: "3f0c",
  messageId: "3f0c.1@example.test",
  date: new Date("2024-01-02T03:04:05Z"),
  from: { name: "Ann Lee", address: "ann@example.test" },
  to: [{ name: "", address: "bob@example.test" }],
  cc: [],
  bcc: [],
  subject: "Offer",
  inReplyTo: null,
  references: [],
  html: null,
  text: "hi",
  attachments: [],
  importance: 1,
  readReceiptRequested: false,
  ...parts,
});

const written = async (parts: Partial<OutgoingMessage>): Promise<string> => (await compose(message(parts))).mime.toString("utf8");

test("compose: the same message gives the same bytes, another Message-ID other boundaries", async () => {
  const rich = { html: '<p>hi</p><img src="cid:p">', attachments: [attachment({}), attachment({ contentId: "p", mimetype: "image/png" })] };
  const first = await compose(message(rich));
  assert.ok(first.mime.equals((await compose(message(rich))).mime));
  const boundaries = (mime: Buffer): string[] => mime.toString("latin1").match(/boundary="[^"]+"/g) ?? [];
  const other = await compose(message({ ...rich, messageId: "other@example.test" }));
  assert.equal(boundaries(first.mime).length, 3);
  assert.equal(boundaries(other.mime).filter((boundary) => boundaries(first.mime).includes(boundary)).length, 0);
});

test("compose: addresses, ids, date, importance and receipt stand in the header, blind copies do not", async () => {
  const text = await written({
    cc: [{ name: "Cy", address: "cy@example.test" }],
    bcc: [{ name: "Secret", address: "secret@example.test" }],
    inReplyTo: "zero@example.test",
    references: ["first@example.test", "zero@example.test"],
    importance: 2,
    readReceiptRequested: true,
  });
  for (const line of [
    "From: Ann Lee <ann@example.test>",
    "To: bob@example.test",
    "Cc: Cy <cy@example.test>",
    "Message-ID: <3f0c.1@example.test>",
    "In-Reply-To: <zero@example.test>",
    "References: <first@example.test> <zero@example.test>",
    "Date: Tue, 02 Jan 2024 03:04:05 +0000",
    "Importance: High",
    "X-Priority: 1 (Highest)",
    "Disposition-Notification-To: Ann Lee <ann@example.test>",
    "X-Waypost-Email: 3f0c",
  ]) {
    assert.ok(text.includes(`${line}\r\n`), line);
  }
  assert.doesNotMatch(text, /secret|bcc/i);
  assert.match(await written({ importance: 0 }), /Importance: Low/);
  assert.doesNotMatch(await written({}), /Importance|Priority|Disposition-Notification|X-Mailer/);
});

test("compose: a message to blind copies only names nobody", async () => {
  const head = parseHead((await compose(message({ to: [], bcc: [{ name: "", address: "s@example.test" }] }))).mime, facts);
  assert.deepEqual([head.to, head.bcc], [[], []]);
  assert.match(await written({ to: [] }), /^To: "undisclosed-recipients":;\r$/m);
});

test("compose: HTML alone gets a text beside it; a shown picture stands with the HTML, an unshown one with the files", async () => {
  const picture = attachment({ filename: "p.png", mimetype: "image/png", contentId: "p@x", inline: true });
  const { mime } = await compose(
    message({ text: null, html: '<p>See <b>this</b></p><img src="cid:p@x">', attachments: [picture, { ...picture, contentId: "q@x" }] }),
  );
  const content = await parseContent(mime);
  assert.deepEqual([content.text?.trim(), content.html?.trim()], ["See this", '<p>See <b>this</b></p><img src="cid:p@x">']);
  assert.deepEqual(
    content.attachments.map(({ contentId, inline }) => [contentId, inline]),
    [
      ["p@x", true],
      [null, false],
    ],
  );
});

test("compose: an attachment without a body beside it is still an attachment", async () => {
  const content = await parseContent((await compose(message({ text: null, attachments: [attachment({})] }))).mime);
  assert.deepEqual([content.text, content.attachments[0]?.filename], [null, "a.pdf"]);
});

test("compose: a nested message arrives byte for byte, whatever its line ends and characters", async () => {
  for (const body of ["Subject: x\r\n\r\nfit", "Subject: x\n\nbare\n", "Subject: ü\r\n\r\n", `Subject: x\r\n\r\n${"y".repeat(2000)}`].map(
    (text) => Buffer.from(text),
  )) {
    const composed = await compose(message({ attachments: [attachment({ filename: "m.eml", mimetype: "message/rfc822", body })] }));
    const [nested] = (await parseContent(composed.mime)).attachments;
    assert.deepEqual([nested?.filename, nested?.body.toString()], ["m.eml", body.toString()]);
    assert.equal(composed.has8bit, false);
  }
});

test("compose: SMTPUTF8 is needed for a local part outside ASCII, blind copies included, not for a domain or a name", async () => {
  const address = (text: string) => [{ name: "Jörg", address: text }];
  const needs = async (parts: Partial<OutgoingMessage>) => {
    const { needsSmtpUtf8, has8bit } = await compose(message(parts));
    return [needsSmtpUtf8, has8bit];
  };
  assert.deepEqual(await needs({ to: address("jörg@example.test") }), [true, true]);
  assert.deepEqual(await needs({ bcc: address("jörg@example.test") }), [true, false]);
  assert.deepEqual(await needs({ to: address("joerg@exämple.test"), subject: "Grüße", text: "ü" }), [false, false]);
  assert.match(await written({ to: address("joerg@exämple.test") }), /joerg@xn--exmple-cua\.test/);
});

const BREAK = "x\r\nBcc: evil@example.test";
const INJECTIONS: readonly (readonly [field: string, parts: Partial<OutgoingMessage>])[] = [
  ["subject", { subject: BREAK }],
  ["subject", { subject: "x".repeat(SENDABLE_SUBJECT_LENGTH + 1) }],
  ["display name in From", { from: { name: BREAK, address: "a@b.test" } }],
  ["address in From", { from: { name: "", address: `a@b.test${BREAK}` } }],
  ["address in To", { to: [{ name: "", address: "a@b.test> <c@d.test" }] }],
  ["address in To", { to: [{ name: "", address: "nobody" }] }],
  ["address in Cc", { cc: [{ name: "", address: "a@b.test\0" }] }],
  ["address in Bcc", { bcc: [{ name: "", address: "a@b.test\n" }] }],
  ["Message-ID", { messageId: "a>\r\nX: y" }],
  ["id in In-Reply-To", { inReplyTo: BREAK }],
  ["id in In-Reply-To or References", { references: ["ok@x.test", BREAK] }],
  ["X-Waypost-Email", { emailId: BREAK }],
  ["file name", { attachments: [attachment({ filename: BREAK })] }],
  ["type of an attachment", { attachments: [attachment({ mimetype: "a/b\r\nX: y" })] }],
  ["Content-ID", { attachments: [attachment({ contentId: BREAK })] }],
];
for (const [field, parts] of INJECTIONS) {
  test(`compose: refuses ${JSON.stringify(parts).slice(0, 70)}, naming the field and not the value`, async () => {
    await assert.rejects(compose(message(parts)), (error: unknown) => {
      assert.ok(error instanceof Failure);
      assert.deepEqual([error.scope, error.code, error.waitingHelps], ["item", "unsendable header", false]);
      assert.ok(error.message.includes(field) && !error.message.includes("evil"), error.message);
      return true;
    });
  });
}

test("compose: ids of strangers that cannot be written are left out, and long chains are cut in the middle", async () => {
  const ids = Array.from({ length: 200 }, (_, index) => `id${index}@example.test`);
  const head = parseHead(
    (await compose(message({ inReplyTo: "ü@example.test", references: ["ü@example.test", "a b", ...ids] }))).mime,
    facts,
  );
  assert.deepEqual(
    [head.inReplyTo, head.references.length, head.references[0], head.references.at(-1)],
    [[], 31, "id0@example.test", "id199@example.test"],
  );
});

const name = fc.string({ unit: "grapheme", maxLength: 80 }).map((text) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "").trim());
const readable = (text: string): string => text.replace(/\s+/g, " ").trim();
const atom = fc.stringMatching(/^[a-z0-9]{1,20}$/);
const address = fc.record({ name, address: fc.tuple(atom, atom).map(([local, domain]) => `${local}@${domain}.test`) });
const body = fc.string({ unit: "grapheme", maxLength: 300 });

test("compose: what is written is read back, in CRLF lines of at most 998 bytes", async () => {
  const file = fc
    .record({
      filename: fc.stringMatching(/^[\p{L}\p{N}_ ,;='-]{1,60}$/u).map((text) => `f${text}`),
      mimetype: fc.constantFrom("application/octet-stream", "text/plain", "image/png", "text/calendar"),
      contentId: fc.constantFrom(null, "p@x.test"),
      inline: fc.boolean(),
      body: fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
    })
    // An invitation is given the extension of one where it has another.
    .map((one) => ({ ...one, filename: `${one.filename}.${one.mimetype === "text/calendar" ? "ics" : "bin"}` }));
  const parts = fc.record({
    from: address,
    to: fc.array(address, { minLength: 1, maxLength: 30 }),
    cc: fc.array(address, { maxLength: 3 }),
    subject: name,
    html: fc.option(fc.constant('<p>hi <img src="cid:p@x.test"></p>')),
    text: fc.option(body),
    attachments: fc.array(file, { maxLength: 4 }),
    references: fc.array(
      atom.map((id) => `${id}@x.test`),
      { maxLength: 10 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(parts, async (given) => {
      const { mime, size } = await compose(message(given));
      assert.equal(size, mime.length);
      const text = mime.toString("latin1");
      assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n/);
      for (const line of text.split("\r\n")) assert.ok(line.length <= 998);
      const head = parseHead(mime, facts);
      const plain = (list: readonly { name: string; address: string }[]) => list.map((one) => `${readable(one.name)}|${one.address}`);
      assert.equal(readable(head.subject), readable(given.subject));
      assert.deepEqual([plain(head.from), plain(head.to), plain(head.cc)], [plain([given.from]), plain(given.to), plain(given.cc)]);
      assert.deepEqual(head.references, [...new Set(given.references)]);
      const content = await parseContent(mime);
      assert.deepEqual(
        content.attachments.map((one) => `${one.mimetype} ${one.filename} ${hash(one.body)}`).sort(),
        given.attachments.map((one) => `${one.mimetype} ${one.filename} ${hash(one.body)}`).sort(),
      );
      if (given.text?.trim()) assert.equal(readable(content.text ?? ""), readable(given.text.replaceAll("\0", "").toWellFormed()));
      assert.deepEqual(content.remarks, []);
    }),
    { numRuns: 150 },
  );
});
