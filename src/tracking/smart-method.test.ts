import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CANDIDATES_PER_KEY, type EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { correlate } from "./correlate.ts";
import { explain } from "./explain.ts";
import { questionOf } from "./question.ts";
import {
  ANN,
  address,
  BEN,
  BOB,
  CARL,
  context,
  decide,
  earlier,
  type FactsOf,
  facts,
  head,
  queue,
  RECEIVED,
  SUPPORT,
  user,
} from "./test-data.ts";

const DAY = 24 * 60 * 60 * 1_000;
const ON = { enablesmartmatching: true };
const VOTERS = [user("Ann", ANN), user("Ben", BEN), queue("Support", SUPPORT)];
/** What Ann sent to Bob. */
const OFFER = earlier({ subject: "Offer for the mill" });
/** What a customer wrote to the queue. */
const ORDER = earlier({ direction: "incoming", subject: "Order", senderAddress: CARL, participants: [CARL, SUPPORT] });
const LONG_ORDER = { ...ORDER, subject: "Order of the month" };

function correlated(
  of: Partial<MessageHead>,
  hashed: readonly EarlierEmail[],
  settings: Partial<OrganizationSettings> = {},
  known: FactsOf = {},
) {
  return correlate(questionOf(head(of), facts({ voters: VOTERS, ...known, settings: { ...ON, ...settings }, hashed }), context()));
}

function answer(of: Partial<MessageHead>, hashed: readonly EarlierEmail[], settings: Partial<OrganizationSettings> = {}) {
  const found = correlated(of, hashed, settings);
  return { found, ...found.answers.find(({ rule }) => rule === "smart matching") };
}

it("looks at as many emails with a hash as the CRM gives, the newest, however many the page has", () => {
  const doubtful = Array.from({ length: CANDIDATES_PER_KEY }, (_, n) => ({
    ...OFFER,
    id: `e${n}`,
    senderAddress: BOB,
    participants: [BOB],
    at: new Date(OFFER.at.getTime() + 1 + n),
  }));
  const found = (hashed: readonly EarlierEmail[]) => correlated({}, hashed, { hashminaddresscount: 2 }).email?.id;
  assert.equal(found([OFFER, ...doubtful]), undefined);
  assert.equal(found([OFFER, ...doubtful.slice(1)]), OFFER.id);
});

