import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CANDIDATES_PER_KEY, type EarlierEmail } from "../model/facts.ts";
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

  it("knows of a key the emails that the CRM would give if those of the page were in it already", () => {
    const emails = fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 40 }).map((n) => new Date(n)), direction: fc.constantFrom("incoming", "outgoing") }),
      { maxLength: 60, size: "max" },
    );
    const given = (all: readonly EarlierEmail[]) => {
      const inOrder = all.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? -1 : 1));
      const of = (direction: string) => inOrder.filter((one) => one.direction === direction).slice(0, CANDIDATES_PER_KEY);
      return [...of("incoming"), ...of("outgoing")];
    };
    fc.assert(
      fc.property(emails, fc.nat(60), (drawn, inCrm) => {
        const all = drawn.map((one, n) => earlier({ ...one, id: `e${n}`, messageId: "m", trackingToken: "T", conversationIndex: INDEX }));
        const known: [string, EarlierEmail[]][] = [["m", given(all.slice(0, inCrm))]];
        const page = new PageFacts({ ...facts(), emailsByMessageId: new Map(known) });
        for (const email of all.slice(inCrm)) page.add(email);
        const ids = (list: readonly EarlierEmail[] = []) => list.map(({ id }) => id).sort();
        assert.deepEqual(ids(page.emailsByMessageId.get("m")), ids(given(all)));
        assert.deepEqual(ids(page.emailsByToken.get("T")), ids(given(all.slice(inCrm))));
        assert.deepEqual(ids(page.emailsByConversation.get(conversationBase(INDEX) ?? "")), ids(given(all.slice(inCrm))));
      }),
    );
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
