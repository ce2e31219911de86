import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Decision, ReasonCode } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import type { FilterMethod } from "../model/settings.ts";
import {
  ANN,
  address,
  BEN,
  BOB,
  because,
  CARL,
  context,
  decide,
  earlier,
  type FactsOf,
  match,
  queue,
  RECEIVED,
  type Situation,
  SUPPORT,
  user,
} from "./test-data.ts";

interface Row extends Situation {
  readonly promise: string;
  readonly outcome: Decision["outcome"];
  readonly reason: ReasonCode;
}

function keeps(rows: readonly Row[]): void {
  for (const row of rows) {
    it(row.promise, () => {
      const decision = decide(row);
      assert.deepEqual([decision.outcome, decision.reason], [row.outcome, row.reason]);
      assert.equal(decision.placement !== null, row.outcome === "tracked");
    });
  }
}

const ALL = { voters: [user("Ann", ANN, { filter: 0 })] } satisfies FactsOf;
const REPLY = { inReplyTo: ["sent1@crm.example"] } satisfies Partial<MessageHead>;

describe("start date", () => {
  const mailbox = { ...context().mailbox, startDate: RECEIVED };
  keeps([
    { promise: "a message of exactly the start is read", facts: ALL, context: { mailbox }, outcome: "tracked", reason: 6 },
    {
      promise: "one received a millisecond earlier is not",
      head: { received: new Date(RECEIVED.getTime() - 1) },
      facts: ALL,
      context: { mailbox },
      outcome: "skipped",
      reason: -1,
    },
    {
      promise: "the sender's own date does not count",
      head: { date: new Date("1999-01-01") },
      facts: ALL,
      context: { mailbox },
      outcome: "tracked",
      reason: 6,
    },
  ]);
});

