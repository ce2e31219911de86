import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type KeyRing, keyRing, newKey, seal, unseal } from "./sealing.ts";

function ringOf(...keys: readonly string[]): KeyRing {
  const ring = keyRing(keys.join(", "));
  assert.ok(ring);
  return ring;
}

const RING = ringOf(newKey());

test("what is sealed opens again, whatever it is and under whatever name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, name) => {
      const sealed = seal(RING, name, text);
      assert.equal(unseal(RING, name, sealed), text.toWellFormed());
      if (text.length > 3) assert.ok(!sealed.sealed.includes(text));
    }),
  );
});

test("no change of a single bit goes unnoticed", () => {
  const sealed = seal(RING, "a", "a secret");
  const flip = (bytes: Buffer, bit: number) => {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return changed;
  };
  for (let bit = 0; bit < sealed.sealed.length * 8; bit++)
    assert.throws(() => unseal(RING, "a", { ...sealed, sealed: flip(sealed.sealed, bit) }), { code: "sealed secret damaged" });
  for (let bit = 0; bit < sealed.nonce.length * 8; bit++)
    assert.throws(() => unseal(RING, "a", { ...sealed, nonce: flip(sealed.nonce, bit) }), { code: "sealed secret damaged" });
  for (let length = 0; length < sealed.sealed.length; length++)
    assert.throws(() => unseal(RING, "a", { ...sealed, sealed: sealed.sealed.subarray(0, length) }), { code: "sealed secret damaged" });
});

test("a sealed secret does not open in another's place", () => {
  assert.throws(() => unseal(RING, "mailbox:bob", seal(RING, "mailbox:ann", "token")), { code: "sealed secret damaged" });
});

test("with another key it does not open, and the failure names both keys and nothing of the secret", () => {
  const sealed = seal(RING, "a", "a secret");
  const others = ringOf(newKey());
  assert.throws(
    () => unseal(others, "a", sealed),
    (error: Error) => {
      assert.ok(error.message.includes(RING[0].id) && error.message.includes(others[0].id));
      return !error.message.includes("a secret");
    },
  );
  assert.throws(() => unseal(others, "a", { ...sealed, keyId: others[0].id }), { code: "sealed secret damaged" });
});

test("after a change of keys the old one opens, and the new one seals", () => {
  const [before, after] = [newKey(), newKey()];
  const old = seal(ringOf(before), "a", "secret");
  const both = ringOf(after, before);
  assert.equal(unseal(both, "a", old), "secret");
  assert.equal(unseal(ringOf(after), "a", seal(both, "a", "secret")), "secret");
});

test("what is no key is none: too short, too long, not base64, one bad among good ones", () => {
  for (const text of ["", " , ", "c2hvcnQ=", `${newKey()}AAAA`, "x".repeat(43).replace("x", "!"), `${newKey()},short`])
    assert.equal(keyRing(text), null, text);
  assert.equal(ringOf(newKey(), newKey()).length, 2);
});
