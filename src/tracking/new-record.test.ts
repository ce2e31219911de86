import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Decision } from "../model/decision.ts";
import type { Wish } from "../model/wish.ts";
import { ANN, address, BOB, because, decide, earlier, match, type Situation, user } from "./test-data.ts";

const ann = user("Ann", ANN, { filter: 0, ownerAutoCreates: 1 });
const ANSWER = { inReplyTo: ["sent1@crm.example"] };
const known = { voters: [ann], byMessageId: [earlier()] };
const BY_HAND: Wish = { verb: "track", by: "eve", at: new Date("2025-03-10T10:00:00Z"), regarding: null };

/** Bob answers an email of Ann, who wants contacts; nobody knows Bob. */
function decideOf({ head, facts, context }: Situation): Decision {
  return decide({ head: { ...ANSWER, ...head }, facts: { ...known, ...facts }, ...(context && { context }) });
}

describe("a record of an unresolved sender", () => {
  it("is a contact with name, address and owner where the email's owner wants contacts", () => {
    const decision = decideOf({});
    assert.deepEqual(decision.placement?.newRecord, {
      type: "contact",
      address: BOB,
      firstname: "Bob",
      lastname: "Ray",
      topic: "Offer for the mill",
      ownerId: "systemuser-ann",
    });
    assert.match(because(decision, "new record"), /A contact is to be made of bob@customer\.example/);
  });

  it("is a lead where the owner wants leads", () =>
    assert.equal(decideOf({ facts: { voters: [{ ...ann, ownerAutoCreates: 2 }] } }).placement?.newRecord?.type, "lead"));

  it("is made of a message that a person tracked, which answers nothing", () =>
    assert.equal(decideOf({ head: { inReplyTo: [] }, context: { wish: BY_HAND } }).placement?.newRecord?.type, "contact"));

  for (const name of ["bouncer", "mailerson", "anne.newsletterman", "norepl", "roberta.bot", "alertson"])
    it(`is made of ${name}, who only looks like a program`, () =>
      assert.equal(decideOf({ head: { from: [address(`${name}@customer.example`)] } }).placement?.newRecord?.type, "contact"));

  it("is not asked for where the sender is resolved", () => {
    const decision = decideOf({ facts: { records: [match(BOB, "contact", "Bob")] } });
    assert.deepEqual([decision.placement?.newRecord, because(decision, "new record")], [undefined, ""]);
  });

  const header = (name: string, value: string): Situation => ({ head: { headers: [[name, value]] } });
  const rows: [promise: string, of: Situation, why: RegExp][] = [
    ["by default", { facts: { voters: [user("Ann", ANN, { filter: 0 })] } }, /wants no record made/],
    [
      "where the organization wants none",
      { facts: { settings: { AutoCreateContactOnPromote: false } } },
      /The organization makes no records/,
    ],
    ["where a team owns the email", { facts: { voters: [{ ...ann, ownerType: "team" }] } }, /wants no record made/],
    ["by filter method 0 alone", { head: { inReplyTo: [] } }, /answers no email that the CRM sent or that is about a record/],
    [
      "of who answers what they wrote unasked themselves",
      { facts: { byMessageId: [earlier({ direction: "incoming", senderAddress: BOB, regarding: null })] } },
      /answers no email that the CRM sent or that is about a record/,
    ],
    [
      "of a disabled user's address with a detail",
      {
        head: { from: [address("ben+phone@crm.example")] },
        facts: {
          voters: [ann, user("Ben", "ben@crm.example", { disabled: true })],
          records: [match("ben@crm.example", "systemuser", "Ben", { active: false })],
        },
      },
      /several or inactive ones/,
    ],
    ["of a mailing list", header("list-id", "<all.customer.example>"), /a program or a list sent it, for its header has "?List-Id/],
    ["of a bulk mailer", header("precedence", "bulk"), /a program or a list sent it/],
    ["of a newsletter", header("list-unsubscribe", "<mailto:x@customer.example>"), /a program or a list sent it/],
    ["of an automatic reply", header("auto-submitted", "auto-replied"), /a program or a list sent it/],
    ["of a bounce", header("content-type", "multipart/report; report-type=delivery-status"), /a program or a list sent it/],
    ["of a mail server", { head: { from: [address("mailer-daemon@customer.example")] } }, /a program or a list sent it/],
    ["of a postmaster", { head: { from: [address("postmaster@customer.example")] } }, /a program or a list sent it/],
    ...["no-reply", "noreply1", "donotreply123", "keineantwort"].map((name): [string, Situation, RegExp] => [
      `of ${name}, which nobody reads`,
      { head: { from: [address(`${name}@customer.example`)] } },
      /a program or a list sent it/,
    ]),
    ...[
      "shop-noreply",
      "shop_no-reply",
      "bounces+ann=crm.example",
      "newsletter",
      "notifications.shop",
      "listserv",
      "newsletter2",
      "bounces1",
      "alerts",
      "robot",
    ].map((name): [string, Situation, RegExp] => [
      `of ${name}`,
      { head: { from: [address(`${name}@customer.example`)] } },
      /programs write under such an address/,
    ]),
    ["of a list that a person tracked", { ...header("list-id", "<a.b>"), context: { wish: BY_HAND } }, /a program or a list sent it/],
    ["where the header was cut short", { head: { truncated: true } }, /the header was cut short/],
    [
      "of the mailbox itself",
      { head: { from: [address(ANN)] }, facts: { voters: [{ ...ann, addresses: ["a@crm.example"] }], mailboxOwner: ann } },
      /the mailbox itself/,
    ],
    [
      "where several records have the address",
      {
        facts: {
          records: [match(BOB, "contact", "Bob"), match(BOB, "lead", "Bob")],
          settings: { UnresolveSenderInCaseOfMultipleMatch: true },
        },
      },
      /several or inactive ones/,
    ],
    [
      "where an inactive record has it",
      { facts: { records: [match(BOB, "contact", "Bob", { active: false })] } },
      /several or inactive ones/,
    ],
  ];
  for (const [promise, of, why] of rows) {
    it(`is not made ${promise}`, () => {
      const decision = decideOf(of);
      assert.equal(decision.outcome, "tracked");
      assert.equal(decision.placement?.newRecord, undefined);
      assert.match(because(decision, "new record"), why);
    });
  }
});
