import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Address, addressKey } from "../model/address.ts";
import type { Decision, Outcome, ReasonCode } from "../model/decision.ts";
import type { EarlierEmail, Facts, Voter } from "../model/facts.ts";
import { identityOf } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import type { AddressMatch, RecordRef } from "../model/record.ts";
import { DEFAULT_SETTINGS, type FilterMethod, type OrganizationSettings } from "../model/settings.ts";
import type { Wish } from "../model/wish.ts";
import { advise } from "./advice.ts";
import { changed, decideIn, type Situation } from "./change.ts";
import { emailFact } from "./email-fact.ts";
import { explain } from "./explain.ts";
import { PageFacts } from "./page-facts.ts";
import type { TrackContext } from "./question.ts";
import { ownerWrote } from "./sent-mail.ts";
import { hashesOf } from "./smart-matching.ts";
import { track } from "./track.ts";

const KEYS = ["a@x.example", "b@x.example", "c@y.example", "d@y.example"];
const IDS = ["m1", "m2", "m3"];
/** Under which emails stand that share an address with a head and the subject "Offer". */
const OFFER_HASHES = hashesOf({ words: ["offer"], addresses: KEYS }, DEFAULT_SETTINGS);

const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: "binary", maxLength: 40 }));
const subject = fc.oneof(text, fc.constantFrom("", "Offer", "Re: Offer", "Fwd: Offer CRM:0001002", "CRM:0001003 x"));
const at = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...KEYS, "B@X.example") }, { weight: 1, arbitrary: text });
const address: fc.Arbitrary<Address> = fc.record({ name: text, address: at });
const addresses = fc.array(address, { maxLength: 3 });
const messageId = fc.oneof(fc.constantFrom(...IDS), text);
const ids = fc.array(messageId, { maxLength: 3 });
/** Dates that are none, too: a head may hold anything. */
const date = fc.date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: false });
const index = fc.option(fc.oneof(text, fc.constant("AQ".repeat(16))));

const receivedHead: fc.Arbitrary<MessageHead> = fc.record({
  ref: fc.constant({ stream: "s", id: "1" }),
  folders: fc.constant(["INBOX"]),
  received: date,
  size: fc.nat(),
  flags: fc.constant([]),
  providerId: fc.constant(null),
  messageId: fc.option(messageId),
  inReplyTo: ids,
  references: ids,
  subject,
  from: fc.array(address, { maxLength: 2 }),
  sender: fc.option(address),
  replyTo: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  date: fc.option(date),
  conversationIndex: index,
  headers: fc.constant([]),
  truncated: fc.boolean(),
});

/** Now and then it is the copy that its sender keeps. */
const head: fc.Arbitrary<MessageHead> = fc
  .tuple(receivedHead, fc.integer({ max: 3, min: 0 }))
  .map(([one, number]) => (number === 0 ? { ...one, isSentCopy: true } : one));

const record: fc.Arbitrary<RecordRef> = fc.record({
  type: fc.constantFrom("contact", "account", "lead", "systemuser", "new_thing"),
  id: fc.constantFrom("1", "2", "3"),
  name: text,
});

const match: fc.Arbitrary<AddressMatch> = fc.record({
  address: fc.constantFrom(...KEYS),
  record,
  column: fc.integer({ min: 1, max: 3 }),
  active: fc.boolean(),
  ownerId: fc.option(fc.constantFrom("u1", "u2")),
  doNotEmail: fc.boolean(),
});

function voter(filters: readonly FilterMethod[]): fc.Arbitrary<Voter> {
  return fc.record({
    record: fc.record({ type: fc.constantFrom("systemuser", "queue"), id: fc.constantFrom("u1", "u2", "q1"), name: text }),
    addresses: fc.constant([]),
    filter: fc.constantFrom(...filters),
    ownerId: fc.option(fc.constantFrom("u1", "u2")),
    ownerType: fc.constantFrom("systemuser", "team"),
    ownerMayWrite: fc.boolean(),
    ownerQueue: fc.option(fc.record({ type: fc.constant("queue"), id: fc.constant("q2"), name: text })),
    ownerAutoCreates: fc.constantFrom(0, 1, 2),
    disabled: fc.boolean(),
  });
}

