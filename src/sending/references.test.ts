import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAXIMUM_REFERENCES, referencesFor } from "./references.ts";

describe("referencesFor", () => {
  it("appends the answered message to its own references", () => {
    assert.deepEqual(referencesFor({ inReplyTo: "c@x", references: ["a@x", "b@x"] }), ["a@x", "b@x", "c@x"]);
  });
  it("is empty for an email that answers nothing", () => assert.deepEqual(referencesFor({ inReplyTo: null, references: ["a@x"] }), []));
  it("names each id once, the answered one last", () => {
    assert.deepEqual(referencesFor({ inReplyTo: "b@x", references: ["a@x", "b@x", "a@x", "c@x"] }), ["a@x", "c@x", "b@x"]);
  });
  it("leaves out what no header can hold", () => {
    const references = ["a b", "a>\r\nBcc: x", "", "ü@x", "l".repeat(901), "ok@x"];
    assert.deepEqual(referencesFor({ inReplyTo: "c@x", references }), ["ok@x", "c@x"]);
  });
  it("keeps the first and the last of a long chain", () => {
    const references = Array.from({ length: 500 }, (_, n) => `r${n}@x`);
    const chain = referencesFor({ inReplyTo: "last@x", references });
    assert.deepEqual(
      [chain.length, chain[0], chain[1], chain.at(-2), chain.at(-1)],
      [MAXIMUM_REFERENCES, "r0@x", "r482@x", "r499@x", "last@x"],
    );
  });
  it("holds only ids it was given, in bounds, for any input", () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.array(fc.string(), { maxLength: 60 }), (inReplyTo, references) => {
        const chain = referencesFor({ inReplyTo, references });
        assert.ok(chain.length <= MAXIMUM_REFERENCES);
        assert.equal(new Set(chain).size, chain.length);
        for (const id of chain) assert.ok(/^[!-~]+$/.test(id) && (id === inReplyTo || references.includes(id)));
      }),
    );
  });
});
