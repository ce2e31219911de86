import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressKey, domainOf } from "./address.ts";

test("addresses that differ in case and surrounding space only are the same", () => {
  assert.equal(addressKey(" Ann@Example.Test\t"), "ann@example.test");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(addressKey(addressKey(text)), addressKey(text), "a key is its own key");
      assert.equal(addressKey(` ${text}\n`), addressKey(text));
    }),
  );
});

test("the domain is what stands after the last @, in lower case; without one there is none", () => {
  assert.deepEqual(["ann@Example.Test", '"a@b"@example.test ', "ann@", "ann", ""].map(domainOf), [
    "example.test",
    "example.test",
    "",
    "",
    "",
  ]);
  fc.assert(fc.property(fc.string(), (text) => assert.ok(!domainOf(text).includes("@"))));
});