const email: fc.Arbitrary<EarlierEmail> = fc.record({
  id: fc.uuid(),
  messageId: fc.option(messageId),
  direction: fc.constantFrom("incoming", "outgoing"),
  subject,
  trackingToken: fc.option(fc.constantFrom("CRM:0001002", "CRM:0001003")),
  conversationIndex: index,
  senderAddress: fc.option(fc.constantFrom(...KEYS)),
  participants: fc.subarray(KEYS),
  at: date,
  sent: fc.option(date),
  regarding: fc.option(record),
  ownerId: fc.option(fc.constantFrom("u1", "u2")),
});

/** All switches, each way. */
const settings: fc.Arbitrary<OrganizationSettings> = fc
  .record({
    switches: fc.dictionary(
      fc.constantFrom(...Object.keys(DEFAULT_SETTINGS).filter((key) => typeof Reflect.get(DEFAULT_SETTINGS, key) === "boolean")),
      fc.boolean(),
    ),
    trackingprefix: fc.oneof({ weight: 3, arbitrary: fc.constant("CRM:") }, fc.string({ maxLength: 20 })),
    trackingprefixhistory: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }),
    SSSForceFilteringMethodForUserMailboxes: fc.integer({ min: -2, max: 5 }),
  })
  .map(({ switches, ...rest }) => ({ ...DEFAULT_SETTINGS, ...switches, ...rest }));

function factsWith(filters: readonly FilterMethod[], own: fc.Arbitrary<OrganizationSettings>): fc.Arbitrary<Facts> {
  const lists = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>) =>
    fc.array(fc.tuple(key, fc.array(value, { maxLength: 3 })), { maxLength: 4 }).map((entries) => new Map(entries));
  return fc.record({
    settings: own,
    records: lists(fc.constantFrom(...KEYS), match),
    voters: lists(fc.constantFrom(...KEYS), voter(filters)),
    mailboxOwner: fc.option(voter(filters)),
    emailsByMessageId: lists(fc.constantFrom(...IDS), email),
    emailsByToken: lists(fc.constantFrom("CRM:0001002", "CRM:0001003"), email),
    emailsByConversation: lists(fc.constant(Buffer.from("AQ".repeat(16), "base64").subarray(0, 22).toString("base64")), email),
    emailsByHash: lists(fc.constantFrom(...OFFER_HASHES), email),
  });
}

const context: fc.Arbitrary<TrackContext> = fc.record({
  mailbox: fc.record({
    address: fc.constantFrom(...KEYS),
    startDate: fc.constantFrom(new Date("2010-01-01"), new Date("2025-01-01")),
    owner: fc.constant({ type: "forward" as const }),
  }),
  known: fc.oneof(
    { weight: 9, arbitrary: fc.constant({ emailId: null, how: null }) },
    { weight: 1, arbitrary: fc.record({ emailId: fc.uuid(), how: fc.option(text) }) },
  ),
});

/** What a person may say by hand. */
const wishOf = (verb: Wish["verb"]): fc.Arbitrary<Wish> =>
  fc.record({ verb: fc.constant(verb), by: text, at: date, regarding: verb === "track" ? fc.option(record) : fc.constant(null) });

const test: fc.Arbitrary<TrackContext["test"]> = fc.option(
  fc.record({
    kind: fc.constantFrom("test message" as const, "answer" as const, "bounce" as const),
    mailbox: fc.constantFrom(...KEYS),
    sentAt: date,
  }),
  { nil: undefined },
);

/** All else that a decision may rest on: marks of automatic mail, what its content tells, how many automatic answers came before, what people said. */
const situation = fc
  .record({
    one: head,
    facts: factsWith([0, 1, 2, 3, 4], settings),
    where: context,
    headers: fc.constantFrom([], [["auto-submitted", "auto-replied"] as const], [["return-path", "<>"] as const]),
    report: fc.option(
      fc.record({
        report: fc.option(fc.record({ kind: fc.constantFrom("failed" as const, "displayed" as const) })),
        about: ids,
        unread: fc.option(fc.constant("The content was not read.")),
      }),
      { nil: undefined },
    ),
    before: fc.constantFrom(0, 9, 10),
    wish: fc.option(fc.oneof(wishOf("track"), wishOf("untrack")), { nil: undefined }),
    untrackedOf: fc.option(wishOf("untrack"), { nil: undefined }),
    test: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: test }),
  })
  .map(({ one, facts, where, headers, before, untrackedOf, ...said }): Situation => {
    const emails = untrackedOf === undefined ? [] : [...facts.emailsByMessageId.values()].flat();
    const untracked = new Map(emails.flatMap(({ id }) => (untrackedOf === undefined ? [] : [[id, untrackedOf] as const])));
    return { head: { ...one, headers }, facts, context: { ...where, ...said, untracked, answersBefore: () => before } };
  });

