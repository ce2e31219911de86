import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { conversationBase } from "./conversation.ts";
import { emailFact } from "./email-fact.ts";
import { factKeys } from "./fact-keys.ts";
import { PageFacts } from "./page-facts.ts";
import { ANN, address, BOB, CARL, context, earlier, facts, head, user } from "./test-data.ts";
import { track } from "./track.ts";

const INDEX = Buffer.from(Array.from({ length: 32 }, (_, n) => n + 1)).toString("base64");
const FIRST = head({ messageId: "first", subject: "Offer CRM:0001002", conversationIndex: INDEX, cc: [address(CARL)] });

/** Facts after FIRST was tracked as the email `e1`, and the facts before. */
function afterFirst() {
  const before = facts({ settings: { enablesmartmatching: true }, byMessageId: [earlier()], voters: [user("Ann", ANN, { filter: 0 })] });
  const page = new PageFacts(before);
  const { placement } = track(FIRST, page, context());
  assert.ok(placement !== null);
  page.add(emailFact(FIRST, placement, "e1"));
  return { before, page };
}

describe("PageFacts", () => {
  const later = { messageId: "second", received: new Date("2025-03-10T10:00:00Z") };
  const answers = [
    ["In-Reply-To", head({ ...later, inReplyTo: ["first"] }), 3],
    ["tracking token", head({ ...later, subject: "Re: Offer CRM:0001002" }), 4],
    ["conversation index", head({ ...later, subject: "else", conversationIndex: INDEX }), 5],
    ["smart matching", head({ ...later, subject: "Re: Offer" }), 6],
  ] as const;
  for (const [rule, second, method] of answers) {
    it(`lets a later head of the page answer an earlier one by ${rule}`, () => {
      const { placement } = track(second, afterFirst().page, context());
      assert.deepEqual([placement?.correlatedEmailId, placement?.correlationMethod], ["e1", method]);
    });
  }

  it("knows the same message in another folder of the page", () => {
    const decision = track({ ...FIRST, folders: ["Archive"] }, afterFirst().page, context());
    assert.deepEqual([decision.outcome, decision.emailId], ["duplicate", "e1"]);
  });

  it("tells which emails of the page a decision rests on, and none of those that the CRM had before", () => {
    const { page } = afterFirst();
    const restingOf = (one: typeof FIRST) => [...page.resting(() => track(one, page, context())).restsOn];
    for (const [, second] of answers) assert.deepEqual(restingOf(second), ["e1"]);
    assert.deepEqual(restingOf({ ...FIRST, folders: ["Archive"] }), ["e1"]);
    const toEarlier = head({ ...later, subject: "else", inReplyTo: [earlier().messageId ?? ""] });
    assert.deepEqual(restingOf(toEarlier), []);
  });

  it("leaves the CRM's facts as they were", () => {
    const { before } = afterFirst();
    assert.deepEqual(
      [[...before.emailsByMessageId.keys()], before.emailsByToken.size, before.emailsByConversation.size, before.emailsByHash.size],
      [["sent1@crm.example"], 0, 0, 0],
    );
  });

  it("names everybody on the message as participants, once and in key form", () => {
    const { placement } = track(FIRST, afterFirst().page, context({ known: { emailId: null, how: null } }));
    assert.equal(placement, null);
    const fact = afterFirst().page.emailsByMessageId.get("first")?.[0];
    assert.deepEqual([fact?.participants, fact?.senderAddress, fact?.direction], [[BOB, ANN, CARL], BOB, "incoming"]);
  });
});

describe("factKeys", () => {
  it("asks once for each key of the page", () => {
    const heads = [
      FIRST,
      head({ messageId: "second", inReplyTo: ["first"], references: ["zero", "first"], from: [address("BOB@customer.example")] }),
    ];
    assert.deepEqual(factKeys(heads, ANN, DEFAULT_SETTINGS), {
      addresses: [ANN, BOB, CARL],
      messageIds: ["first", "zero", "second"].sort(
        (a, b) => ["first", "zero", "second"].indexOf(a) - ["first", "zero", "second"].indexOf(b),
      ),
      tokens: ["CRM:0001002"],
      conversations: [conversationBase(INDEX)],
    });
  });

  it("asks for no tokens where they are off", () => {
    assert.deepEqual(factKeys([FIRST], ANN, { ...DEFAULT_SETTINGS, trackingtokensenabled: false }).tokens, []);
  });
});
