import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { conversationBase } from "./conversation.ts";

const BASE = Buffer.from([1, ...Array.from({ length: 21 }, (_, index) => index * 7)]);

describe("conversationBase", () => {
  it("is the same for a message and all answers to it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 22, maxLength: 22 }), fc.uint8Array({ maxLength: 60 }), (base, answers) => {
        const index = Buffer.concat([base, answers]).toString("base64");
        assert.equal(conversationBase(index), Buffer.from(base).toString("base64"));
      }),
    );
  });

  it("overlooks the white space of folding", () => {
    const index = BASE.toString("base64");
    assert.equal(conversationBase(`${index.slice(0, 10)}\r\n ${index.slice(10)}`), index);
  });

  for (const index of [null, "", "AQ==", BASE.subarray(0, 21).toString("base64"), "!".repeat(40)]) {
    it(`is null for ${JSON.stringify(index)}`, () => assert.equal(conversationBase(index), null));
  }
});
