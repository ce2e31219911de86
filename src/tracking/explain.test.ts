import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Decision } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import { advise } from "./advice.ts";
import { decideIn } from "./change.ts";
import { explain } from "./explain.ts";
import { ANN, address, BEN, BOB, context, type FactsOf, facts, head, match, user } from "./test-data.ts";
import { track } from "./track.ts";

function explained(of: Partial<MessageHead>, known: FactsOf): string[] {
  const situation = { head: head(of), facts: facts(known), context: context() };
  return explain(decideIn(situation), { mailbox: ANN, advice: advise(situation) });
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
      assert.ok(sentences[index + 1]?.startsWith(`${rule.rule}: ${rule.answer}. ${rule.because}`), sentences[index + 1]);
  });

  it("names the settings that mattered", () => {
    const sentences = explained({}, { settings: { SSSForceFilteringMethodForUserMailboxes: 4 } });
    assert.deepEqual(
      sentences.filter((one) => /^(In-Reply-To|filter):/.test(one)).map((one) => one.slice(one.lastIndexOf("("))),
      [
        "(emailcorrelationenabled is on and IgnoreConversationIndexAndInReplyToForCorrelation is off.)",
        "(incomingemailfilteringmethod is 1 and SSSForceFilteringMethodForUserMailboxes is 4.)",
      ],
    );
  });

  it("says that it would be decided otherwise now, where that is so, and advises nothing", () => {
    const stored = track(head(), facts({}), context());
    const advice = advise({ head: head(), facts: facts({ voters: [user("Ann", ANN, { filter: 0 })] }), context: context() });
    assert.deepEqual(explain(stored, { mailbox: ANN, advice, number: 17 }).slice(-2), [
      "Decided now, it would be tracked: what the CRM knows has changed since, or the settings have.",
      "To have it decided again where it lies: `waypost track 17`.",
    ]);
  });

  it("advises nothing where the header is kept no longer", () => {
    const stored = track(head(), facts({}), context());
    assert.match(explain(stored, { mailbox: ANN, advice: null }).at(-1) ?? "", /was not tried: its header/);
  });

  it("says where nothing would change the outcome, because the message lies nowhere", () => {
    const situation = { head: head({ to: [] }), facts: facts({ voters: [] }), context: context() };
    const { alternatives, ...advised } = advise(situation);
    assert.deepEqual(
      alternatives.map(({ changes }) => changes.map(({ kind }) => kind)),
      [["by hand"]],
    );
    assert.equal(
      explain(decideIn(situation), { mailbox: ANN, advice: { ...advised, alternatives: [] }, isRead: false }).at(-1),
      "Nothing would have it tracked: it lies in no folder that is read.",
    );
  });

  it("says of what was purged when that was, the outcome and each answer, and no more", () => {
    const rules = [{ rule: "filter", answer: "no", because: "" } as const];
    const purgedAt = new Date("2026-04-10T09:00:00Z");
    const sentences = explain(
      { outcome: "skipped", reason: 1, rules, emailId: null, purgedAt, waitingFor: [] },
      { mailbox: ANN, number: 7 },
    );
    assert.deepEqual(sentences, [
      "The message in the mailbox ann@crm.example is not tracked (reason 1, no correlation match).",
      "What was known of it was purged on 2026-04-10 09:00:00 UTC, for mail that is no email is kept for a set time only, and until somebody in it is forgotten; the outcome, the reason code and what each rule answered stay.",
      "It is not decided again any more, even if a message that it answers is tracked.",
      "filter: no.",
    ]);
  });

  const remedies: [string, Partial<MessageHead>, FactsOf, RegExp][] = [
    ["start date", { received: new Date("2020-01-01") }, {}, /set the start date of ann@crm\.example/],
    ["DoNotAutoTrackEmail", {}, { settings: { DoNotAutoTrackEmail: true } }, /switch DoNotAutoTrackEmail off/],
    ["unusable sender", { from: [] }, {}, /whatever the rules say: `waypost track/],
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
    ["filter 2", {}, { voters: [user("Ann", ANN, { filter: 2 })] }, /add bob@customer\.example as a contact, lead or account/],
    [
      "a forced filter",
      {},
      { settings: { SSSForceFilteringMethodForUserMailboxes: 4 } },
      /set SSSForceFilteringMethodForUserMailboxes to 0/,
    ],
    ["no recipient", { to: [address("x@y.example")] }, { voters: [] }, /give the address x@y\.example to a user or queue/],
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
