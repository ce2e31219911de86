import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageHead } from "../model/message.ts";
import { conversationBase } from "./conversation.ts";
import { correlate } from "./correlate.ts";
import { questionOf } from "./question.ts";
import { ANN, address, BEN, BOB, CARL, context, earlier, type FactsOf, facts, head, user } from "./test-data.ts";

function correlated(of: Partial<MessageHead>, known: FactsOf) {
  return correlate(questionOf(head(of), facts(known), context()));
}

const INDEX = Buffer.from(Array.from({ length: 27 }, (_, n) => n + 1)).toString("base64");
const BASE = conversationBase(INDEX) ?? "";

const FIRST = earlier({ id: "first", messageId: "one" });
const SECOND = earlier({ id: "second", messageId: "two", at: new Date("2025-03-09T13:00:00Z") });
const TOKEN = earlier({ id: "token", messageId: "three", trackingToken: "CRM:0001002" });
const TALK = earlier({ id: "talk", messageId: "four", conversationIndex: INDEX });
const KNOWN = { byMessageId: [FIRST, SECOND], byToken: [TOKEN], byConversation: { [BASE]: [TALK] } } satisfies FactsOf;
const EVERYTHING = { inReplyTo: ["one"], references: ["two"], subject: "Re: Offer for the mill CRM:0001002", conversationIndex: INDEX };

describe("order of correlation", () => {
  const rows: [string, Partial<MessageHead>, string | null, number, boolean][] = [
    ["In-Reply-To comes first", EVERYTHING, "first", 3, true],
    ["References come second, and count as In-Reply-To", { ...EVERYTHING, inReplyTo: ["unknown"] }, "second", 3, true],
    ["the token comes third, and makes no parent", { ...EVERYTHING, inReplyTo: [], references: [] }, "token", 4, false],
    ["the conversation index comes fourth", { conversationIndex: INDEX }, "talk", 5, true],
    ["nothing found is none", {}, null, 0, false],
  ];
  for (const [promise, of, id, method, isReply] of rows) {
    it(promise, () => {
      const found = correlated(of, KNOWN);
      assert.deepEqual([found.email?.id ?? null, found.method, found.isReply], [id, method, isReply]);
      assert.equal(found.answers.length, 5);
    });
  }

  it("the newest reference that is known wins", () => {
    assert.equal(correlated({ references: ["one", "two", "unknown"] }, KNOWN).email?.id, "second");
  });
  it("methods after the hit are listed as not asked", () => {
    assert.deepEqual(
      correlated(EVERYTHING, KNOWN).answers.map((one) => one.answer),
      ["yes", "not asked", "not asked", "not asked", "not asked"],
    );
  });
});

describe("settings of correlation", () => {
  const rows: [string, FactsOf["settings"], Partial<MessageHead>, string | null, number][] = [
    ["emailcorrelationenabled off leaves the token", { emailcorrelationenabled: false }, EVERYTHING, "token", 4],
    [
      "IgnoreConversationIndexAndInReplyToForCorrelation leaves the token",
      { IgnoreConversationIndexAndInReplyToForCorrelation: true },
      EVERYTHING,
      "token",
      4,
    ],
    ["tokens off leave the rest", { trackingtokensenabled: false }, { ...EVERYTHING, inReplyTo: [], references: [] }, "talk", 5],
    ["everything off is skipped", { emailcorrelationenabled: false, trackingtokensenabled: false }, EVERYTHING, null, 1],
    ["a forward is a reply by default", {}, { ...EVERYTHING, subject: "Fwd: Offer" }, "first", 3],
    [
      "a forward is none with DoNotCorrelateForwardedEmailsAsReplies",
      { DoNotCorrelateForwardedEmailsAsReplies: true },
      { inReplyTo: ["one"], references: ["two"], subject: "Fwd: Offer" },
      null,
      0,
    ],
    [
      "an answer to a forward still is one",
      { DoNotCorrelateForwardedEmailsAsReplies: true },
      { inReplyTo: ["one"], subject: "Re: Fwd: Offer" },
      "first",
      3,
    ],
  ];
  for (const [promise, settings, of, id, method] of rows) {
    it(promise, () => {
      const found = correlated(of, { ...KNOWN, ...(settings === undefined ? {} : { settings }) });
      assert.deepEqual([found.email?.id ?? null, found.method], [id, method]);
    });
  }
});

