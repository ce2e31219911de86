import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentFacts, wireContent } from "./content.ts";

const wire = (mime: Buffer) => Buffer.concat([...wireContent(mime)]).toString("latin1");

/** What a server does with it (RFC 5321 4.5.2), written the other way round: lines, each losing one leading dot. */
function received(sent: string): string {
  const end = sent.startsWith(".\r\n") ? 0 : sent.indexOf("\r\n.\r\n") + 2;
  assert.equal(end + 3, sent.length, "the first lone dot ends the content");
  return sent.slice(0, end).replace(/(^|\r\n)\./g, "$1");
}

/** Every line end as CRLF, and one at the end. */
function normal(text: string): string {
  const lines = text.replace(/\r\n|\r|\n/g, "\r\n");
  return lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
}

const treacherous = fc.string({ unit: fc.constantFrom("\r", "\n", ".", "a", "é", "\r\n", "\r\n.\r\n", "\n.\n", "\r.\r"), maxLength: 60 });

test("a server gets back exactly the lines that were sent, whatever their ends and dots", () => {
  fc.assert(
    fc.property(treacherous, (text) => {
      assert.equal(received(wire(Buffer.from(text, "latin1"))), normal(text));
    }),
    { numRuns: 1000 },
  );
});

test("no bare CR or LF leaves, so nobody finds a second end of the content", () => {
  fc.assert(
    fc.property(treacherous, (text) => {
      assert.doesNotMatch(wire(Buffer.from(text, "latin1")), /\r(?!\n)|(?<!\r)\n/);
    }),
  );
});

test("the size announced is that of the normalized content without doubled dots (RFC 1870)", () => {
  fc.assert(
    fc.property(treacherous, (text) => {
      const facts = contentFacts(Buffer.from(text, "latin1"));
      assert.equal(facts.size, normal(text).length);
      assert.equal(facts.eightBit, text.includes("é"));
    }),
    { numRuns: 1000 },
  );
});

test("a line end or a dot that falls between two blocks is treated like any other", () => {
  for (const tail of ["\r\n.x", "\n.x", "\r.x", ".x", "\r", "\r\n"]) {
    for (let shift = 0; shift < 4; shift++) {
      const text = "a".repeat(64 * 1024 - shift) + tail;
      assert.equal(received(wire(Buffer.from(text))), normal(text), JSON.stringify(tail));
    }
  }
});

test("an empty message is a dot", () => {
  assert.equal(wire(Buffer.alloc(0)), ".\r\n");
});
