import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Wish } from "../model/wish.ts";
import { advise } from "./advice.ts";
import { explain } from "./explain.ts";
import {
  ANN,
  address,
  BEN,
  BOB,
  because,
  context,
  decide,
  earlier,
  type FactsOf,
  facts,
  head,
  match,
  queue,
  record,
  type Situation,
  SUPPORT,
  user,
} from "./test-data.ts";

/** As a person is told of decision 17. */
function explained(of: Situation): string[] {
  const situation = { head: head(of.head), facts: facts(of.facts), context: context(of.context) };
  return explain(decide(of), { mailbox: ANN, number: 17, advice: advise(situation) });
}

const MILL = record("opportunity", "Mill");
const ACME = record("account", "Acme");

const wished = (change: Partial<Wish> = {}): Wish => ({
  verb: "track",
  by: "eve",
  at: new Date("2025-03-11T08:00:00Z"),
  regarding: null,
  ...change,
});
const TRACK = { wish: wished() };
const UNTRACK = { wish: wished({ verb: "untrack" }) };

/** What keeps a message out, each for another reason. */
const REFUSED: readonly (readonly [string, Situation])[] = [
  ["the start date", { head: { received: new Date("2020-01-01") } }],
  ["DoNotAutoTrackEmail", { facts: { settings: { DoNotAutoTrackEmail: true } } }],
  ["a sender that is none", { head: { from: [] } }],
  [
    "a sender that is two records",
    {
      facts: {
        records: [match(BOB, "contact", "Bob"), match(BOB, "lead", "Bob")],
        settings: { OverrideV5SenderConflictResolution: true },
        voters: [user("Ann", ANN, { filter: 0 })],
      },
    },
  ],
  [
    "mail between users",
    {
      head: { from: [address(BEN)] },
      facts: {
        voters: [user("Ann", ANN, { filter: 0 }), user("Ben", BEN)],
        settings: { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false },
      },
    },
  ],
  ["a filter", { facts: { voters: [user("Ann", ANN, { filter: 4 })] } }],
  ["no recipient", { head: { to: [] }, facts: { voters: [] } }],
];

const OPEN: FactsOf = { voters: [user("Ann", ANN, { filter: 0 })] };

describe("a person's wish to track a message (product-behaviour 4.4)", () => {
  for (const [cause, situation] of REFUSED) {
    it(`stands above ${cause}`, () => {
      assert.equal(decide(situation).outcome, "skipped");
      const decision = decide({ ...situation, context: TRACK });
      assert.deepEqual([decision.outcome, decision.reason], ["tracked", -1]);
      assert.match(because(decision, "asked for"), /^eve asked for it by hand on 2025-03-11 08:00:00 UTC/);
      assert.equal(decision.placement?.accepting, null, "no filter did it (product-behaviour 4.1)");
      assert.match(explain(decision, { mailbox: ANN })[0] ?? "", /is tracked, because a person asked for it/);
    });
  }

  it("makes no email of a test message", () => {
    const test = { kind: "test message", mailbox: ANN, sentAt: new Date() } as const;
    assert.equal(decide({ context: { ...TRACK, test } }).outcome, "skipped");
  });

  it("makes no second email of what is one already", () => {
    assert.equal(decide({ context: { ...TRACK, known: { emailId: "e1", how: null } } }).outcome, "duplicate");
  });

  it("leaves correlation, owner and queue items as they are", () => {
    const facts: FactsOf = { voters: [user("Ann", ANN), queue("Support", SUPPORT)], byMessageId: [earlier()] };
    const head = { to: [address(ANN), address(SUPPORT)], inReplyTo: ["sent1@crm.example"] };
    const [byRule, byHand] = [decide({ head, facts }), decide({ head, facts, context: TRACK })];
    assert.equal(byRule.outcome, "tracked");
    assert.deepEqual(byHand.placement, { ...byRule.placement, accepting: null });
  });

  it("with a regarding wins over what the answered email is about, and says so", () => {
    const situation: Situation = {
      head: { inReplyTo: ["sent1@crm.example"] },
      facts: { ...OPEN, byMessageId: [earlier({ regarding: MILL })] },
    };
    assert.deepEqual(decide({ ...situation, context: TRACK }).placement?.regarding, MILL);
    const decision = decide({ ...situation, context: { wish: wished({ regarding: ACME }) } });
    assert.deepEqual([decision.placement?.regarding, decision.placement?.correlatedEmailId], [ACME, "earlier-1"]);
    assert.equal(because(decision, "regarding"), "eve said on 2025-03-11 08:00:00 UTC by hand that it is about the account Acme.");
  });
});

describe("a person's wish to untrack a message", () => {
  it("stands above every filter, and what to type to take it back is told", () => {
    assert.equal(decide({ facts: OPEN }).outcome, "tracked");
    const decision = decide({ facts: OPEN, context: UNTRACK });
    assert.deepEqual([decision.outcome, decision.reason, decision.waitingFor], ["skipped", -1, []]);
    assert.match(because(decision, "asked for"), /^eve untracked it by hand on 2025-03-11 08:00:00 UTC/);
    assert.match(explained({ facts: OPEN, context: UNTRACK }).at(-1) ?? "", /`waypost track 17`/);
  });

  it("waits for no message that it answers", () => {
    const head = { inReplyTo: ["gone@x"] };
    assert.deepEqual(decide({ head }).waitingFor, ["gone@x"]);
    assert.deepEqual(decide({ head, context: UNTRACK }).waitingFor, []);
  });

  it("holds for a copy that the CRM knows by its Message-ID and other evidence", () => {
    const own = earlier({ messageId: "m1@customer.example", direction: "incoming", senderAddress: BOB });
    const situation: Situation = { facts: { ...OPEN, byMessageId: [own] } };
    assert.equal(decide(situation).outcome, "duplicate");
    assert.equal(decide({ ...situation, context: { untracked: new Map([[own.id, UNTRACK.wish]]) } }).outcome, "skipped");
  });
});

describe("explain", () => {
  it("names `waypost track` with the number of every skipped message", () => {
    for (const [cause, situation] of REFUSED)
      assert.ok(
        explained(situation).some((sentence) => sentence.includes("`waypost track 17`")),
        cause,
      );
  });

  it("does not name it for a test", () => {
    const said = explained({ context: { test: { kind: "test message", mailbox: ANN, sentAt: new Date() } } });
    assert.doesNotMatch(said.join(), /waypost track/);
  });
});
