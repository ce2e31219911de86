import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressMeant, namesOf } from "./plus-address.ts";
import { ANN, address, BOB, decide, type FactsOf, facts, match, queue, SUPPORT, user } from "./test-data.ts";

describe("the addresses of which one may be a variant", () => {
  const rows: [address: string, separator: string, names: string[]][] = [
    ["ann+shop@crm.example", "+", ["ann@crm.example"]],
    ["ann@crm.example", "+", []],
    ["ann+@crm.example", "+", ["ann@crm.example"]],
    ["+shop@crm.example", "+", []],
    ["anne-marie-shop@crm.example", "-", ["anne-marie@crm.example", "anne@crm.example"]],
    ["ann+shop@crm.example", "-", []],
    ["ann+shop@crm.example", "", []],
    ["ann@a+b.example", "+", []],
    ["nobody", "+", []],
    ["a+b", "+", []],
  ];
  for (const [one, separator, names] of rows) {
    it(`${one} parted by "${separator}"`, () => assert.deepEqual(namesOf(one, separator), names));
  }
  it("are few and shorter, whatever a stranger writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("+", "a", "@"), maxLength: 60 }), (text) => {
        const names = namesOf(text, "+");
        assert.ok(names.length <= 5);
        for (const name of names)
          assert.ok(name.length < text.length && name.slice(name.lastIndexOf("@")) === text.slice(text.lastIndexOf("@")));
      }),
    );
  });
});

describe("a plus-address", () => {
  const plus = "ann+shop@crm.example";
  const ann = user("Ann", ANN);
  const rows: [promise: string, asked: string, known: FactsOf, meant: string][] = [
    ["means the user without the detail", plus, {}, ANN],
    ["means the queue without the detail", "Support+2@CRM.example", { voters: [queue("Support", SUPPORT)] }, SUPPORT],
    [
      "never means a contact without the detail",
      "bob+x@customer.example",
      { records: [match(BOB, "contact", "Bob")] },
      "bob+x@customer.example",
    ],
    ["yields to a record that has the whole address", plus, { records: [match(plus, "contact", "Shop")] }, plus],
    ["yields to a user who has the whole address", plus, { voters: [ann, user("Shop", plus)] }, plus],
    ["means nobody where the separator is empty", plus, { settings: { PlusAddressSeparator: "" } }, plus],
    ["has another separator by setting", "ann-shop@crm.example", { settings: { PlusAddressSeparator: "-" } }, ANN],
    [
      "means the longest name that there is",
      "ann-lee-x@crm.example",
      { settings: { PlusAddressSeparator: "-" }, voters: [ann, user("Lee", "ann-lee@crm.example")] },
      "ann-lee@crm.example",
    ],
  ];
  for (const [promise, asked, known, meant] of rows) it(promise, () => assert.equal(addressMeant(asked, facts(known)), meant));

  it("votes, is a party, and owns as the address without the detail does", () => {
    const known = {
      voters: [user("Ann", ANN, { filter: 0 })],
      mailboxOwner: null,
      records: [match(ANN, "systemuser", "Ann"), match(ANN, "contact", "Ann")],
    };
    const { placement } = decide({ head: { to: [address(plus)] }, facts: known });
    assert.deepEqual(
      placement?.parties.filter((one) => one.participation === 2).map((one) => [one.record?.type, one.address.address]),
      [["systemuser", plus]],
    );
    assert.deepEqual([placement?.ownerId, placement?.accepting?.name], ["systemuser-ann", "Ann"]);
  });

  it("of a user is a sender from inside", () => {
    const settings = { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false };
    const voters = [user("Ben", "ben@crm.example", { filter: 0 }), user("Ann", ANN)];
    const decision = decide({ head: { from: [address(plus)], to: [address("ben@crm.example")] }, facts: { voters, settings } });
    assert.deepEqual([decision.outcome, decision.reason], ["skipped", 4]);
  });
});
