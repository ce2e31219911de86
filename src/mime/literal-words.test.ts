import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { simpleParser } from "mailparser";
import { compose, type OutgoingMessage } from "./compose.ts";
import { withLiteralNames } from "./literal-words.ts";

const WORD = "=?utf-8?q?boss=40contoso.example?=";

function message(parts: Partial<OutgoingMessage>): OutgoingMessage {
  return {
    emailId: "3f0c",
    messageId: "3f0c.1@example.test",
    date: new Date("2024-01-02T03:04:05Z"),
    from: { name: "Ann", address: "ann@example.test" },
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
  };
}

test("text that looks like an encoded word reaches the reader as its author saw it, in subject, names and file names", async () => {
  const attachment = { mimetype: "text/plain", contentId: null, inline: false, body: Buffer.from("x") };
  const shown = [WORD, `Fwd: ${WORD} ${WORD}`, `=?UTF-8?B?SGk=?= "quoted" \\`, `=? ${WORD}`, `é ${WORD}`, `x${WORD.repeat(8)}`];
  for (const text of shown) {
    const { mime } = await compose(
      message({
        subject: text,
        from: { name: text, address: "ann@example.test" },
        to: [
          { name: text, address: "bob@example.test" },
          { name: "Lee, B", address: "lee@example.test" },
        ],
        readReceiptRequested: true,
        attachments: [{ ...attachment, filename: `${text}.txt` }],
      }),
    );
    const parsed = await simpleParser(mime);
    assert.equal(parsed.subject, text);
    assert.deepEqual(
      [parsed.from, parsed.to].flat().flatMap((list) => list?.value.map(({ name, address }) => [name, address])),
      [
        [text, "ann@example.test"],
        [text, "bob@example.test"],
        ["Lee, B", "lee@example.test"],
      ],
    );
    assert.deepEqual(
      parsed.attachments.map(({ filename }) => filename),
      [`${text}.txt`],
    );
    assert.ok(!mime.toString("latin1").includes("=?utf-8?q?"), "nothing stands undisguised in the header");
  }
});

test("of a written address field only the display names that look encoded change", () => {
  const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
  const plain = fc.string({ unit: fc.constantFrom("a", '"', "\\", "<", ">", ",", "=", " ") });
  fc.assert(
    fc.property(plain, plain, (name, local) => {
      const field = `${quote(name)} <${quote(local)}@example.test>`;
      assert.equal(withLiteralNames(field), field);
      assert.match(withLiteralNames(`${field}, ${quote(WORD)} <b@example.test>`), /, =\?UTF-8\?Q\?[^"]* <b@example\.test>$/);
    }),
  );
});
