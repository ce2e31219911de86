import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHead } from "../../mime/head.ts";
import {
  areProven,
  changedAmong,
  FARTHEST,
  highestOf,
  rememberedAnew,
  type Seen,
  seenIn,
  strangerAmong,
  type UidRange,
  WITNESSES,
  type Witness,
  watched,
  witnessOf,
} from "./witnesses.ts";

const head = (messageId: string, size = 100) =>
  parseHead(Buffer.from(`Message-ID: <${messageId}>\r\nSubject: x\r\n\r\n`), {
    ref: { stream: "INBOX", id: "7.1" },
    folders: ["INBOX"],
    received: new Date(0),
    size,
    flags: [],
    providerId: null,
  });

test("a head read whole makes a witness, the same each time", () => {
  const witness = witnessOf(5, head("a"));
  assert.match(witness.likeness ?? "", /^[0-9a-f]{16}$/);
  assert.deepEqual(witnessOf(5, head("a")), witness);
  assert.notEqual(witnessOf(5, head("b")).likeness, witness.likeness);
});

test("with what was not read whole nothing is compared", () => {
  for (const odd of [
    { ...head("a"), truncated: true },
    { ...head("a"), unreadable: "no" },
  ])
    assert.deepEqual(witnessOf(5, odd), { uid: 5, likeness: null });
});

test("remembered are those that lay highest, and down to the first with which something can be compared, if it is not far", () => {
  const [one, two] = ["a", "b"].map((digit) => digit.repeat(16)) as [string, string];
  const opaque = (first: number, count: number): Witness[] =>
    Array.from({ length: count }, (_, index) => ({ uid: first + index, likeness: null }));
  const read: Witness[] = [
    { uid: 1, likeness: one },
    { uid: 2, likeness: two },
  ];
  assert.deepEqual(highestOf(read, opaque(3, 3)), [...read.slice(1), ...opaque(3, 3)]);
  assert.deepEqual(highestOf(read, opaque(3, 4)), [...read.slice(1), ...opaque(3, 4)]);
  assert.deepEqual(highestOf(read, opaque(3, FARTHEST - 1)), [...read.slice(1), ...opaque(3, FARTHEST - 1)]);
  assert.deepEqual(highestOf(read, opaque(3, FARTHEST)), opaque(3 + FARTHEST - WITNESSES, WITNESSES));
  assert.deepEqual(highestOf(opaque(3, WITNESSES + 2)), opaque(5, WITNESSES));
});

test("of a message that was seen to look otherwise, only what is left of it is compared", () => {
  const [one, anew, moved] = [head("a"), head("b"), { ...head("b"), received: new Date(1000) }];
  const remembered = [witnessOf(5, one)];
  assert.deepEqual(changedAmong(remembered, [seenIn(5, one)]), []);
  const changed = changedAmong(remembered, [seenIn(5, anew)]);
  assert.deepEqual(changed, [seenIn(5, anew)]);
  const after = rememberedAnew(remembered, changed);
  assert.deepEqual(changedAmong(after, [seenIn(5, head("c"))]), []);
  assert.deepEqual(changedAmong(after, [seenIn(5, moved)]), [seenIn(5, moved)], "the moment of receipt still counts");
  assert.deepEqual(changedAmong([{ uid: 5, likeness: null }], [seenIn(5, anew)]), []);
});

test("watched is all from the lowest witness on but for those with which nothing can be compared", () => {
  const [a, b] = ["a", "b"].map((digit) => digit.repeat(16)) as [string, string];
  const ranges = (...pairs: [number, number][]): UidRange[] => pairs.map(([first, last]) => ({ first, last }));
  assert.deepEqual(
    watched(
      [
        { uid: 5, likeness: a },
        { uid: 7, likeness: null },
        { uid: 8, likeness: b },
      ],
      12,
    ),
    ranges([5, 5], [6, 6], [8, 8], [9, 11]),
  );
  assert.deepEqual(watched([{ uid: 5, likeness: a }], 6), ranges([5, 5]));
  assert.deepEqual(watched([], 6), ranges([1, 5]));
  assert.deepEqual(watched([], 1), []);
});

/** A folder by UID; each message is known by its own number. */
type Folder = ReadonlyMap<number, number>;
const witnessesIn = (folder: Folder): Witness[] =>
  [...folder].map(([uid, message]) => ({ uid, likeness: message.toString(16).padStart(16, "0") }));
const seenBy = (remembered: readonly Witness[], folder: Folder, end: number): Seen[] =>
  witnessesIn(folder)
    .filter(({ uid }) => watched(remembered, end).some(({ first, last }) => first <= uid && uid <= last))
    .map((witness) => ({ ...witness, remainder: "f".repeat(16) }));

/** What is told of a folder read up to `end`: that it is another, that it is the same, or that whoever was told of it has to be asked. */
function told(remembered: readonly Witness[], folder: Folder, end: number): "another" | "same" | "changed" | "ask" {
  const found = seenBy(remembered, folder, end);
  if (strangerAmong(remembered, found) !== null) return "another";
  if (changedAmong(remembered, found).length > 0) return "changed";
  return areProven(remembered, found) ? "same" : "ask";
}

test("a folder put back to an earlier state and filled up again is not taken for the same, whatever left it since", () => {
  fc.assert(
    fc.property(
      fc.nat(12),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(5),
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.boolean()),
      (copied, lost, more, leftBefore, leftAfter) => {
        const end = copied + lost + 1;
        const old = Array.from({ length: copied }, (_, index) => [index + 1, index + 1] as const);
        const gone = Array.from({ length: lost }, (_, index) => [copied + index + 1, 1000 + index] as const);
        const fresh = Array.from({ length: lost + more }, (_, index) => [copied + index + 1, 2000 + index] as const);
        const read = [...old, ...gone].filter(() => !leftBefore.next().value);
        const now = [...old, ...fresh].filter(() => !leftAfter.next().value);
        const remembered = highestOf(witnessesIn(new Map(read)));
        assert.ok(remembered.length <= WITNESSES);
        const answer = told(remembered, new Map(now), end);
        const unread = now.some(([uid, message]) => uid < end && message >= 2000);
        if (unread) assert.notEqual(answer, "same");
      },
    ),
  );
});

test("whatever leaves and arrives, an honest folder contradicts nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ arrive: fc.nat(5), leave: fc.array(fc.nat(30), { maxLength: 5 }) }), { maxLength: 15 }), (rounds) => {
      const folder = new Map<number, number>();
      let next = 1;
      let end = 1;
      let remembered: readonly Witness[] = [];
      for (const { arrive, leave } of rounds) {
        for (let count = 0; count < arrive; count++) folder.set(next, 100 + next++);
        for (const uid of leave) folder.delete(uid);
        const answer = told(remembered, folder, end);
        assert.ok(answer === "same" || answer === "ask", answer);
        end = next;
        remembered = highestOf(witnessesIn(folder));
      }
    }),
  );
});
