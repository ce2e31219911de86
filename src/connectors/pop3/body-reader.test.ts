import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyReader, type LineEnd } from "./body-reader.ts";
import { Collector } from "./collector.ts";

/** What a server sends of lines (RFC 1939 3). */
function sent(lines: readonly Buffer[], end: string): Buffer {
  const stuffed = lines.map((line) => Buffer.concat([Buffer.from(line[0] === 0x2e ? "." : ""), line, Buffer.from(end)]));
  return Buffer.concat([...stuffed, Buffer.from(`.${end}`)]);
}

/** The content read from chunks cut at these places, and what was left of the last chunk. */
function read(wire: Buffer, lineEnd: LineEnd, cuts: readonly number[] = []): { content: Buffer; rest: Buffer; ended: boolean } {
  const collector = new Collector(10_000_000);
  const reader = new BodyReader(lineEnd, collector);
  const places = [...new Set(cuts.map((cut) => cut % (wire.length + 1)))].sort((a, b) => a - b);
  let rest = Buffer.alloc(0);
  let from = 0;
  for (const to of [...places, wire.length]) {
    const chunk = wire.subarray(from, to);
    rest = Buffer.concat([rest, chunk.subarray(reader.ended ? 0 : reader.push(chunk))]);
    from = to;
  }
  return { content: collector.content(), rest, ended: reader.ended };
}

/** Bytes that matter come often; a line holds no line end of its own. */
const byte = (lineEnd: LineEnd) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...(lineEnd === "CRLF" ? [0x2e, 0x0d, 0x0a, 0x20] : [0x2e, 0x0d, 0x20])) },
    { weight: 1, arbitrary: fc.nat(255) },
  );
const lineOf = (lineEnd: LineEnd) =>
  fc
    .array(byte(lineEnd), { maxLength: 12 })
    .map((bytes) => Buffer.from(bytes))
    .filter((line) => !line.includes("\r\n") && (lineEnd === "CRLF" || !line.includes("\n")) && line.at(-1) !== 0x0d);

for (const lineEnd of ["CRLF", "LF"] as const) {
  const end = lineEnd === "CRLF" ? "\r\n" : "\n";

  test(`whatever the lines and wherever the chunks are cut, the content is what was meant (${lineEnd})`, () => {
    fc.assert(
      fc.property(
        fc.array(lineOf(lineEnd), { maxLength: 8 }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 6 }),
        (lines, cuts, after) => {
          const wire = sent(lines, end);
          const { content, rest, ended } = read(Buffer.concat([wire, after]), lineEnd, cuts);
          assert.ok(ended);
          assert.deepEqual(content, Buffer.concat(lines.flatMap((line) => [line, Buffer.from(end)])));
          assert.deepEqual(rest, Buffer.from(after), "what follows the answer is left alone");
        },
      ),
      { numRuns: 2000 },
    );
  });
}

test("nothing but the whole terminator ends an answer", () => {
  const wire = sent([Buffer.from("Subject: x"), Buffer.alloc(0), Buffer.from(".x"), Buffer.from("."), Buffer.from("..")], "\r\n");
  for (let length = 0; length < wire.length; length++) assert.equal(read(wire.subarray(0, length), "CRLF").ended, false, String(length));
  const each = Array.from({ length: wire.length }, (_, index) => index);
  assert.equal(read(wire, "CRLF", each).content.toString(), "Subject: x\r\n\r\n.x\r\n.\r\n..\r\n", "cut at every byte");
});

test("a lone LF before a dot is content: nobody's message ends early, or answers for the server", () => {
  const evil = Buffer.from("body\n.\r\n+OK 120 octets\r\nfrom the attacker\r\n.\r\n");
  const { content, rest } = read(evil, "CRLF");
  assert.equal(content.toString(), "body\n.\r\n+OK 120 octets\r\nfrom the attacker\r\n");
  assert.equal(rest.length, 0);
});

test("forty megabytes of dots are read in time linear in them, in one buffer", () => {
  const dots = Buffer.from("..\r\n".repeat(250_000));
  const wire = Buffer.concat([...Array.from({ length: 4 }, () => dots), Buffer.from(".\r\n")]);
  const collector = new Collector(wire.length);
  assert.equal(new BodyReader("CRLF", collector).push(wire), wire.length);
  assert.equal(collector.content().length, 3_000_000);
});

test("a collector keeps what its limit allows and counts the rest", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), fc.nat(300), fc.nat(5000), (pieces, limit, announced) => {
      const collector = new Collector(limit, announced);
      for (const piece of pieces) collector.write(Buffer.from(piece), 0, piece.length);
      const all = Buffer.concat(pieces);
      assert.deepEqual(collector.content(), all.subarray(0, limit));
      assert.deepEqual([collector.total, collector.over], [all.length, all.length > limit]);
    }),
  );
});