describe("smart matching by the documented rules (product-behaviour 4.5, 4.7)", () => {
  const rows: [what: string, isFound: boolean, of: Partial<MessageHead>, known: EarlierEmail, settings?: Partial<OrganizationSettings>][] =
    [
      ["an answer with a mark before the subject", true, { subject: "RE: Offer for the mill" }, OFFER],
      ["the same subject without a mark", true, {}, OFFER],
      [
        "a token in one of the subjects",
        true,
        { subject: "Re: Offer for the mill" },
        { ...OFFER, subject: "Offer for the mill CRM:0001002", trackingToken: "CRM:0001002" },
      ],
      ["one more word", false, { subject: "Re: Offer for the old mill" }, OFFER],
      [
        "one more word that hashdeltasubjectcount allows",
        true,
        { subject: "Re: Offer for the old mill" },
        OFFER,
        { hashdeltasubjectcount: 1 },
      ],
      ["one word less that hashdeltasubjectcount allows", true, { subject: "Re: Offer for mill" }, OFFER, { hashdeltasubjectcount: 1 }],
      [
        "two other words where hashdeltasubjectcount allows one",
        false,
        { subject: "Offer for my barn" },
        OFFER,
        { hashdeltasubjectcount: 1 },
      ],
      ["one address in common where two are asked for", false, { to: [address(BEN)] }, OFFER],
      ["one address in common where hashminaddresscount asks for one", true, { to: [address(BEN)] }, OFFER, { hashminaddresscount: 1 }],
      ["two addresses in common where three are asked for", false, {}, OFFER, { hashminaddresscount: 3 }],
      ["addresses in another spelling", true, { from: [address("BOB@Customer.example")] }, OFFER],
      [
        "roles changed: whoever was in Cc answers",
        true,
        { from: [address(CARL)], to: [address(ANN)] },
        { ...OFFER, participants: [ANN, BOB, CARL] },
      ],
      ["90 days before", true, {}, { ...OFFER, at: new Date(RECEIVED.getTime() - 90 * DAY) }],
      ["more than 90 days before", false, {}, { ...OFFER, at: new Date(RECEIVED.getTime() - 90 * DAY - 1) }],
      ["later than the message", false, {}, { ...OFFER, at: new Date(RECEIVED.getTime() + 2 * DAY) }],
      ["the message itself", false, { messageId: "self" }, { ...OFFER, messageId: "self" }],
      ["a forward where forwards are answers", true, { subject: "Fwd: Offer for the mill" }, OFFER],
      [
        "a forward where DoNotCorrelateForwardedEmailsAsReplies says no",
        false,
        { subject: "Fwd: Offer for the mill" },
        OFFER,
        { DoNotCorrelateForwardedEmailsAsReplies: true },
      ],
      ["switched off", false, {}, OFFER, { enablesmartmatching: false }],
      ["switched off by DisableSmartMatching", false, {}, OFFER, { DisableSmartMatching: true }],
    ];
  for (const [what, isFound, of, known, settings] of rows) {
    it(`${what}: ${isFound ? "belongs to" : "does not belong to"} the earlier email`, () => {
      const { found } = answer(of, [known], settings);
      assert.deepEqual([found.email?.id ?? null, found.method], isFound ? [known.id, 6] : [null, 0]);
      assert.equal(found.isReply, false);
    });
  }

  it("takes the newest, but sooner one with the same words than one that differs", () => {
    const [old, recent, differing] = [
      { ...OFFER, id: "old", at: new Date(RECEIVED.getTime() - 5 * DAY) },
      { ...OFFER, id: "recent", at: new Date(RECEIVED.getTime() - 3 * DAY) },
      { ...OFFER, id: "differing", subject: "Offer for the mills", at: new Date(RECEIVED.getTime() - DAY) },
    ];
    for (const known of [
      [old, recent, differing],
      [differing, recent, old],
    ])
      assert.equal(correlated({}, known, { hashdeltasubjectcount: 1 }).email?.id, "recent");
  });

  it("comes last: whatever else finds an email, finds it first", () => {
    const other = earlier({ id: "other", messageId: "other" });
    const found = correlated({ inReplyTo: ["other"] }, [OFFER], {}, { byMessageId: [other] });
    assert.deepEqual([found.email?.id, found.answers.at(-1)?.answer], ["other", "not asked"]);
  });

  it("inherits the regarding, and makes no parent", () => {
    const { placement } = decide({ facts: { voters: [user("Ann", ANN, { filter: 1 })], settings: ON, hashed: [OFFER] } });
    assert.deepEqual(
      [placement?.correlationMethod, placement?.correlatedEmailId, placement?.parentEmailId, placement?.regarding?.name],
      [6, OFFER.id, null, "Mill"],
    );
  });
});

