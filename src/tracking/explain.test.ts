import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Decision } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import { explain } from "./explain.ts";
import { ANN, address, BEN, BOB, context, type FactsOf, facts, head, match, user } from "./test-data.ts";
import { track } from "./track.ts";

function explained(of: Partial<MessageHead>, known: FactsOf): string[] {
  return explain(track(head(of), facts(known), context()), { mailbox: ANN });
}

describe("explain", () => {
  it("begins with the outcome and who accepted", () => {
    assert.equal(
      explained({}, { voters: [user("Ann", ANN, { filter: 0 })] })[0],
      "The message in the mailbox ann@crm.example is tracked, accepted by Ann (reason 6, accept all).",
    );
  });

  it("has one sentence per rule, in order", () => {
    const decision = track(head(), facts({}), context());
    const sentences = explain(decision, { mailbox: ANN });
    for (const [index, rule] of decision.rules.entries())
      assert.equal(sentences[index + 1], `${rule.rule}: ${rule.answer}. ${rule.because}`);
  });

  const remedies: [string, Partial<MessageHead>, FactsOf, RegExp][] = [
    ["start date", { received: new Date("2020-01-01") }, {}, /set the start date of ann@crm\.example/],
    ["DoNotAutoTrackEmail", {}, { settings: { DoNotAutoTrackEmail: true } }, /switch DoNotAutoTrackEmail off/],
    ["unusable sender", { from: [] }, {}, /track it by hand/],
    [
      "sender conflict",
      {},
      { records: [match(BOB, "contact", "Bob"), match(BOB, "lead", "Bob")], settings: { OverrideV5SenderConflictResolution: true } },
      /one record only/,
    ],
    [
      "mail between users",
      { from: [address(BEN)] },
      {
        voters: [user("Ann", ANN), user("Ben", BEN)],
        settings: { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false },
      },
      /switch ignoreinternalemail off/,
    ],
    ["filter 1", {}, {}, /set the filter of Ann to "All email messages"\.$/],
    ["filter 2", {}, { voters: [user("Ann", ANN, { filter: 2 })] }, /or add the sender as a lead, contact or account/],
    [
      "a forced filter",
      {},
      { settings: { SSSForceFilteringMethodForUserMailboxes: 4 } },
      /SSSForceFilteringMethodForUserMailboxes to -1 or 0/,
    ],
    ["no recipient", { to: [] }, { voters: [] }, /add the address it was sent to/],
    ["a message that may come", { inReplyTo: ["gone@x"] }, {}, /decided again by itself .* gone@x/],
  ];
  for (const [cause, of, known, remedy] of remedies) {
    it(`tells what to change about ${cause}`, () =>
      assert.ok(
        explained(of, known).some((one) => remedy.test(one)),
        explained(of, known).join("\n"),
      ));
  }

  it("explains outcomes that the engine made", () => {
    const decision: Decision = { outcome: "quarantined", reason: -1, rules: [], placement: null, emailId: null, waitingFor: [] };
    assert.deepEqual(explain(decision, { mailbox: ANN }), [
      "The message in the mailbox ann@crm.example could not be processed and waits in quarantine to be run again (reason -1, a rule of its own).",
    ]);
    assert.match(
      explain({ ...decision, outcome: "duplicate", reason: 0, emailId: "e1" }, { mailbox: ANN })[0] ?? "",
      /is the email e1 already/,
    );
  });

  it("holds no line break, whatever a stranger writes", () => {
    const hostile = "a\r\nb\u2028c\u0000@x.example";
    for (const sentence of explained({ messageId: hostile, inReplyTo: [hostile], from: [address(hostile)], to: [address(hostile)] }, {}))
      assert.doesNotMatch(sentence, /[\p{Cc}\u2028]/u);
  });
});
