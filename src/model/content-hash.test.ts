import assert from "node:assert/strict";
import { test } from "node:test";
import { contentHash, partsOf } from "./content-hash.ts";

const file = (name: string, body: string) => ({
  filename: name,
  mimetype: "text/plain",
  contentId: null,
  inline: false,
  body: Buffer.from(body),
});
const whole = { html: "<p>Hello</p>", text: "Hello", attachments: [file("a.txt", "one"), file("b.txt", "two")] };
const hashOf = (content: typeof whole | { html: string | null; text: string | null; attachments: typeof whole.attachments }) =>
  contentHash(partsOf(content));

test("content is the same in whatever order its attachments come and whatever they are called", () => {
  assert.equal(hashOf({ ...whole, attachments: [file("other.txt", "two"), file("a.txt", "one")] }), hashOf(whole));
});

test("another word in a body, another byte in an attachment, one attachment more or less, a body in the other's place: another content", () => {
  const others = [
    { ...whole, html: "<p>Hallo</p>" },
    { ...whole, text: "Hallo" },
    { ...whole, html: null },
    { ...whole, html: whole.text, text: whole.html },
    { ...whole, attachments: [file("a.txt", "one"), file("b.txt", "twO")] },
    { ...whole, attachments: [file("a.txt", "one")] },
    { ...whole, attachments: [...whole.attachments, file("b.txt", "two")] },
  ];
  const hashes = others.map(hashOf);
  assert.equal(new Set([...hashes, hashOf(whole)]).size, others.length + 1);
});
