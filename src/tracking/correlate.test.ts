import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { conversationBase } from "./conversation.ts";
import { correlate } from "./correlate.ts";
import { questionOf } from "./question.ts";
import { ANN, address, BEN, BOB, CARL, context, earlier, type FactsOf, facts, head, queue, SUPPORT, user } from "./test-data.ts";

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

  const order = { subject: "Your order CRM:0001002", senderAddress: SUPPORT, participants: [SUPPORT, BOB] };
  const orders: [string, Partial<MessageHead>, Partial<EarlierEmail>[], string | null][] = [
    ["the correspondent answers", {}, [{}], "0"],
    ["the correspondent answers after years", {}, [{ at: new Date("2019-01-01") }], "0"],
    ["a colleague of the correspondent answers", { from: [address("eve@customer.example")] }, [{}], "0"],
    ["the correspondent answers from another provider", { from: [address("bob@home.example")] }, [{}], "0"],
    ["several emails of the conversation have the token", { from: [address("bob@home.example")] }, [{}, { direction: "incoming" }], "0"],
    ["the email is of years ago, and the queue is all they share", { from: [address(CARL)] }, [{ at: new Date("2019-01-01") }], null],
    [
      "the email is of years ago, and the domain is all they share",
      { from: [address("eve@customer.example")] },
      [{ at: new Date("2019-01-01") }],
      null,
    ],
    ["two strangers got the token of late", { from: [address(CARL)] }, [{}, { participants: [SUPPORT, "dora@x.example"] }], null],
    [
      "two strangers got it, one of them a colleague",
      { from: [address("eve@x.example")] },
      [{}, { participants: [SUPPORT, "dora@x.example"] }],
      "1",
    ],
  ];
  for (const [promise, of, changes, id] of orders) {
    it(`under the subject of a template: ${promise}`, () => {
      const byToken = changes.map((change, index) => ({ ...TOKEN, id: `${index}`, ...order, ...change }));
      const answer = { subject: "Re: Your order CRM:0001002", to: [address(SUPPORT)], ...of };
      assert.equal(correlated(answer, { voters: [queue("Support", SUPPORT), user("Ann", ANN)], byToken }).email?.id ?? null, id);
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
  const received = { direction: "incoming", senderAddress: BOB, participants: [SUPPORT, BOB], sent: new Date("2025-03-09") } as const;
  const stranger = { from: [address(CARL)], to: [address(SUPPORT)] };
  const dora = { ...received, senderAddress: "dora@x.example", participants: [SUPPORT, "dora@x.example"] };
  const other = { subject: "Hello" };
  const rows: [string, Partial<MessageHead>, Partial<EarlierEmail>[], string | null][] = [
    ["the correspondent answers under another subject", { ...other, to: [address(SUPPORT)] }, [received], "0"],
    ["somebody who got a copy answers", { ...stranger, ...other }, [{ ...received, participants: [SUPPORT, BOB, CARL] }], "0"],
    ["a colleague answers under another subject", { ...other, from: [address("eve@customer.example")] }, [received], "0"],
    [
      "a stranger answers a received email that was forwarded to him",
      { ...stranger, subject: "Re: Fwd: Offer for the mill" },
      [received],
      "0",
    ],
    ["a stranger answers what the CRM sent, under another subject", { ...stranger, ...other }, [{}], "0"],
    ["two users each have the email", { ...stranger, ...other }, [{}, { direction: "incoming" }], "0"],
    ["a stranger under another subject answers a received email", { ...stranger, ...other }, [received], null],
    ["a stranger under another subject answers what another program sent", { ...stranger, ...other }, [{ sent: received.sent }], null],
    ["a stranger in another mailbox, even under the same subject", { ...stranger, to: [address(ANN)] }, [received], null],
    ["two strangers wrote to the queue under the id", { ...stranger, ...other }, [received, dora], null],
    ["two strangers wrote under the id and the subject", stranger, [received, dora], null],
    ["two strangers wrote, one of them under the subject", stranger, [received, { ...dora, subject: "Invoice" }], null],
    [
      "two strangers wrote, one of them a colleague, under the subject",
      { ...stranger, from: [address("eve@x.example")] },
      [received, dora],
      "1",
    ],
    ["two strangers wrote, and one of them answers", { ...stranger, ...other, from: [address("dora@x.example")] }, [received, dora], "1"],
  ];
  for (const [promise, of, changes, id] of rows) {
    for (const field of ["inReplyTo", "references"] as const) {
      it(`${field}: ${promise}`, () => {
        const byMessageId = changes.map((change, index) => ({ ...FIRST, id: `${index}`, ...change }));
        const known = { voters: [queue("Support", SUPPORT), user("Ann", ANN)], byMessageId };
        assert.equal(correlated({ [field]: ["one"], ...of }, known).email?.id ?? null, id);
      });
    }
  }
  it("thin evidence is told", () => {
    const told = (of: Partial<MessageHead>, change: Partial<EarlierEmail>) => {
      const known = { voters: [queue("Support", SUPPORT), user("Ann", ANN)], byMessageId: [{ ...FIRST, ...change }] };
      return correlated({ ...reply, ...of }, known).answers[0]?.because ?? "";
    };
    assert.match(told({ ...stranger, ...other }, {}), /no correspondent of this message is on it, but the CRM made that Message-ID/);
    assert.match(told({ ...other, from: [address("eve@customer.example")] }, received), /thin: .* only somebody of the same domain\.$/);
    assert.match(told(stranger, received), /thin: .* only the subject and a user or queue are the same\.$/);
    assert.match(told({ ...stranger, ...other }, received), /, but nobody on this message is tied to it/);
    assert.doesNotMatch(told({}, {}), /thin|correspondent/);
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

describe("evidence for a conversation index", () => {
  const rows: [string, Partial<MessageHead>, boolean][] = [
    ["a correspondent in common is believed", { subject: "Quite another thing" }, true],
    ["a colleague is believed", { subject: "Quite another thing", from: [address("eve@customer.example")] }, true],
    ["the same subject between people of whom one is on both is believed", { from: [address(CARL)] }, true],
    ["a stranger who copied it under another subject is not", { subject: "Quite another thing", from: [address(CARL)] }, false],
    ["a stranger in another mailbox is not", { from: [address(CARL)], to: [address(BEN)], subject: "Quite another thing" }, false],
  ];
  for (const [promise, of, believed] of rows) {
    it(promise, () => {
      const found = correlated({ conversationIndex: INDEX, ...of }, { byConversation: { [BASE]: [TALK] } });
      assert.equal(found.email?.id ?? null, believed ? "talk" : null);
      if (!believed) assert.match(found.answers[3]?.because ?? "", /takes an old mail for a template copies its index/);
    });
  }
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