const anyFacts = factsWith([0, 1, 2, 3, 4], settings);
const RUNS = { numRuns: 500 };

/** It lies among sent mail, and somebody else wrote it. */
function isMisplaced(head: MessageHead, facts: Facts, { mailbox }: TrackContext): boolean {
  return head.isSentCopy === true && !ownerWrote(head, facts, mailbox.address);
}

/** Reasons that the rules give with each outcome. */
const REASONS: Readonly<Record<Outcome, readonly ReasonCode[]>> = {
  tracked: [2, 5, 6],
  skipped: [-1, 1, 3, 4, 7],
  duplicate: [0],
  quarantined: [],
};

/** The promises of the type Decision that its types alone cannot make. */
function assertWellFormed(decision: Decision, head: MessageHead): void {
  const { additionalQueueId, ...always } = decision;
  assert.ok(additionalQueueId === undefined || decision.outcome === "duplicate" || decision.outcome === "tracked");
  assert.deepEqual(Object.keys(always).sort(), ["emailId", "outcome", "placement", "reason", "rules", "waitingFor"]);
  assert.ok(decision.rules.length > 0);
  for (const { answer, because } of decision.rules) {
    assert.ok(["yes", "no", "not asked"].includes(answer));
    assert.match(because, /^[^\p{Cc}]*[.)]$/u);
  }
  assert.equal(decision.placement !== null, decision.outcome === "tracked");
  assert.equal(decision.emailId !== null, decision.outcome === "duplicate");
  assert.ok(REASONS[decision.outcome].includes(decision.reason));
  assert.ok(decision.waitingFor.length <= 20);
  for (const id of decision.waitingFor) assert.ok(head.inReplyTo.includes(id) || head.references.includes(id));
  if (decision.waitingFor.length > 0) assert.ok(decision.outcome === "skipped" && (decision.reason === 1 || decision.reason === 3));
}

