import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { baseSubject, isForward, isSameSubject } from "./subject.ts";

describe("isForward", () => {
  for (const subject of [
    "Fwd: x",
    "FW: x",
    "WG: x",
    "TR : x",
    "RV: x",
    "fwd[2]: x",
    "[External] Fw: x",
    "Fwd: Re: x",
    "转发：x",
    "İLT: x",
  ]) {
    it(`is true of ${subject}`, () => assert.equal(isForward(subject), true));
  }
  for (const subject of ["Re: x", "Re: Fwd: x", "AW: WG: x", "VS: x", "Forward: x", "x Fwd: y", "", "Fwd"]) {
    it(`is false of ${JSON.stringify(subject)}`, () => assert.equal(isForward(subject), false));
  }
});

describe("baseSubject", () => {
  const table: [string, string][] = [
    ["Re: Offer", "offer"],
    ["RE: AW: Fwd[3]:  Offer ", "offer"],
    ["[External] Re: [sales] Offer", "offer"],
    ["Re: Offer CRM:0001002", "offer"],
    ["回复：Offer", "offer"],
    ["Offer: now", "now"],
    ["", ""],
  ];
  for (const [subject, base] of table)
    it(`of ${JSON.stringify(subject)} is ${JSON.stringify(base)}`, () => assert.equal(baseSubject(subject, ["CRM:0001002"]), base));

  it("takes no time for subjects made to take long", () => {
    for (const hostile of ["[".repeat(100_000), "a ".repeat(100_000), " ".repeat(100_000), "re:".repeat(100_000)]) baseSubject(hostile, []);
  });
});

describe("isSameSubject", () => {
  const long = "word ".repeat(60);
  const table: [string, string, boolean][] = [
    ["Offer", " Offer  ", true],
    ["Offer", "[External] Offer", true],
    ["Offer", "EXTERNAL: offer", true],
    ["", "", true],
    [long, long.slice(0, 200), true],
    ["Offer", "Offers", false],
    ["Offer", "", false],
    [long, `${long.slice(0, 200)}else`, false],
  ];
  for (const [a, b, same] of table) {
    it(`is ${same} of ${JSON.stringify(a.slice(0, 20))} and ${JSON.stringify(b.slice(0, 20))}`, () => {
      assert.deepEqual([isSameSubject(a, b), isSameSubject(b, a)], [same, same]);
    });
  }
});
