import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextTry } from "./backoff.ts";

const NOW = new Date("2026-03-10T09:00:00Z");
const seconds = (failures: number, notBefore?: Date) => (nextTry(failures, NOW, notBefore).getTime() - NOW.getTime()) / 1000;

test("the wait doubles from 15 seconds to a quarter of an hour and stays there", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) => seconds(failures)),
    [15, 30, 60, 120, 240, 480, 900, 900, 900],
  );
});

test("a mailbox is never tried before the server wants it, nor left alone for longer than a quarter of an hour else", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -5, max: 10_000 }),
      fc.option(fc.integer({ min: -1e6, max: 1e6 }), { nil: undefined }),
      (failures, asked) => {
        const wait = seconds(failures, asked === undefined ? undefined : new Date(NOW.getTime() + asked * 1000));
        assert.ok(wait >= 15 && wait >= (asked ?? 0));
        assert.ok(wait <= Math.max(900, asked ?? 0));
      },
    ),
  );
});
