import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OutgoingEmail, Recipient } from "../model/email.ts";
import { permit } from "./permit.ts";

const STRICT = { allowunresolvedpartiesonemailsend: false };
const LOOSE = { allowunresolvedpartiesonemailsend: true };

function person(kind: Recipient["kind"], address: string, change: Partial<Recipient> = {}): Recipient {
  return {
    kind,
    address: { name: "", address },
    record: { type: "contact", id: address, name: "Bob Ray" },
    doNotEmail: false,
    active: true,
    ...change,
  };
}

const ANN = person("to", "ann@crm.example", { record: { type: "systemuser", id: "ann", name: "Ann" } });
const BOB = person("to", "bob@customer.example");

function email(change: Partial<OutgoingEmail> = {}): OutgoingEmail {
  return {
    id: "0b6e2f5c-9a3d-4a8b-8c1e-2f3a4b5c6d7e",
    generation: 1,
    version: "1",
    subject: "Offer",
    trackingToken: null,
    html: null,
    text: "Hello",
    from: ANN,
    recipients: [BOB],
    submitterId: "ann",
    mayActAsSender: true,
    importance: 1,
    readReceiptRequested: false,
    deliveryReceiptRequested: false,
    inReplyTo: null,
    references: [],
    attempts: 0,
    attachments: [],
    ...change,
  };
}

describe("permit", () => {
  it("permits an email with one resolved recipient", () => {
    assert.deepEqual(permit(email(), STRICT), {
      ok: true,
      envelope: { from: "ann@crm.example", recipients: ["bob@customer.example"], needsSmtpUtf8: false },
      from: { name: "", address: "ann@crm.example" },
      to: [{ name: "", address: "bob@customer.example" }],
      cc: [],
      bcc: [],
    });
  });

  it("names each recipient once in the envelope and once per field, blind copies in the envelope too", () => {
    const recipients = [
      BOB,
      person("cc", "BOB@customer.example"),
      person("cc", " carl@x.example "),
      person("cc", "carl@x.example"),
      person("bcc", "dora@x.example"),
    ];
    const permission = permit(email({ recipients }), STRICT);
    assert.ok(permission.ok);
    assert.deepEqual(permission.envelope.recipients, ["bob@customer.example", "carl@x.example", "dora@x.example"]);
    assert.deepEqual(
      permission.cc.map((one) => one.address),
      ["BOB@customer.example", "carl@x.example"],
    );
    assert.deepEqual(
      permission.bcc.map((one) => one.address),
      ["dora@x.example"],
    );
  });

  it("says when the envelope needs SMTPUTF8", () => {
    const permission = permit(email({ recipients: [person("to", "jürgen@x.example")] }), STRICT);
    assert.equal(permission.ok && permission.envelope.needsSmtpUtf8, true);
  });

  it("holds an email of which it is not known who pressed Send, and refuses for good what else forbids it", () => {
    const permission = permit(email({ mayActAsSender: "not known" }), STRICT);
    assert.ok(!permission.ok);
    assert.deepEqual([permission.held, permission.code], [true, "submitter not known"]);
    assert.match(permission.message, /Ann <ann@crm\.example>/);
    const refused = permit(email({ mayActAsSender: false }), STRICT);
    assert.ok(!refused.ok && refused.held === undefined);
  });

  const refusals: [string, Partial<OutgoingEmail>, string, RegExp][] = [
    ["an email without a sender", { from: null }, "no sender", /no sender/],
    ["an email without recipients", { recipients: [] }, "80040B04", /no recipient/],
    ["sending as somebody who has not allowed it", { mayActAsSender: false }, "80040220", /Ann <ann@crm\.example>/],
    [
      "unresolved recipients",
      { recipients: [BOB, person("cc", "x@y.example", { record: null })] },
      "unresolved recipient",
      /<x@y\.example>/,
    ],
    [
      "who does not want email",
      { recipients: [person("bcc", "x@y.example", { doNotEmail: true })] },
      "do not email",
      /Bob Ray <x@y\.example>/,
    ],
    [
      "a line break in an address",
      { recipients: [person("to", "x@y.example\r\nRCPT TO:<z@y.example>")] },
      "line break in address",
      /Bob Ray/,
    ],
    [
      "a line break in a name",
      { recipients: [{ ...BOB, address: { name: "Bob\nBcc: z@y.example", address: "bob@x.example" } }] },
      "line break in address",
      /<bob@x\.example>/,
    ],
    [
      "a line break in From",
      { from: { ...ANN, address: { name: "Ann\u2028", address: "ann@crm.example" } } },
      "line break in address",
      /Ann/,
    ],
    ["an impossible address, naming it", { recipients: [BOB, person("to", "bob at example")] }, "invalid address", /<bob at example>/],
    ["an impossible sender", { from: person("to", "ann") }, "invalid address", /<ann>/],
    ["a record without an address, naming it", { recipients: [person("to", "")] }, "invalid address", /Bob Ray without an address/],
  ];
  for (const [what, change, code, message] of refusals) {
    it(`refuses ${what}`, () => {
      const permission = permit(email(change), STRICT);
      assert.ok(!permission.ok);
      assert.equal(permission.code, code);
      assert.match(permission.message, message);
      assert.doesNotMatch(permission.message, /[\r\n\u2028]/);
      assert.ok(permission.remedy.endsWith("."));
    });
  }

  it("lets unresolved recipients pass where the organization allows them", () => {
    assert.equal(permit(email({ recipients: [person("to", "x@y.example", { record: null })] }), LOOSE).ok, true);
  });

  it("names a few of many", () => {
    const permission = permit(email({ recipients: Array.from({ length: 100 }, (_, n) => person("to", `bad ${n}`)) }), STRICT);
    assert.ok(!permission.ok);
    assert.match(permission.message, /<bad 4> and 95 more\.$/);
  });
});
