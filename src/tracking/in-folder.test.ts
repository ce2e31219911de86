import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RuledFolder } from "../model/folder-rule.ts";
import { explain } from "./explain.ts";
import { countBefore } from "./mail-loop.ts";
import { ANN, address, BEN, BOB, because, decide, earlier, match, record, type Situation, user } from "./test-data.ts";

const MILL = record("opportunity", "Mill");
const ACME = record("account", "Acme");
const RULE = { id: 1, folder: "f", name: "Projects", mark: null, children: true, regarding: null };
const PROJECTS: RuledFolder = { name: "Projects", rule: RULE };
const ABOUT_ACME: RuledFolder = { name: "Projects/Acme", rule: { ...RULE, regarding: ACME } };

/** What keeps a message out by itself, each for another reason. */
const REFUSED: readonly (readonly [string, Situation])[] = [
  ["a filter that takes nothing", { facts: { voters: [user("Ann", ANN, { filter: 4 })] } }],
  ["a filter for answers", { facts: { voters: [user("Ann", ANN, { filter: 1 })] } }],
  ["no user or queue among the recipients", { head: { to: [address("list@lists.example")] }, facts: { mailboxOwner: null } }],
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
];

describe("a message in a folder with a rule", () => {
  for (const [what, situation] of REFUSED) {
    it(`is tracked in spite of ${what}, by nobody's filter`, () => {
      assert.equal(decide(situation).outcome, "skipped", "else the test says nothing");
      const decision = decide({ ...situation, context: { folder: PROJECTS } });
      assert.deepEqual([decision.outcome, decision.reason, decision.placement?.accepting], ["tracked", -1, null]);
      assert.match(because(decision, "folder"), /the folder Projects, which has a rule/);
      assert.match(explain(decision, { mailbox: ANN })[0] ?? "", /is tracked, because it lies in a folder with a rule/);
    });
  }

  it("says by the rule of which folder it is tracked", () => {
    assert.match(
      because(decide({ context: { folder: ABOUT_ACME } }), "folder"),
      /the folder Projects\/Acme, below Projects, which has a rule/,
    );
  });

  it("is about the folder's record before that of the email that it answers, and about that where the folder says nothing", () => {
    const answer: Situation = { head: { inReplyTo: ["sent1@crm.example"] }, facts: { byMessageId: [earlier({ regarding: MILL })] } };
    const linked = decide({ ...answer, context: { folder: ABOUT_ACME } });
    assert.deepEqual([linked.placement?.regarding, linked.placement?.correlatedEmailId], [ACME, "earlier-1"]);
    assert.match(because(linked, "regarding"), /about the account Acme, like the folder Projects\/Acme/);
    assert.deepEqual(decide({ ...answer, context: { folder: PROJECTS } }).placement?.regarding, MILL);
  });

  it("is about what a person said before the folder's record", () => {
    const said = { by: "eve", at: new Date("2025-03-11T08:00:00Z") };
    const wish = { ...said, verb: "track" as const, regarding: MILL };
    assert.deepEqual(decide({ context: { folder: ABOUT_ACME, wish } }).placement?.regarding, MILL);
    assert.deepEqual(decide({ context: { folder: ABOUT_ACME, wish: { ...wish, regarding: null } } }).placement?.regarding, ACME);
  });

  it("is not tracked when it is older than the start date, was untracked by hand, belongs to a test, or is an email already", () => {
    const outcomes = [
      decide({ head: { received: new Date("2020-01-01") }, context: { folder: PROJECTS } }),
      decide({ context: { folder: PROJECTS, wish: { verb: "untrack", by: "eve", at: new Date(), regarding: null } } }),
      decide({ context: { folder: PROJECTS, test: { kind: "test message", mailbox: ANN, sentAt: new Date() } } }),
      decide({ context: { folder: PROJECTS, known: { emailId: "made-before", how: null } } }),
    ].map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ["skipped", "skipped", "skipped", "duplicate"]);
  });

  it("does not keep a loop of programs going: a mail server may put their mail there", () => {
    const received = new Date("2025-03-10T09:00:00Z");
    const sent = earlier({ regarding: null });
    const bounce: Situation = {
      head: { inReplyTo: ["sent1@crm.example"], headers: [["auto-submitted", "auto-replied"]], received },
      facts: { byMessageId: [sent] },
    };
    const first = decide({ ...bounce, context: { folder: PROJECTS } });
    assert.equal(first.outcome, "tracked");
    const step = first.automaticAnswer;
    assert.ok(step !== undefined);
    const before = Array.from({ length: 50 }, () => step);
    const last = decide({ ...bounce, context: { folder: PROJECTS, answersBefore: (answer) => countBefore(before, answer) } });
    assert.deepEqual([last.outcome, last.cutsLoop], ["skipped", true]);
  });
});
