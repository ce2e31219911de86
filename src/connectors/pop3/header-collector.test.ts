import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderCollector } from "./header-collector.ts";

const kept = (text: string, size: number, limit = 1000) => {
  const collector = new HeaderCollector(limit);
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) collector.write(bytes, at, Math.min(bytes.length, at + size));
  assert.equal(collector.total, bytes.length, "all that came counts");
  return { text: collector.content().toString("latin1"), over: collector.over };
};

test("the header is kept up to the empty line, however it is cut into chunks", () => {
  const cases: readonly (readonly [mime: string, header: string])[] = [
    ["A: b\r\nC: d\r\n\r\nbody\r\n\r\nbody", "A: b\r\nC: d\r\n\r\n"],
    ["A: b\n\nbody", "A: b\n\n"],
    ["\r\nbody", "\r\n"],
    ["\nbody", "\n"],
    ["A: b\r\n \r\n\tc\r\n\r\nbody", "A: b\r\n \r\n\tc\r\n\r\n"],
    ["A: b\r\n\r\r\nC: d\r\n\r\nbody", "A: b\r\n\r\r\nC: d\r\n\r\n"],
    ["A: b\r\nC: d", "A: b\r\nC: d"],
  ];
  for (const [mime, header] of cases)
    for (const size of [1, 2, 3, 5, 100]) assert.deepEqual(kept(mime, size), { text: header, over: false }, JSON.stringify([mime, size]));
});

test("a header longer than the limit is cut and told; a long body is not a long header", () => {
  assert.deepEqual(kept("A: bbbbbbbb\r\n\r\nbody", 3, 5), { text: "A: bb", over: true });
  assert.deepEqual(kept(`A: b\r\n\r\n${"x".repeat(5000)}`, 7, 8), { text: "A: b\r\n\r\n", over: false });
});
