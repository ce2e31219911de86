import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHead } from "../../mime/head.ts";
import type { MessageHead } from "../../model/message.ts";
import { NO_LIKENESS } from "./seen.ts";
import { likenessOf, witnessesAmong } from "./witnesses.ts";

const entry = (number: number, shared = false) => ({ number, id: `uid-${number} 100`, size: 100, shared });

function head(fields: string, changes: Partial<MessageHead> = {}): MessageHead {
  const received = new Date("2026-11-26T10:00:00Z");
  const facts = { ref: { stream: "INBOX", id: "a 1" }, folders: ["INBOX"], received, size: 1, flags: [], providerId: null };
  return { ...parseHead(Buffer.from(`${fields}\r\n\r\n`), facts), ...changes };
}

const WHOLE = "Message-ID: <a@x>\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\nSubject: one\r\nFrom: a@x";

test("the end of a listing is always looked at, where ids are given a second time, and some more of it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (length, random) => {
      const known = Array.from({ length }, (_, index) => entry(index + 1));
      const numbers = witnessesAmong(
        known,
        () => true,
        () => random,
      ).map(({ number }) => number);
      assert.ok(numbers.length >= Math.min(length, 6) && numbers.length <= 8);
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((one, other) => one - other),
      );
      for (const last of known.slice(-4)) assert.ok(numbers.includes(last.number));
    }),
  );
});

test("nothing is asked of a message of which it is not known what it looked like, or whose id others have too", () => {
  const known = Array.from({ length: 40 }, (_, index) => entry(index + 1, index >= 30));
  const numbers = witnessesAmong(
    known,
    ({ number }) => number <= 20,
    () => 0.99,
  ).map(({ number }) => number);
  assert.deepEqual(numbers, [1, 2, 17, 18, 19, 20]);
});

test("a likeness is that of the message, not of its place or its moment; only of what nothing else tells apart the moment counts", () => {
  const later = { received: new Date("2026-11-27T10:00:00Z"), ref: { stream: "INBOX", id: "b 1" } };
  assert.equal(likenessOf(head(WHOLE)), likenessOf(head(`X-Gateway: 1\r\n${WHOLE}`, later)));
  assert.notEqual(likenessOf(head(WHOLE)), likenessOf(head(WHOLE.replace("<a@x>", "<b@x>"))));
  const weak = "Subject: scan\r\nFrom: a@x";
  assert.notEqual(likenessOf(head(weak)), likenessOf(head(weak, later)));
  assert.equal(likenessOf(head(weak)), likenessOf(head(weak, { ref: later.ref })));
});

test("a head that was not read whole has no likeness, nor has one that shares its id", () => {
  for (const changes of [{ unreadable: "no" }, { truncated: true }, { sharesId: true }])
    assert.equal(likenessOf(head(WHOLE, changes)), NO_LIKENESS);
});
