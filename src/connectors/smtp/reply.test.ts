import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Garbage, type Reply, ReplyReader, replyText } from "./reply.ts";

/** Reads the text in pieces cut at these places. */
function read(text: string, cuts: readonly number[] = []): Reply[] {
  const bytes = Buffer.from(text, "utf8");
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const reader = new ReplyReader();
  const replies = places.slice(1).flatMap((end, i) => [...reader.push(bytes.subarray(places[i], end))]);
  assert.equal(reader.partial, false, "nothing is left over");
  return replies;
}

const line = fc.string({ maxLength: 20 }).map((text) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "").trim());
const reply = fc.record({ code: fc.integer({ min: 200, max: 599 }), lines: fc.array(line, { minLength: 1, maxLength: 5 }) });

test("replies are the same however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 8 }), (replies, cuts) => {
      const wire = replies
        .flatMap(({ code, lines }) => lines.map((text, i) => `${code}${i < lines.length - 1 ? "-" : " "}${text}\r\n`))
        .join("");
      const whole = read(wire);
      assert.deepEqual(read(wire, cuts), whole);
      assert.deepEqual(
        whole.map(({ code, lines }) => [code, lines.length]),
        replies.map(({ code, lines }) => [code, lines.length]),
      );
    }),
  );
});

test("the enhanced code is taken off every line, and shown once", () => {
  const [multi] = read("550-5.1.1 User unknown.\r\n550-5.1.1 Really.\r\n550 5.1.1 Bye\r\n");
  assert.ok(multi);
  assert.equal(multi.enhanced, "5.1.1");
  assert.equal(replyText(multi), "550 5.1.1 User unknown. Really. Bye");
});

test("a number that is no enhanced code, or one of another class, stays text", () => {
  assert.equal(read("250 5.1.1 odd\r\n")[0]?.enhanced, "");
  assert.equal(read("220 1.2.3.4 ready\r\n")[0]?.enhanced, "");
  assert.deepEqual(read("250 2.0.0\r\n"), [{ code: 250, enhanced: "2.0.0", lines: [""] }]);
});

test("a bare code and a bare line feed are tolerated", () => {
  assert.deepEqual(read("250\r\n354 go\n"), [
    { code: 250, enhanced: "", lines: [""] },
    { code: 354, enhanced: "", lines: ["go"] },
  ]);
});

test("what is no reply is garbage, with its beginning quoted", () => {
  for (const text of [
    "* OK IMAP4 ready\r\n",
    "+OK POP3\r\n",
    "SSH-2.0-x\r\n",
    "HTTP/1.1 400\r\n",
    "199 x\r\n",
    "2500 x\r\n",
    "250-a\r\n251 b\r\n",
    "\r\n",
  ]) {
    assert.throws(() => read(text), Garbage, text);
  }
  assert.throws(
    () => read("\u0007evil\u001b[31m\r\n"),
    (error) => error instanceof Garbage && !/\p{Cc}/u.test(error.said),
  );
});

test("lines and replies without end are garbage", () => {
  assert.throws(() => read("2".repeat(9000)), Garbage);
  assert.throws(() => read("250-x\r\n".repeat(300)), Garbage);
});

test("control characters of a reply do not reach logs", () => {
  const [said] = read("550 \u001b[2Jyou\tare \u2028cleared\r\n");
  assert.ok(said);
  assert.doesNotMatch(replyText(said), /[\p{Cc}\u2028]/u);
});

test("bytes that are no UTF-8 are kept as Latin-1", () => {
  const [said] = [...new ReplyReader().push(Buffer.from("550 Empf\xe4nger\r\n", "latin1"))];
  assert.ok(said);
  assert.equal(replyText(said), "550 Empfänger");
});
