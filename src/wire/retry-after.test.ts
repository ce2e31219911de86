import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { retryAfter } from "./retry-after.ts";

const NOW = new Date("2026-11-20T10:00:00Z");
const seconds = (value: string) => {
  const time = retryAfter(value, NOW);
  return time === undefined ? undefined : (time.getTime() - NOW.getTime()) / 1000;
};

test("a server names the time to wait in seconds, also with a fraction, or as a date", () => {
  assert.equal(seconds("17"), 17);
  assert.equal(seconds(" 2.5 "), 2.5);
  assert.equal(seconds("0"), 0);
  assert.equal(seconds("Fri, 20 Nov 2026 10:01:00 GMT"), 60);
  assert.equal(seconds("Friday, 20-Nov-26 10:01:00 GMT"), 60);
});

test("a date in the past is now, and nobody is made to wait longer than a day", () => {
  assert.equal(seconds("Fri, 20 Nov 2026 09:00:00 GMT"), 0);
  assert.equal(seconds("999999999"), 86_400);
});

test("what is no time at all is none, whatever it is, and never a time that has passed", () => {
  for (const value of ["", "-1", "soon", "1e9", "1.2.3", "00:00:05", "2026-11-20"]) assert.equal(seconds(value), undefined, value);
  fc.assert(fc.property(fc.string(), (value) => (seconds(value) ?? 0) >= 0));
});