describe("evidence for a tracking token", () => {
  const reply = { subject: "Re: Quite another thing CRM:0001002" };
  const rows: [string, Partial<MessageHead>, Parameters<typeof earlier>[0], boolean][] = [
    ["a correspondent in common is believed", reply, { participants: [ANN, BOB] }, true],
    ["a wrapped counter does not join a stranger, though the same user sent both", reply, { participants: [ANN, CARL] }, false],
    [
      "a colleague who answers under the same subject is believed",
      { subject: "Re: Offer for the mill CRM:0001002", from: [address(CARL)] },
      { participants: [ANN, BOB] },
      true,
    ],
    ["the same subject among complete strangers is not", { subject: "Offer for the mill CRM:0001002" }, { participants: [CARL] }, false],
    ["two users need no outsider", { ...reply, from: [address(BEN)] }, { participants: [ANN, BEN] }, true],
    ["a user other than the writer is no correspondent", { ...reply, from: [address(BEN)] }, { participants: [ANN, CARL] }, false],
  ];
  for (const [promise, of, change, believed] of rows) {
    it(promise, () => {
      const found = correlated(of, { voters: [user("Ann", ANN), user("Ben", BEN)], byToken: [{ ...TOKEN, ...change }] });
      assert.equal(found.email?.id ?? null, believed ? "token" : null);
      if (!believed) assert.match(found.answers[2]?.because ?? "", /^An email has the tracking token CRM:0001002, but no correspondent/);
    });
  }

  it("of several emails with the token the correspondent's counts, then the newest", () => {
    const old = { ...TOKEN, id: "old", participants: [ANN, BOB], at: new Date("2024-01-01") };
    const stranger = { ...TOKEN, id: "stranger", participants: [ANN, CARL], at: new Date("2025-03-01") };
    const newer = { ...TOKEN, id: "newer", participants: [ANN, BOB], at: new Date("2025-02-01") };
    for (const byToken of [
      [old, stranger, newer],
      [newer, stranger, old],
    ])
      assert.equal(correlated(reply, { byToken }).email?.id, "newer");
  });
});

describe("evidence for a Message-ID", () => {
  const reply = { inReplyTo: ["one"] };

  it("an id that one email has is believed, whoever answers", () => {
    assert.equal(
      correlated({ ...reply, from: [address(CARL)], to: [] }, { byMessageId: [{ ...FIRST, participants: ["else@x.example"] }] }).email?.id,
      "first",
    );
  });
  it("a reused id joins the participants, not strangers", () => {
    const other = { ...FIRST, id: "other", participants: ["else@x.example"], at: new Date("2025-03-10T00:00:00Z") };
    assert.equal(correlated(reply, { byMessageId: [FIRST, other] }).email?.id, "first");
    const nobody = correlated(reply, { byMessageId: [{ ...FIRST, participants: ["third@x.example"] }, other] });
    assert.equal(nobody.email, null);
    assert.match(nobody.answers[0]?.because ?? "", /several emails have that Message-ID/);
  });
  it("an email later than the message is not answered by it", () => {
    const later = { ...FIRST, at: new Date("2025-03-12T00:00:00Z") };
    const found = correlated(reply, { byMessageId: [later] });
    assert.equal(found.email, null);
    assert.match(found.answers[0]?.because ?? "", /is later than this message/);
  });
  it("clocks may be a few hours apart", () => {
    assert.equal(correlated(reply, { byMessageId: [{ ...FIRST, at: new Date("2025-03-10T20:00:00Z") }] }).email?.id, "first");
  });
});

describe("a message and itself", () => {
  const own = { messageId: "self", inReplyTo: ["self"], references: ["self"], conversationIndex: INDEX, subject: "Offer CRM:0001002" };
  const self = earlier({ id: "self", messageId: "self", trackingToken: "CRM:0001002", conversationIndex: INDEX });

  it("never belong together by header or conversation", () => {
    const found = correlated({ ...own, subject: "Offer" }, { byMessageId: [self], byConversation: { [BASE]: [self] } });
    assert.equal(found.email, null);
  });
  it("never belong together when it is the email made from it", () => {
    assert.equal(correlated(own, { byToken: [{ ...self, direction: "incoming" }] }).email, null);
  });
  it("the sender's row is what the token of a user's mail to another user finds", () => {
    assert.equal(
      correlated(
        { ...own, from: [address(BEN)] },
        { voters: [user("Ann", ANN), user("Ben", BEN)], byToken: [{ ...self, participants: [ANN, BEN] }] },
      ).email?.id,
      "self",
    );
  });
});
