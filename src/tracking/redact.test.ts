import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleAnswer } from "../model/decision.ts";
import { redactedAddresses, redactedAdvice, redactedRules } from "./redact.ts";

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

test("a local part in quotation marks goes whole", () => {
  assert.equal(
    redactedAddresses(`From "Plum \\"P\\" affair"@stranger.test, no filter.`, "me@contoso.example"),
    "From …@stranger.test, no filter.",
  );
});

test("a local part in quotation marks goes whole, however long it is", () => {
  for (const length of [63, 64, 65, 70, 500, 1000]) {
    const [escaped, plain] = [String.raw`plum \"plum\" `.repeat(length), "p".repeat(length)];
    assert.equal(
      redactedAddresses(`Of "me", from "${escaped}"@stranger.test and "${plain}"@b.test.`, "me@contoso.example"),
      'Of "me", from …@stranger.test and …@b.test.',
    );
  }
});

test("a long word of a stranger is read once", () => {
  for (const word of ["a", '"', '\\"', "a@", "@", '"@', '\\"@', "\\"]) {
    const text = word.repeat(200_000);
    const started = performance.now();
    redactedAddresses(text, "me@contoso.example");
    assert.ok(performance.now() - started < 5000, word);
  }
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

test("what a list or a program wrote into its header is left out, also where no record is made of it for that", () => {
  const text = "A list sent it: its header has List-Id: The plum affair <plum.example>";
  for (const [rule, answer] of [
    ["automatic mail", "yes"],
    ["new record", "no"],
  ] as const)
    assert.equal(because({ rule, answer, because: text }), "");
});

test("advice names neither who wrote the message nor what it answers", () => {
  const changes = [
    { kind: "new contact", address: "plum@stranger.test", hasRecords: false },
    { kind: "new recipient", address: "ME@contoso.example" },
    { kind: "one record", address: "plum@stranger.test", record: CAROL },
    { kind: "question", messageId: "plum@stranger.test" },
    { kind: "by hand", verb: "track" },
  ] as const;
  const advised = { now: "skipped", wanted: "tracked", alternatives: [{ changes }] } as const;
  assert.deepEqual(redactedAdvice(advised, "me@contoso.example").alternatives[0]?.changes, [
    { kind: "new contact", address: "…@stranger.test", hasRecords: false },
    { kind: "new recipient", address: "ME@contoso.example" },
    { kind: "one record", address: "…@stranger.test", record: { type: "contact", id: "", name: "" } },
    { kind: "question", messageId: "…@stranger.test" },
    { kind: "by hand", verb: "track" },
  ]);
});

test("who the parties are, whose the email would be and what it is about is left out", () => {
  for (const rule of ["parties", "owner", "regarding", "queue items"]) {
    assert.equal(because({ rule, answer: "yes", because: "Carol Chen" }), "", rule);
  }
  assert.equal(because({ rule: "sender", answer: "no", because: `"Carol Chen" is no address` }), "");
});
