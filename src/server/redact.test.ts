import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleAnswer } from "../model/decision.ts";
import { redactedAddresses, redactedRules } from "./redact.ts";

const CAROL = { type: "contact", id: "1", name: "Carol Chen" };

function because(given: Partial<RuleAnswer>): string | undefined {
  return redactedRules([{ rule: "", answer: "no", because: "", ...given }], "me@contoso.example")[0]?.because;
}

test("of an address or Message-ID only the domain stays, but the mailbox's own whole", () => {
  assert.equal(
    redactedAddresses(`<carol.chen@fabrikam.example>, ME@contoso.example; id "a1@x"`, "me@contoso.example"),
    `<…@fabrikam.example>, ME@contoso.example; id "…@x"`,
  );
});

test("names of people who wrote the message are left out", () => {
  const text = "Carol Chen sent it from inside to carol@a.example.";
  assert.equal(because({ rule: "mail between users", because: text, records: [CAROL] }), "(a contact) sent it from inside to …@a.example.");
});

test("whose filter refused is told, whom it accepted is not", () => {
  const voter = { type: "systemuser", id: "2", name: "Alice Adams" };
  assert.equal(
    because({ rule: "filter", answer: "no", because: "The filter of Alice Adams.", records: [voter] }),
    "The filter of Alice Adams.",
  );
  assert.equal(because({ rule: "filter", answer: "yes", because: "The sender is the contact Carol Chen.", records: [voter] }), "");
});

test("who the parties are, whose the email would be and what it is about is left out", () => {
  for (const rule of ["parties", "owner", "regarding", "queue items"]) {
    assert.equal(because({ rule, answer: "yes", because: "Carol Chen" }), "", rule);
  }
  assert.equal(because({ rule: "sender", answer: "no", because: `"Carol Chen" is no address` }), "");
});
