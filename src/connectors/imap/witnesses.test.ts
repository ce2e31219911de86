import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHead } from "../../mime/head.ts";
import { contradicted, lastWitnesses, WITNESSES, type Witness, witnessOf } from "./witnesses.ts";

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
  assert.match(witness?.likeness ?? "", /^[0-9a-f]{16}$/);
  assert.deepEqual(witnessOf(5, head("a")), witness);
  assert.notEqual(witnessOf(5, head("b"))?.likeness, witness?.likeness);
});

test("what was not read whole makes none", () => {
  for (const odd of [{ ...head("a"), truncated: true }, { ...head("a"), unreadable: "no" }, head("a", 2 ** 21)])
    assert.equal(witnessOf(5, odd), null);
});

/** A folder by UID; each message is known by its own number. */
type Folder = ReadonlyMap<number, number>;
const witnessesIn = (folder: Folder): Witness[] =>
  [...folder].map(([uid, message]) => ({ uid, likeness: message.toString(16).padStart(16, "0") }));

test("a folder put back to an earlier state and filled up again is known to be another, however many came", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.integer({ min: 1, max: 20 }), fc.nat(20), (copied, lost, more) => {
      const copy = new Map(Array.from({ length: copied }, (_, index) => [index + 1, index + 1]));
      const read = new Map([...copy, ...Array.from({ length: lost }, (_, index) => [copied + index + 1, 1000 + index] as const)]);
      const now = new Map([...copy, ...Array.from({ length: lost + more }, (_, index) => [copied + index + 1, 2000 + index] as const)]);
      const remembered = lastWitnesses(witnessesIn(read));
      assert.ok(remembered.length <= WITNESSES);
      assert.ok(contradicted(remembered, witnessesIn(now)));
    }),
  );
});

test("whatever leaves and arrives, an honest folder contradicts nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ arrive: fc.nat(5), leave: fc.array(fc.nat(30), { maxLength: 5 }) }), { maxLength: 15 }), (rounds) => {
      const folder = new Map<number, number>();
      let next = 1;
      let remembered: readonly Witness[] = [];
      for (const { arrive, leave } of rounds) {
        for (let count = 0; count < arrive; count++) folder.set(next, 100 + next++);
        for (const uid of leave) folder.delete(uid);
        assert.equal(contradicted(remembered, witnessesIn(folder)), null);
        remembered = lastWitnesses(remembered, witnessesIn(folder));
      }
    }),
  );
});
