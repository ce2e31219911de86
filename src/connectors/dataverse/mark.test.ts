import assert from "node:assert/strict";
import { test } from "node:test";
import { type Mark, readMark, withoutMark, writeMark } from "./mark.ts";

const MARK: Mark = {
  content: "c".repeat(64),
  files: 2,
  inReplyTo: "a@x.test",
  references: ["first@x.test", "a@x.test"],
  sent: "2026-01-01T00:00:00Z",
};

test("a mark is read as it was written", () => {
  assert.deepEqual(readMark(writeMark(MARK)), MARK);
});

test("what other programs keep beside it stays, and what is no JSON is no mark", () => {
  const text = writeMark(MARK, '{"other":{"a":1}}');
  assert.deepEqual(JSON.parse(text ?? "").other, { a: 1 });
  assert.deepEqual(readMark("someone's text"), {});
  assert.deepEqual(readMark('["waypost"]'), {});
  assert.deepEqual(readMark('{"waypost":{"files":"two"}}'), {});
  assert.deepEqual(readMark(null), {});
});

test("a mark never outgrows its column: recipients go first, then old references, and the content stays", () => {
  const recipients = Array.from({ length: 100 }, (_, n) => ({
    ...{ address: `r${n}@x.test`, kind: "failed" as const, status: "5.1.1" },
    diagnosis: "no such user ".repeat(40),
  }));
  const references = Array.from({ length: 100 }, (_, n) => `${n}-${"x".repeat(80)}@x.test`);
  const text = writeMark({ ...MARK, references, report: { about: "id", messageId: null, recipients } });
  assert.ok(text.length <= 7_500, `${text.length} characters`);
  const read = readMark(text);
  assert.deepEqual([read.content, read.files, read.report?.about], [MARK.content, 2, "id"]);
  assert.equal(read.report?.recipients[0]?.address, "r0@x.test");
  const alone = readMark(writeMark({ ...MARK, references }));
  assert.deepEqual([alone.references?.[0], alone.references?.at(-1)], [references[0], references.at(-1)], "the thread and its latest turn");
});

test("a mark in which one thing alone is too long is written without it", () => {
  assert.deepEqual(readMark(writeMark({ ...MARK, inReplyTo: "x".repeat(9_000) })).content, MARK.content);
});

test("a column that another program has in its own language, or has filled up, takes no mark", () => {
  for (const text of ["someone's text", '["waypost"]', "17", '"text"', "null", JSON.stringify({ other: "x".repeat(8_180) })])
    assert.equal(writeMark({ generation: 1 }, text), null, text.slice(0, 20));
  for (const text of [null, "", " ", "{}"]) assert.equal(writeMark({ generation: 1 }, text), '{"waypost":{"generation":1}}');
  const nearlyFull = writeMark({ generation: 1 }, JSON.stringify({ other: "x".repeat(8_100) }));
  assert.ok(nearlyFull !== null && nearlyFull.length <= 8_192, "it takes what it has room for");
});

test("an older mark is taken away from what others keep, and nothing else is", () => {
  assert.equal(withoutMark('{"other":{"a":1},"waypost":{"generation":1}}'), '{"other":{"a":1}}');
  assert.equal(withoutMark(writeMark({ generation: 1 })), "{}");
  for (const text of [null, "{}", '{"other":1}', "someone's text", '["waypost"]']) assert.equal(withoutMark(text), undefined);
});
