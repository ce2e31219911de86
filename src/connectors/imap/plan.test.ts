import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Position, readCursor, writeCursor } from "./cursor.ts";
import {
  accountsFor,
  chunks,
  departures,
  forgotChanges,
  nextRound,
  type Observation,
  refOf,
  returned,
  sequenceSet,
  takePage,
  uidIn,
  uidOf,
} from "./plan.ts";

const SINCE = new Date("2026-11-10T08:00:00Z");
const seen = (changes: Partial<Observation> = {}): Observation => ({
  validity: "7",
  next: 10,
  exists: 4,
  modseq: "5",
  listing: null,
  ...changes,
});
const over: Position = {
  validity: "7",
  from: 10,
  until: 10,
  since: null,
  exists: 4,
  unnumbered: 0,
  modseq: "5",
  listing: null,
  witnesses: [],
};

const positions: fc.Arbitrary<Position> = fc
  .record({
    validity: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
    ends: fc.tuple(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer({ min: 1, max: 2 ** 32 })),
    since: fc.option(fc.constantFrom("2001-01-01", "2026-12-31")),
    exists: fc.nat(),
    unnumbered: fc.nat(),
    modseq: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String)),
    listing: fc.option(fc.constantFrom("0123456789abcdef".repeat(2))),
    witnesses: fc.array(
      fc.record(
        {
          uid: fc.integer({ min: 1, max: 2 ** 32 }),
          likeness: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((number) => number.toString(16).padStart(16, "0"))),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 4 },
    ),
  })
  .map(({ ends, ...rest }) => ({ ...rest, from: Math.min(...ends), until: Math.max(...ends) }));

test("a position survives being written and read", () => {
  fc.assert(fc.property(positions, (position) => assert.deepEqual(readCursor(writeCursor(position)), position)));
});

test("what is no cursor of this version is none at all", () => {
  for (const text of [
    "",
    "null",
    "[]",
    "7",
    writeCursor(over).replace('"v":3', '"v":2'),
    writeCursor({ ...over, from: 11 }),
    writeCursor(over).replace('"7"', '"x"'),
  ]) {
    assert.equal(readCursor(text), null, text);
  }
  fc.assert(fc.property(fc.string(), (text) => assert.equal(readCursor(text), null)));
});

test("the first round covers all that is there, from two days before the date asked for", () => {
  const round = nextRound(null, seen(), SINCE);
  assert.deepEqual(round, {
    kind: "begins",
    before: null,
    position: {
      validity: "7",
      from: 1,
      until: 10,
      since: "2026-11-08",
      exists: 4,
      unnumbered: 0,
      modseq: "5",
      listing: null,
      witnesses: [],
    },
  });
  for (const date of [new Date(Number.NaN), new Date(-8.64e15), new Date(8.64e15)]) {
    const odd = nextRound(null, seen(), date);
    assert.ok(odd.kind === "begins" && odd.position.since === null, "a date that cannot be written leaves nothing out");
  }
});

test("a round that is over is followed by one from where it ended, and the past stays as it was observed", () => {
  const round = nextRound(over, seen({ next: 12, exists: 6, modseq: "9" }), SINCE);
  assert.deepEqual(round, {
    kind: "begins",
    before: over,
    position: { validity: "7", from: 10, until: 12, since: null, exists: 6, unnumbered: 0, modseq: "9", listing: null, witnesses: [] },
  });
});

test("a round that is not over goes on unchanged, whatever happened meanwhile", () => {
  const half = { ...over, from: 3, since: "2026-11-08" };
  assert.deepEqual(nextRound(half, seen({ next: 99, exists: 1, modseq: "77" }), SINCE), { kind: "goes on", position: half });
});

test("only the very same UIDVALIDITY counts as the same", () => {
  for (const validity of ["6", "8", "0"]) assert.equal(nextRound(over, seen({ validity }), SINCE).kind, "reset");
  assert.equal(nextRound(over, seen({ next: 9 }), SINCE).kind, "reset");
});

test("without UIDVALIDITY a folder counts as unchanged only where it lists the same", () => {
  const [listing, other] = ["a".repeat(32), "b".repeat(32)];
  const unnumbered = { ...over, validity: "0", listing };
  const kindOf = (changes: Partial<Observation>) => nextRound(unnumbered, seen({ validity: "0", ...changes }), SINCE).kind;
  assert.deepEqual([kindOf({ listing }), kindOf({ listing: other }), kindOf({ listing: null })], ["begins", "reset", "reset"]);
});

test("pages cover the UIDs of a round once, in order, for any size and any holes", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (list, limit) => {
      const uids = list.sort((a, b) => a - b);
      let position: Position = { ...over, from: 1, until: 501 };
      const got: number[] = [];
      for (let more = true; more; ) {
        const { page, after, more: rest } = takePage(position, uids, limit);
        assert.ok(page.length <= limit && after.from > position.from, "every page goes forward");
        got.push(...page);
        position = after;
        more = rest;
      }
      assert.deepEqual(got, uids);
      assert.equal(position.from, position.until);
    }),
  );
});

test("departures are counted exactly, whatever arrives at the same time", () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), fc.nat(50), (there, arrived, wish) => {
      const left = Math.min(wish, there);
      assert.equal(departures({ ...over, exists: there }, seen({ exists: there - left + arrived }), arrived), left);
    }),
  );
});

test("tombstones are believed only where they are as many as are missing, or none is", () => {
  assert.deepEqual(
    [accountsFor(0, 0), accountsFor(3, 0), accountsFor(2, 2), accountsFor(2, 1), accountsFor(1, 2), accountsFor(0, -1)],
    [true, true, true, false, false, false],
  );
});

test("a HIGHESTMODSEQ that went back, or is there no more, tells nothing of what left", () => {
  for (const [modseq, forgot] of [
    ["4", true],
    [null, true],
    ["5", false],
    ["10", false],
  ] as const)
    assert.equal(forgotChanges(over, seen({ modseq })), forgot, String(modseq));
  assert.equal(forgotChanges({ ...over, modseq: null }, seen({ modseq: "1" })), false);
});

test("messages that came back under old numbers are counted, those that left or arrived are not", () => {
  assert.equal(returned(over, [1, 2, 3, 4]), 0);
  assert.equal(returned(over, [1, 2, 3, 10, 11, 12]), 0);
  assert.equal(returned(over, [1, 2, 3, 4, 5, 6, 10]), 2);
});

test("a sequence set names exactly the UIDs it was made of, runs joined", () => {
  assert.equal(sequenceSet([7, 1, 3, 2, 2]), "1:3,7");
  assert.equal(sequenceSet([]), "");
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (uids) => {
      const named = sequenceSet(uids)
        .split(",")
        .flatMap((run) => {
          const [first = 0, last = first] = run.split(":").map(Number);
          return Array.from({ length: last - first + 1 }, (_, index) => first + index);
        });
      assert.deepEqual(
        named,
        [...uids].sort((a, b) => a - b),
      );
    }),
  );
});

test("pieces of a list make up the list", () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (list, size) => assert.deepEqual(chunks(list, size).flat(), list)),
  );
});

test("a ref gives back its UID only under the UIDVALIDITY it was made with", () => {
  const ref = refOf("INBOX", "7", 42);
  assert.deepEqual([uidOf(ref, "7"), uidOf(ref, "8"), uidIn(ref)], [42, null, 42]);
  for (const id of ["", "7", "7.", "7.x", "7.1.2", "7.-1", "07.1"]) assert.equal(uidOf({ stream: "INBOX", id }, "7"), null, id);
});
