import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatSet, resolveSet, setHolds } from "./sequence-set.ts";

const number = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(Number.POSITIVE_INFINITY));
const set = fc.array(fc.record({ from: number, to: number }), { minLength: 1, maxLength: 6 });

describe("IMAP sequence sets", () => {
  it("hold a number exactly when one of their ranges does", () => {
    fc.assert(
      fc.property(set, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 }), (ranges, largest, candidate) => {
        const known = (value: number) => (value === Number.POSITIVE_INFINITY ? largest : value);
        const inside = ranges.some(({ from, to }) => {
          const [low, high] = [Math.min(known(from), known(to)), Math.max(known(from), known(to))];
          return low <= candidate && candidate <= high;
        });
        assert.equal(setHolds(resolveSet(ranges, largest), candidate), inside);
      }),
    );
  });

  it("take the last message for n:* beyond the end", () => {
    assert.deepEqual(resolveSet([{ from: 9, to: Number.POSITIVE_INFINITY }], 5), [{ from: 5, to: 9 }]);
  });

  it("are written in the shortest way", () => {
    assert.equal(formatSet([1, 2, 3, 5, 7, 8]), "1:3,5,7:8");
    assert.equal(formatSet([]), "");
  });
});
