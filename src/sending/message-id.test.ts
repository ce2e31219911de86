import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { messageIdFor, parseMessageId } from "./message-id.ts";

const ID = "0b6e2f5c-9a3d-4a8b-8c1e-2f3a4b5c6d7e";

describe("messageIdFor", () => {
  it("gives an id that is read back, the same each time, for any domain", () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.integer({ min: 1, max: 999_999_999 }),
        fc.oneof(fc.domain(), fc.string()),
        (emailId, generation, domain) => {
          const id = messageIdFor(emailId, generation, domain);
          assert.equal(messageIdFor(emailId, generation, domain), id);
          assert.deepEqual(parseMessageId(id), { emailId, generation });
          assert.match(id, /^[\w.-]+@[a-z0-9._-]+$/);
        },
      ),
    );
  });

  it("differs for each press of Send", () => assert.notEqual(messageIdFor(ID, 1, "crm.example"), messageIdFor(ID, 2, "crm.example")));
  it("has the documented form", () => assert.equal(messageIdFor(ID.toUpperCase(), 3, "CRM.example"), `${ID}.3.waypost@crm.example`));
  it("writes an international domain in ASCII", () =>
    assert.equal(messageIdFor(ID, 1, "müller.example"), `${ID}.1.waypost@xn--mller-kva.example`));
  for (const domain of ["", "a b", "x>\r\nBcc: y", "[127.0.0.1]", "a@b", "x/y"]) {
    it(`takes a reserved domain for ${JSON.stringify(domain)}`, () =>
      assert.equal(messageIdFor(ID, 1, domain), `${ID}.1.waypost@waypost.invalid`));
  }
  for (const [id, generation] of [
    ["nonsense", 1],
    [ID, 0],
    [ID, -1],
    [ID, 1.5],
    [ID, Number.NaN],
    [ID, 1e9],
  ] as const) {
    it(`refuses ${id} with generation ${generation}`, () => assert.throws(() => messageIdFor(id, generation, "crm.example"), RangeError));
  }
});

describe("parseMessageId", () => {
  for (const foreign of [
    "",
    "x@y",
    `${ID}@crm.example`,
    `${ID}.01.waypost@x`,
    `${ID}.1.waypost@`,
    `x${ID}.1.waypost@y`,
    `${ID}.1.waypost@x y`,
  ]) {
    it(`is null for ${JSON.stringify(foreign)}`, () => assert.equal(parseMessageId(foreign), null));
  }
  it("knows an id again that a gateway wrote in capitals", () => {
    assert.deepEqual(parseMessageId(messageIdFor(ID, 7, "crm.example").toUpperCase()), { emailId: ID, generation: 7 });
  });
});