describe("duplicate", () => {
  const same = earlier({
    id: "first",
    direction: "incoming",
    messageId: "m1@customer.example",
    senderAddress: BOB,
    sent: new Date("2025-03-10T08:59:00Z"),
  });
  const known = { emailId: "known-1", how: "read in mailbox ben@crm.example" };
  keeps([
    { promise: "what the ledger knows is a duplicate", facts: ALL, context: { known }, outcome: "duplicate", reason: 0 },
    {
      promise: "an incoming email with the same id, sender and date is the same message",
      facts: { ...ALL, byMessageId: [same] },
      outcome: "duplicate",
      reason: 0,
    },
    {
      promise: "a gateway's mark in the subject does not make it another message",
      head: { subject: "[External] Offer for the mill" },
      facts: { ...ALL, byMessageId: [same] },
      outcome: "duplicate",
      reason: 0,
    },
    {
      promise: "an id used again by another sender is another message",
      head: { from: [address(CARL)] },
      facts: { ...ALL, byMessageId: [same] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "an id used again on another day is another message",
      head: { date: new Date("2025-03-11") },
      facts: { ...ALL, byMessageId: [same] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "an id used again in the same second for another subject is another message",
      head: { subject: "Invoice" },
      facts: { ...ALL, byMessageId: [same] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "without dates the subject decides: equal",
      facts: { ...ALL, byMessageId: [{ ...same, sent: null }] },
      outcome: "duplicate",
      reason: 0,
    },
    {
      promise: "without dates the subject decides: different",
      head: { subject: "Invoice" },
      facts: { ...ALL, byMessageId: [{ ...same, sent: null }] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "the sender's own outgoing email is none",
      facts: { ...ALL, byMessageId: [{ ...same, direction: "outgoing" }] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "duplicates come before every setting",
      facts: { ...ALL, settings: { DoNotAutoTrackEmail: true } },
      context: { known },
      outcome: "duplicate",
      reason: 0,
    },
  ]);

  it("names the email, and how it is known", () => {
    const decision = decide({ facts: ALL, context: { known } });
    assert.equal(decision.emailId, "known-1");
    assert.match(because(decision, "duplicate"), /read in mailbox ben@crm\.example\.$/);
  });

  it("says that an id was used twice", () => {
    const decision = decide({ head: { from: [address(CARL)] }, facts: { ...ALL, byMessageId: [same] } });
    assert.match(because(decision, "duplicate"), /its sender is bob@customer\.example, not carl@stranger\.example: the id was used twice/);
  });
});

describe("settings and senders that keep messages out", () => {
  const two = [match(BOB, "contact", "Bob"), match(BOB, "account", "Ray Mills")];
  keeps([
    {
      promise: "DoNotAutoTrackEmail ends all automatic tracking",
      facts: { ...ALL, settings: { DoNotAutoTrackEmail: true } },
      outcome: "skipped",
      reason: -1,
    },
    { promise: "a message without From and Sender has no usable sender", head: { from: [] }, facts: ALL, outcome: "skipped", reason: 7 },
    { promise: "a name is no address", head: { from: [address("MAILER-DAEMON")] }, facts: ALL, outcome: "skipped", reason: 7 },
    {
      promise: "an address longer than the CRM keeps is not cut",
      head: { from: [address(`${"a".repeat(200)}@x.example`)] },
      facts: ALL,
      outcome: "skipped",
      reason: 7,
    },
    {
      promise: "Sender stands in for an unusable From",
      head: { from: [address("nobody")], sender: address(BOB) },
      facts: ALL,
      outcome: "tracked",
      reason: 6,
    },
    { promise: "several records of a sender do no harm", facts: { ...ALL, records: two }, outcome: "tracked", reason: 6 },
    {
      promise: "unless OverrideV5SenderConflictResolution is on",
      facts: { ...ALL, records: two, settings: { OverrideV5SenderConflictResolution: true } },
      outcome: "skipped",
      reason: 7,
    },
    {
      promise: "two columns of one record are no conflict",
      facts: {
        ...ALL,
        records: [match(BOB, "contact", "Bob"), match(BOB, "contact", "Bob", { column: 2 })],
        settings: { OverrideV5SenderConflictResolution: true },
      },
      outcome: "tracked",
      reason: 6,
    },
  ]);
});

describe("mail between users", () => {
  const voters = [user("Ann", ANN, { filter: 0 }), user("Ben", BEN, { filter: 0 }), queue("Support", SUPPORT)];
  const internal = { from: [address(BEN)] };
  const copy = earlier({ messageId: "m1@customer.example", senderAddress: BEN, direction: "outgoing" });
  const off = { ignoreinternalemail: true };
  const old = { ...off, IgnoreInternalEmailDetectionEnhancement: false };
  keeps([
    {
      promise: "is tracked for both sides by default",
      head: internal,
      facts: { voters, byMessageId: [copy] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "the recipient's copy is refused with ignoreinternalemail",
      head: internal,
      facts: { voters, byMessageId: [copy], settings: off },
      outcome: "skipped",
      reason: 4,
    },
    {
      promise: "but not where the sender sent it from outside the CRM",
      head: internal,
      facts: { voters, settings: off },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "an outgoing email of another sender with that id does not count",
      head: internal,
      facts: { voters, byMessageId: [{ ...copy, senderAddress: ANN }], settings: off },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "the older detection refuses everything from a user",
      head: internal,
      facts: { voters, settings: old },
      outcome: "skipped",
      reason: 4,
    },
    { promise: "mail from outside is never internal", facts: { voters, settings: old }, outcome: "tracked", reason: 6 },
    {
      promise: "mail to a queue is tracked all the same",
      head: { ...internal, cc: [address(SUPPORT)] },
      facts: { voters, settings: old },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "a queue's own mailbox counts as to a queue",
      head: { ...internal, to: [] },
      facts: { voters, mailboxOwner: queue("Support", SUPPORT), settings: old },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "unless DoNotIgnoreInternalEmailToQueues is off",
      head: { ...internal, cc: [address(SUPPORT)] },
      facts: { voters, settings: { ...old, DoNotIgnoreInternalEmailToQueues: false } },
      outcome: "skipped",
      reason: 4,
    },
    {
      promise: "mail from a queue is tracked all the same",
      head: { from: [address(SUPPORT)] },
      facts: { voters, settings: old },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "unless IgnoreInternalEmailFromQueues is on",
      head: { from: [address(SUPPORT)] },
      facts: { voters, settings: { ...old, IgnoreInternalEmailFromQueues: true } },
      outcome: "skipped",
      reason: 4,
    },
  ]);
});

describe("filter", () => {
  const method = (filter: FilterMethod, more: FactsOf = {}): FactsOf => ({ voters: [user("Ann", ANN, { filter })], ...more });
  const contact = [match(BOB, "contact", "Bob")];
  const equipment = [match(BOB, "equipment", "Crane")];
  const answered = { byMessageId: [earlier()] };
  keeps([
    { promise: "0 accepts everything", facts: method(0), outcome: "tracked", reason: 6 },
    { promise: "0 has its own reason for an answer too", head: REPLY, facts: method(0, answered), outcome: "tracked", reason: 6 },
    { promise: "1 accepts an answer to an email of the CRM", head: REPLY, facts: method(1, answered), outcome: "tracked", reason: 2 },
    {
      promise: "1 accepts nothing else, be the sender known or not",
      facts: method(1, { records: contact }),
      outcome: "skipped",
      reason: 1,
    },
    { promise: "2 accepts mail from a contact", facts: method(2, { records: contact }), outcome: "tracked", reason: 5 },
    { promise: "2 accepts answers of strangers", head: REPLY, facts: method(2, answered), outcome: "tracked", reason: 2 },
    { promise: "2 does not accept mail from other records", facts: method(2, { records: equipment }), outcome: "skipped", reason: 1 },
    {
      promise: "2 does not accept mail from an inactive contact",
      facts: method(2, { records: [match(BOB, "contact", "Bob", { active: false })] }),
      outcome: "skipped",
      reason: 1,
    },
    {
      promise: "2 does with ResolveForInactiveEntities",
      facts: method(2, { records: [match(BOB, "contact", "Bob", { active: false })], settings: { ResolveForInactiveEntities: true } }),
      outcome: "tracked",
      reason: 5,
    },
    { promise: "3 accepts mail from any record", facts: method(3, { records: equipment }), outcome: "tracked", reason: 5 },
    { promise: "3 accepts answers of strangers", head: REPLY, facts: method(3, answered), outcome: "tracked", reason: 2 },
    { promise: "3 does not accept strangers", facts: method(3), outcome: "skipped", reason: 1 },
    { promise: "4 accepts nothing", head: REPLY, facts: method(4, { ...answered, records: contact }), outcome: "skipped", reason: 1 },
    {
      promise: "SSSForceFilteringMethodForUserMailboxes overrides every user",
      facts: method(4, { settings: { SSSForceFilteringMethodForUserMailboxes: 0 } }),
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "SSSForceFilteringMethodForUserMailboxes leaves queues alone",
      head: { to: [address(SUPPORT)] },
      facts: { voters: [queue("Support", SUPPORT)], settings: { SSSForceFilteringMethodForUserMailboxes: 4 } },
      outcome: "tracked",
      reason: 6,
    },
  ]);
});

describe("vote", () => {
  const ann = user("Ann", ANN);
  const support = queue("Support", SUPPORT);
  keeps([
    {
      promise: "another recipient's filter is enough",
      head: { cc: [address(SUPPORT)] },
      facts: { voters: [ann, support] },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "UseFilteringMethodOfSyncingMailboxOnlyForCorrelation leaves it to the mailbox",
      head: { cc: [address(SUPPORT)] },
      facts: { voters: [ann, support], settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } },
      outcome: "skipped",
      reason: 1,
    },
    {
      promise: "a forward mailbox has no filter of its own, so its recipients vote even then",
      head: { to: [address(SUPPORT)] },
      facts: { voters: [support], mailboxOwner: null, settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "a blind copy is kept where the mailbox accepts all",
      head: { to: [address(BOB)] },
      facts: { voters: [], mailboxOwner: user("Ann", ANN, { filter: 0 }) },
      outcome: "tracked",
      reason: 6,
    },
    {
      promise: "a blind copy that answers an email is kept with filter 1",
      head: { ...REPLY, to: [] },
      facts: { voters: [], mailboxOwner: ann, byMessageId: [earlier()] },
      outcome: "tracked",
      reason: 2,
    },
    {
      promise: "nobody among the recipients and a mailbox that does not accept: no recipient match",
      head: { to: [address(BOB)] },
      facts: { voters: [], mailboxOwner: ann },
      outcome: "skipped",
      reason: 3,
    },
    {
      promise: "nobody at all in a forward mailbox: no recipient match",
      facts: { voters: [], mailboxOwner: null },
      outcome: "skipped",
      reason: 3,
    },
    {
      promise: "the disabled have no vote",
      facts: { voters: [user("Ann", ANN, { filter: 0, disabled: true })] },
      outcome: "skipped",
      reason: 3,
    },
  ]);

  it("is won by the first who accepts in the order To, Cc, Bcc, mailbox", () => {
    const voters = [user("Ann", ANN, { filter: 0 }), user("Ben", BEN, { filter: 0 }), support];
    const of = { to: [address(BOB)], cc: [address(SUPPORT)], bcc: [address(BEN)] };
    assert.equal(decide({ head: of, facts: { voters } }).placement?.accepting?.name, "Support");
    assert.equal(decide({ head: { ...of, cc: [] }, facts: { voters } }).placement?.accepting?.name, "Ben");
    assert.equal(decide({ head: { ...of, cc: [], bcc: [] }, facts: { voters } }).placement?.accepting?.name, "Ann");
  });

  it("lists the answer of everybody who was asked, once", () => {
    const voters = [user("Ann", ANN), user("Ben", BEN, { filter: 4 }), support];
    const decision = decide({ head: { cc: [address(BEN), address(ANN), address(SUPPORT)] }, facts: { voters } });
    const answers = decision.rules.filter((one) => one.rule === "filter").map((one) => [one.records?.[0]?.name, one.answer]);
    assert.deepEqual(answers, [
      ["Ann", "no"],
      ["Ben", "no"],
      ["Support", "yes"],
    ]);
  });
});
