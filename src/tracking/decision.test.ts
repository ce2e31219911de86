import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ANN, CARL, decide, earlier, type FactsOf, record, user } from "./test-data.ts";

const ALL = { voters: [user("Ann", ANN, { filter: 0 })] } satisfies FactsOf;

describe("waiting for", () => {
  const thread = { inReplyTo: ["a"], references: ["c", "b", "a"] };
  const voters = [user("Ann", ANN)];

  it("names what a skipped message answers, newest first", () => {
    assert.deepEqual(decide({ head: thread, facts: { voters } }).waitingFor, ["a", "b", "c"]);
  });
  it("does so without a recipient match too, when the mailbox takes answers", () => {
    const decision = decide({ head: { ...thread, to: [] }, facts: { voters: [], mailboxOwner: user("Ann", ANN) } });
    assert.deepEqual([decision.reason, decision.waitingFor], [3, ["a", "b", "c"]]);
  });
  it("never names more than twenty", () => {
    assert.equal(decide({ head: { references: Array.from({ length: 500 }, (_, n) => `r${n}`) }, facts: { voters } }).waitingFor.length, 20);
  });
  const useless: [string, FactsOf][] = [
    ["nobody takes answers", { voters: [user("Ann", ANN, { filter: 4 })] }],
    ["header correlation is off", { voters, settings: { emailcorrelationenabled: false } }],
    ["In-Reply-To is ignored", { voters, settings: { IgnoreConversationIndexAndInReplyToForCorrelation: true } }],
  ];
  for (const [when, of] of useless)
    it(`is empty where ${when}`, () => assert.deepEqual(decide({ head: thread, facts: of }).waitingFor, []));
});

describe("decision", () => {
  it("says when the header block was cut short, and repeats the ledger's note", () => {
    const decision = decide({ head: { truncated: true }, facts: ALL, context: { ledgerNote: "Decided again: m0 was tracked." } });
    assert.deepEqual(
      decision.rules.slice(0, 2).map((one) => [one.rule, one.answer]),
      [
        ["ledger", "yes"],
        ["headers", "no"],
      ],
    );
  });

  it("asks its rules in the documented order", () => {
    const decision = decide({ facts: ALL });
    assert.deepEqual(
      decision.rules.map((one) => one.rule),
      [
        "start date",
        "duplicate",
        "automatic tracking",
        "sender",
        "mail between users",
        "automatic mail",
        "In-Reply-To",
        "References",
        "tracking token",
        "conversation index",
        "smart matching",
        "filter",
        "parties",
        "owner",
        "new record",
        "regarding",
        "queue items",
      ],
    );
    assert.equal(decision.rules[0]?.answer, "yes");
  });

  it("never repeats a subject", () => {
    const of = { subject: "TOPSECRET CRM:0001002", inReplyTo: ["sent1@crm.example"], references: ["x"] };
    const token = earlier({ id: "e2", subject: "TOPSECRET", trackingToken: "CRM:0001002", participants: [CARL] });
    for (const filter of [0, 1, 2, 3, 4] as const) {
      const decision = decide({
        head: of,
        facts: {
          voters: [user("Ann", ANN, { filter })],
          byMessageId: [earlier({ subject: "TOPSECRET", participants: [] })],
          byToken: [token],
        },
      });
      assert.doesNotMatch(JSON.stringify(decision.rules), /TOPSECRET/);
    }
  });

  it("inherits the regarding of the email it belongs to", () => {
    const { placement } = decide({ head: { inReplyTo: ["sent1@crm.example"] }, facts: { ...ALL, byMessageId: [earlier()] } });
    assert.deepEqual(placement?.regarding, record("opportunity", "Mill"));
  });
});
