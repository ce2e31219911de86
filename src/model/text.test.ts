import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { storableJson, storableText } from "./text.ts";

const text = fc.string({
  unit: fc.oneof(fc.constantFrom("\u0000", "\ud800", "\udfff", "\\", "u0000", '"', "é", "😀"), fc.string({ unit: "binary", maxLength: 1 })),
});

test("whatever strings a value holds, its JSON reads back as the same value with storable strings", () => {
  fc.assert(
    fc.property(text, fc.array(text), fc.option(text), (one, some, maybe) => {
      const read: unknown = JSON.parse(storableJson({ one, some, maybe, number: 1 }));
      assert.deepEqual(read, { one: storableText(one), some: some.map(storableText), maybe: maybe && storableText(maybe), number: 1 });
    }),
  );
});

test("a NUL and a lone surrogate are replaced, everything else stays as it is", () => {
  assert.equal(
    storableJson(["a\u0000b", "\ud83d", "\\u0000 \\ud83d", "😀"]),
    JSON.stringify(["a\uFFFDb", "\uFFFD", "\\u0000 \\ud83d", "😀"]),
  );
});