describe("smart matching does not join strangers", () => {
  const toQueue = { subject: "Order", from: [address(BOB)], to: [address(SUPPORT)] };
  const rows: [what: string, of: Partial<MessageHead>, known: EarlierEmail, settings?: Partial<OrganizationSettings>][] = [
    ["who write to the same queue under the same word", toQueue, ORDER],
    ["who write to the same queue under the same words", { ...toQueue, subject: "Order of the month" }, LONG_ORDER],
    [
      "who write to the same queue, where one address is enough",
      { ...toQueue, subject: "Order of the month" },
      LONG_ORDER,
      { hashminaddresscount: 1 },
    ],
    ["who write to the same queue and the same user", { ...toQueue, cc: [address(ANN)] }, { ...ORDER, participants: [CARL, SUPPORT, ANN] }],
    ["of whom one adds himself to a subject of one word", { ...toQueue, cc: [address(CARL)] }, ORDER],
    [
      "of whom one adds himself to words of which only one is the same",
      { ...toQueue, subject: "Order nine", cc: [address(CARL)] },
      { ...ORDER, subject: "Order seven" },
      { hashdeltasubjectcount: 1 },
    ],
    ["who write without a subject", { ...toQueue, subject: "", from: [address(CARL)] }, { ...ORDER, subject: "" }],
    ["who write nothing but a mark", { ...toQueue, subject: "Re:", from: [address(CARL)] }, { ...ORDER, subject: "RE: " }],
    [
      "who have no word in common, where one may differ",
      { ...toQueue, subject: "Order", from: [address(CARL)] },
      { ...ORDER, subject: "Complaint" },
      { hashdeltasubjectcount: 1 },
    ],
    [
      "who are users and write to the same queue and user",
      { subject: "Order of the month", from: [address(BEN)], to: [address(SUPPORT)], cc: [address(ANN)] },
      { ...LONG_ORDER, senderAddress: "cy@crm.example", participants: ["cy@crm.example", SUPPORT, ANN] },
    ],
  ];
  for (const [what, of, known, settings] of rows) it(what, () => assert.equal(correlated(of, [known], settings).email, null));

  it("but whoever writes to the queue again under the same word, as in Dynamics", () => {
    assert.equal(correlated({ ...toQueue, from: [address(CARL)] }, [ORDER]).email?.id, ORDER.id);
  });
  it("and two users who write to each other are none", () => {
    assert.equal(correlated({ from: [address(BEN)] }, [{ ...OFFER, participants: [ANN, BEN] }]).email?.id, OFFER.id);
  });
});

describe("smart matching says", () => {
  it("how many words and which addresses matched, and the settings that mattered", () => {
    const { because, settings } = answer({ subject: "Re: Offer for the mill" }, [OFFER]);
    assert.equal(
      because,
      "The outgoing email from ann@crm.example of 2025-03-09 12:00:00 UTC has all words of the subject (4) and 2 addresses in common with this message: bob@customer.example, ann@crm.example.",
    );
    assert.deepEqual(settings, {
      enablesmartmatching: true,
      hashfilterkeywords: String.raw`^[\s]*([\w]+\s?:[\s]*)+`,
      hashmaxcount: 20,
      hashdeltasubjectcount: 0,
      hashminaddresscount: 2,
    });
  });
  it("how many words matched where some may differ", () => {
    const { because } = answer({ subject: "Offer for the old mill" }, [OFFER], { hashdeltasubjectcount: 1 });
    assert.match(because ?? "", /has 4 words of the subject, all but 1, and 2 addresses in common/);
  });
  const refusals: [what: string, of: Partial<MessageHead>, known: EarlierEmail, because: RegExp][] = [
    [
      "how many addresses are missing",
      { to: [address(BEN)] },
      OFFER,
      /has a subject like this, but only 1 address on it stands on this message too, and hashminaddresscount asks for 2\.$/,
    ],
    [
      "that one word proves little",
      { subject: "Order", to: [address(SUPPORT)], cc: [address(CARL)] },
      ORDER,
      /but one word proves little, and not all correspondents of this message are on it\.$/,
    ],
    [
      "that nothing is like the message",
      { subject: "Else" },
      OFFER,
      /^No email of the 90 days before has the words of the subject and a correspondent in common with this message\.$/,
    ],
    ["that there are no words", { subject: "Re: " }, OFFER, /^The subject holds no words that could be compared\.$/],
  ];
  for (const [what, of, known, because] of refusals) it(what, () => assert.match(answer(of, [known]).because ?? "", because));

  it("in explain that it was not asked where it is switched off, and by which setting", () => {
    const decision = decide({ facts: { hashed: [OFFER] } });
    const said = "smart matching: not asked. Smart matching is switched off. (enablesmartmatching is off and DisableSmartMatching is off.)";
    assert.ok(explain(decision, { mailbox: ANN }).includes(said));
    const { settings } = decision.rules.find(({ rule }) => rule === "smart matching") ?? {};
    assert.deepEqual(settings, { enablesmartmatching: false, DisableSmartMatching: false });
  });
});