describe("track, for any head and facts", () => {
  it("never throws, and decides the same twice, with a decision that keeps the promises of its type and can be explained", () => {
    fc.assert(
      fc.property(head, anyFacts, context, (one, facts, where) => {
        const decision = track(one, facts, where);
        assertWellFormed(decision, one);
        assert.deepEqual(track(one, facts, where), decision);
        const advice = advise({ head: one, facts, context: where });
        assert.ok(explain(decision, { mailbox: where.mailbox.address, advice }).length > decision.rules.length);
      }),
      RUNS,
    );
  });

  it("advises nothing that does not give the other outcome when it is applied, each alternative by itself", () => {
    let applied = 0;
    fc.assert(
      fc.property(situation, (situation) => {
        const { now, wanted, alternatives } = advise(situation);
        assert.equal(now, decideIn(situation).outcome);
        assert.equal(wanted, now === "skipped" ? "tracked" : "skipped");
        // Of a test nobody's word makes an email, nor of others' mail among what was sent; of all else it does, or takes it back.
        const words = alternatives.flatMap(({ changes }) => changes.filter(({ kind }) => kind === "by hand"));
        const { head, facts, context } = situation;
        if (now !== "skipped" || (context.test === undefined && !isMisplaced(head, facts, context))) assert.equal(words.length, 1);
        for (const { changes } of alternatives) {
          assert.equal(decideIn(changed(situation, changes)).outcome, wanted);
          applied++;
        }
      }),
      RUNS,
    );
    assert.ok(applied > RUNS.numRuns / 2);
  });

  it("never gives reason 1 where all filters accept everything", () => {
    const open = factsWith(
      [0],
      settings.map((own) => ({ ...own, SSSForceFilteringMethodForUserMailboxes: -1 })),
    );
    fc.assert(
      fc.property(head, open, context, (one, facts, where) => assert.notEqual(track(one, facts, where).reason, 1)),
      RUNS,
    );
  });

  it("makes one email of a message that comes twice", () => {
    fc.assert(
      fc.property(head, anyFacts, context, (one, facts, where) => {
        const page = new PageFacts(facts);
        const { placement } = track(one, page, where);
        // Of a message that a head does not tell from others the content decides.
        if (placement === null || identityOf(one).weak) return;
        page.add(emailFact(one, placement, "00000000-0000-0000-0000-000000000000"));
        assert.equal(track(one, page, where).outcome, "duplicate");
      }),
      RUNS,
    );
  });

  it("does not depend on the order in which the CRM lists what it knows", () => {
    const reversed = <T>(map: ReadonlyMap<string, readonly T[]>) =>
      new Map([...map].reverse().map(([key, list]) => [key, list.toReversed()]));
    fc.assert(
      fc.property(head, anyFacts, context, (one, facts, where) => {
        const other: Facts = {
          ...facts,
          emailsByMessageId: reversed(facts.emailsByMessageId),
          emailsByToken: reversed(facts.emailsByToken),
          emailsByConversation: reversed(facts.emailsByConversation),
          emailsByHash: reversed(facts.emailsByHash),
        };
        assert.deepEqual(track(one, other, where), track(one, facts, where));
      }),
      RUNS,
    );
  });

  it("makes a record only of an unresolved sender whom no record has, in a conversation of the CRM or by hand, for an owner who wants it", () => {
    const wishes = fc.option(wishOf("track"), { nil: undefined });
    let made = 0;
    fc.assert(
      fc.property(head, anyFacts, context, wishes, (one, known, where, wish) => {
        const { placement } = track(one, known, { ...where, wish });
        if (placement?.newRecord === undefined) return;
        made += 1;
        const { address, type, ownerId, lastname } = placement.newRecord;
        assert.equal(placement.parties[0]?.record, null);
        assert.deepEqual(known.records.get(addressKey(address)) ?? [], []);
        assert.ok(placement.correlatedEmailId !== null || wish !== undefined);
        assert.ok(known.settings.AutoCreateContactOnPromote && ownerId === placement.ownerId && lastname !== "");
        const wanted = [known.mailboxOwner, ...[...known.voters.values()].flat()].filter((voter) => voter?.ownerId === ownerId);
        assert.ok(wanted.some((voter) => voter?.ownerAutoCreates === (type === "contact" ? 1 : 2)));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(made > 0, "some are made");
  });

  it("never skips what a person asked for, but for the messages of tests and others' mail among what was sent", () => {
    fc.assert(
      fc.property(head, anyFacts, context, wishOf("track"), test, (one, facts, where, wish, test) => {
        const decision = track(one, facts, { ...where, wish, test });
        assert.equal(decision.outcome === "skipped", test !== undefined || isMisplaced(one, facts, where));
        if (decision.placement === null) return;
        assert.equal(decision.reason, -1);
        if (wish.regarding !== null) assert.deepEqual(decision.placement.regarding, wish.regarding);
        assert.ok(explain(decision, { mailbox: where.mailbox.address }).length > decision.rules.length);
      }),
      RUNS,
    );
  });

  it("never tracks what a person untracked, nor waits to", () => {
    fc.assert(
      fc.property(head, anyFacts, context, wishOf("untrack"), test, (one, facts, where, wish, test) => {
        const { outcome, waitingFor } = track(one, facts, { ...where, wish, test });
        assert.deepEqual([outcome, waitingFor], ["skipped", []]);
      }),
      RUNS,
    );
  });

  it("skips of what lies in a folder with a rule only what is too old, was untracked, belongs to a test, or was sent by others", () => {
    const about = fc.option(record);
    fc.assert(
      fc.property(
        head,
        anyFacts,
        context,
        fc.option(wishOf("untrack"), { nil: undefined }),
        test,
        about,
        (one, facts, where, wish, test, regarding) => {
          const rule = { id: 1, folder: "f", name: "F", mark: null, children: false, regarding };
          const decision = track(one, facts, { ...where, wish, test, folder: { name: "F", rule } });
          const isOld = one.received < where.mailbox.startDate;
          const isKeptOut = isOld || wish !== undefined || test !== undefined || isMisplaced(one, facts, where);
          assert.equal(decision.outcome === "skipped", isKeptOut);
          if (decision.placement !== null && regarding !== null) assert.deepEqual(decision.placement.regarding, regarding);
          assert.ok(explain(decision, { mailbox: where.mailbox.address }).length > decision.rules.length);
        },
      ),
      RUNS,
    );
  });

  it("leaves its arguments as they were", () => {
    fc.assert(
      fc.property(head, anyFacts, context, (one, facts, where) => {
        const before = structuredClone({ one, facts, where });
        track(one, facts, where);
        assert.deepEqual(structuredClone({ one, facts, where }), before);
      }),
      { numRuns: 200 },
    );
  });
});
