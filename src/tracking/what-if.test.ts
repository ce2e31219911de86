import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleAnswer } from "../model/decision.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { no, RULE, yes } from "./rule.ts";
import { ANN, address, BOB, CARL, head } from "./test-data.ts";
import { differences, relatedIds, threadKeys } from "./what-if.ts";

const SMART = { ...DEFAULT_SETTINGS, enablesmartmatching: true };

test("what may belong together by a token, a conversation or smart matching has a key in common under the settings that say so", () => {
  const shared = (one: Parameters<typeof head>[0], other: Parameters<typeof head>[0], ...settings: (typeof SMART)[]) => {
    const keys = new Set(threadKeys(head(one), settings));
    return threadKeys(head(other), settings).filter((key) => keys.has(key)).length > 0;
  };
  const answer = { subject: "RE: Offer for the mill", from: [address(ANN)], to: [address(BOB)] };
  assert.equal(shared({}, answer, DEFAULT_SETTINGS), false);
  assert.equal(shared({}, answer, SMART), true);
  assert.equal(shared({}, answer, DEFAULT_SETTINGS, SMART), true);
  assert.equal(shared({}, answer, { ...SMART, DisableSmartMatching: true }), false);
  assert.equal(shared({}, { ...answer, from: [address(CARL)], to: [address("dora@x.example")] }, SMART), false);
  const [one, other] = [{ subject: "Offer CRM:0001001" }, { subject: "Invoice CRM:0001001" }];
  assert.equal(shared(one, other, DEFAULT_SETTINGS), true);
  assert.equal(shared(one, other, { ...DEFAULT_SETTINGS, trackingtokensenabled: false }), false);
  assert.equal(shared(one, other, { ...DEFAULT_SETTINGS, trackingtokensenabled: false }, DEFAULT_SETTINGS), true);
  const conversationIndex = "AQ".repeat(16);
  assert.equal(shared({ conversationIndex }, { conversationIndex, subject: "Else" }, DEFAULT_SETTINGS), true);
});

test("a message has to do with those of its own Message-ID and those that it answers", () => {
  assert.deepEqual(relatedIds(head({ messageId: "a@x", inReplyTo: ["b@x"], references: ["c@x", "b@x"] })).toSorted(), [
    "a@x",
    "b@x",
    "c@x",
  ]);
  assert.deepEqual(relatedIds(head({ messageId: null })), []);
});

test("of two decisions the answers are told that the other one does not have, in order", () => {
  const same = no(RULE.references, "The message refers to no other message.");
  assert.deepEqual(differences([same, no(RULE.filter, "Ann takes answers.")], [same, yes(RULE.filter, "Ann takes all."), same]), {
    before: ["filter: no. Ann takes answers."],
    after: ["filter: yes. Ann takes all."],
  });
});

test("answers that differ only in what may not be shown are told all the same, without it", () => {
  const shown = (answers: readonly RuleAnswer[]) => answers.map((one) => ({ ...one, because: "" }));
  const about = (who: string) => [yes(RULE.filter, `The sender is ${who}.`)];
  assert.deepEqual(differences(about("Ann"), about("Ben"), shown), { before: ["filter: yes."], after: ["filter: yes."] });
});
