import assert from "node:assert/strict";
import { test } from "node:test";
import { latestMark } from "./kept-mark.ts";
import type { Mark } from "./mark.ts";

const WAITING: Mark = { generation: 1, router: "r", notBefore: "2026-01-01T00:00:00Z" };
const kept = (mark: Mark, waits = false) => ({ revision: 1, mark, waits });

test("the mark on the email counts, and what the ledger keeps where none stands there any more", () => {
  assert.equal(latestMark(WAITING, null), WAITING);
  assert.equal(latestMark(WAITING, kept({ generation: 1, router: "r" })), WAITING);
  assert.deepEqual(latestMark({}, kept(WAITING)), WAITING);
});

test("a mark that somebody wrote back after its time does not count", () => {
  const ended: Mark = { generation: 1, router: "r", ended: true };
  assert.equal(latestMark(WAITING, kept(ended)), ended);
  assert.equal(latestMark(ended, kept({ generation: 2, router: "r" })).generation, 2);
  assert.equal(latestMark({ generation: 1, router: "r" }, kept(WAITING, true)), WAITING, "it waits in Sending");
});

test("another router's later press of Send counts, and that it ended", () => {
  const other: Mark = { generation: 2, router: "other" };
  assert.equal(latestMark(other, kept({ generation: 1, router: "r", ended: true })), other);
  const ended: Mark = { generation: 1, router: "other", ended: true };
  assert.equal(latestMark(ended, kept(WAITING)), ended);
});
