import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { REASON, type ReasonCode } from "../model/decision.ts";
import type { Facts } from "../model/facts.ts";
import type { CrmVerdict } from "../model/verdict.ts";
import { RULE } from "./rule.ts";
import { isStranger } from "./stranger.ts";
import { ANN, address, BOB, CARL, context, earlier, facts, head, match, RECEIVED, user } from "./test-data.ts";
import { tokensIn } from "./token.ts";
import { track } from "./track.ts";

const takes = (reason: ReasonCode): CrmVerdict => ({ delivers: true, reason });
const leaves = (reason: ReasonCode): CrmVerdict => ({ delivers: false, reason });
const told = (what: Facts, verdict: CrmVerdict | undefined, message = head({ from: [address(CARL)] })) =>
  track(message, what, context({ ...(verdict && { verdict }) }));
const word = (decision: { rules: readonly { rule: string; answer: string }[] }) =>
  decision.rules.find(({ rule }) => rule === RULE.crm)?.answer;

describe("the word of a CRM that decides itself", () => {
  it("stands above the filters here, whichever way they would go", () => {
    const nobody = facts();
    assert.equal(told(nobody, undefined).outcome, "skipped");
    const taken = told(nobody, takes(REASON.senderMatch));
    assert.deepEqual([taken.outcome, taken.reason, word(taken)], ["tracked", REASON.senderMatch, "yes"]);
    const all = facts({ voters: [user("Ann", ANN, { filter: 0 })] });
    assert.equal(told(all, undefined).outcome, "tracked");
    const left = told(all, leaves(REASON.internalEmailRejected));
    assert.deepEqual([left.outcome, left.reason, word(left)], ["skipped", REASON.internalEmailRejected, "no"]);
  });

  it("is not final where it finds no earlier email and the headers show one, if a filter takes answers", () => {
    const known = earlier({ participants: [ANN, BOB] });
    const answer = head({ inReplyTo: [known.messageId ?? ""] });
    const promoted = told(facts({ byMessageId: [known] }), leaves(REASON.noCorrelationMatch), answer);
    assert.deepEqual(
      [promoted.outcome, promoted.reason, promoted.placement?.parentEmailId, promoted.placement?.regarding?.name],
      ["tracked", REASON.correlationMatch, known.id, "Mill"],
    );
    const never = facts({ byMessageId: [known], voters: [user("Ann", ANN, { filter: 4 })] });
    assert.equal(told(never, leaves(REASON.noCorrelationMatch), answer).outcome, "skipped");
    assert.equal(told(facts({ byMessageId: [known] }), leaves(REASON.invalidSender), answer).outcome, "skipped");
  });

  it("waits for the message that is answered where neither knows it", () => {
    const left = told(facts(), leaves(REASON.noCorrelationMatch), head({ inReplyTo: ["later@crm.example"] }));
    assert.deepEqual([left.outcome, left.waitingFor], ["skipped", ["later@crm.example"]]);
  });

  it("that it is a duplicate is not final where an email has its Message-ID: the other evidence says whether that is the same message", () => {
    const sent = new Date(RECEIVED);
    const message = head({ from: [address(CARL)], date: sent, subject: "Scan" });
    const own = (given: Partial<Parameters<typeof earlier>[0]>) =>
      earlier({ id: "there", direction: "incoming", messageId: message.messageId, senderAddress: CARL, sent, subject: "Scan", ...given });
    const all = (known: ReturnType<typeof earlier>) => facts({ byMessageId: [known], voters: [user("Ann", ANN, { filter: 0 })] });
    const another = told(all(own({ subject: "Another scan" })), leaves(REASON.duplicate), message);
    assert.deepEqual([another.outcome, word(another)], ["tracked", "no"]);
    const off = facts({ byMessageId: [own({ subject: "Another scan" })], settings: { DoNotAutoTrackEmail: true } });
    assert.equal(told(off, leaves(REASON.duplicate), message).outcome, "skipped", "what the CRM would have looked at is looked at here");
    const same = told(all(own({ participants: [ANN, BOB, CARL] })), leaves(REASON.duplicate), message);
    assert.deepEqual([same.outcome, same.emailId], ["duplicate", "there"]);
    const unseen = told(facts({ voters: [user("Ann", ANN, { filter: 0 })] }), leaves(REASON.duplicate), message);
    assert.deepEqual([unseen.outcome, unseen.reason], ["skipped", REASON.duplicate]);
  });

  it("opens nothing before the start date, and says nothing where a person did", () => {
    const early = track(
      head(),
      facts(),
      context({ mailbox: { ...context().mailbox, startDate: new Date(RECEIVED.getTime() + 1) }, verdict: takes(REASON.acceptAll) }),
    );
    assert.equal(early.outcome, "skipped");
    const wished = track(
      head({ from: [address(CARL)] }),
      facts(),
      context({ verdict: leaves(REASON.senderMatch), wish: { verb: "track", by: "Ann", at: RECEIVED, regarding: null } }),
    );
    assert.deepEqual([wished.outcome, word(wished)], ["tracked", undefined]);
  });
});

describe("a stranger's message, about which no CRM need be asked", () => {
  const message = head({ from: [address(CARL)], inReplyTo: ["a@b.example"], conversationIndex: null });
  const cases: readonly (readonly [what: string, isOne: boolean, facts: Facts, message?: ReturnType<typeof head>])[] = [
    ["nobody knows it", true, facts()],
    ["its sender is a record, even an inactive one", false, facts({ records: [match(CARL, "contact", "Carl", { active: false })] })],
    ["a recipient takes all", false, facts({ voters: [user("Ann", ANN, { filter: 0 })] })],
    ["the organization makes all users take all", false, facts({ settings: { SSSForceFilteringMethodForUserMailboxes: 0 } })],
    ["a filter takes nothing", true, facts({ voters: [user("Ann", ANN, { filter: 4 })] })],
    ["it answers an email", false, facts({ byMessageId: [earlier({ messageId: "a@b.example" })] })],
    ["it is an email already", false, facts({ byMessageId: [earlier({ messageId: message.messageId })] })],
    [
      "it bears a token of an email",
      false,
      facts({ byToken: [earlier({ trackingToken: tokensIn("CRM:0001002", facts().settings)[0] ?? "" })] }),
      head({ from: [address(CARL)], subject: "Re: CRM:0001002" }),
    ],
    ["smart matching is on", false, facts({ settings: { enablesmartmatching: true } })],
  ];
  for (const [what, isOne, known, other] of cases)
    it(`is ${isOne ? "one" : "none"} where ${what}`, () => {
      assert.equal(isStranger(other ?? message, known), isOne);
      if (isOne) assert.equal(track(other ?? message, known, context()).outcome, "skipped");
    });
});
