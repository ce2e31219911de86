import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Decision, PARTICIPATION, REASON } from "../model/decision.ts";
import { emailIdentityOf, identityOf } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import type { FilterMethod } from "../model/settings.ts";
import { advise } from "./advice.ts";
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
  facts,
  head,
  match,
  queue,
  record,
  SUPPORT,
  user,
} from "./test-data.ts";

const ANN_FIRST = user("Ann", ANN, { filter: 0 });
const ON = { AutoTrackSentFolderItems: true };
const SENT: Partial<MessageHead> = {
  isSentCopy: true,
  folders: ["Sent"],
  ref: { stream: "Sent", id: "1.1" },
  messageId: "s1@crm.example",
  from: [address(ANN, "Ann")],
  to: [address(BOB, "Bob Ray")],
};
/** The same message as the others have it. */
const { isSentCopy: _, ...OTHERS } = SENT;
const CONTACT = match(BOB, "contact", "Bob");

/** A message that Ann sent, under her filter. */
function sent(filter: FilterMethod, change: Partial<MessageHead> = {}, of: Parameters<typeof facts>[0] = {}): Decision {
  return decide({ head: { ...SENT, ...change }, facts: { settings: ON, ...of, voters: of.voters ?? [user("Ann", ANN, { filter })] } });
}

function partiesOf({ placement }: Decision): readonly (readonly [number, string, string | null])[] {
  return (placement?.parties ?? []).map((one) => [one.participation, one.address.address, one.record?.id ?? null]);
}

describe("sent mail", () => {
  it("becomes an outgoing email of the mailbox's owner", () => {
    const { outcome, placement } = sent(0, { cc: [address(BEN)] }, { voters: [ANN_FIRST, user("Ben", BEN)] });
    assert.equal(outcome, "tracked");
    assert.equal(placement?.direction, "outgoing");
    assert.equal(placement?.ownerId, ANN_FIRST.ownerId, "and not of a recipient");
  });

  it("of a message that is received nothing is said of a direction", () => {
    assert.equal(decide({ facts: { voters: [ANN_FIRST] } }).placement?.direction, undefined);
  });

  it("is left alone unless the setting is on", () => {
    const decision = sent(0, {}, { settings: {} });
    assert.equal(decision.outcome, "skipped");
    assert.match(because(decision, "sent mail"), /AutoTrackSentFolderItems leaves alone/);
  });

  it("from before the start date is left alone", () => {
    const { mailbox } = context();
    const decision = decide({
      head: SENT,
      facts: { settings: ON, voters: [ANN_FIRST] },
      context: { mailbox: { ...mailbox, startDate: new Date("2026-01-01T00:00:00Z") } },
    });
    assert.equal(decision.rules.at(-1)?.rule, "start date");
  });

  for (const byHand of [false, true]) {
    it(`is not what somebody else wrote and was put there${byHand ? ", whoever asks for it by hand" : ""}`, () => {
      const wish = { verb: "track", by: "Eva", at: new Date("2025-04-01T00:00:00Z"), regarding: null } as const;
      const decision = decide({
        head: { ...SENT, from: [address(BOB)], to: [address(ANN)] },
        facts: { settings: ON, voters: [ANN_FIRST] },
        context: byHand ? { wish } : {},
      });
      assert.equal(decision.outcome, "skipped");
      assert.match(because(decision, "sent mail"), /bob@customer\.example, who wrote it, is not the mailbox's owner/);
    });
  }

  it("is what the owner wrote under any of her addresses, or for somebody else", () => {
    const alias = "ann.lee@crm.example";
    const owner = user("Ann", ANN, { filter: 0, addresses: [alias, ANN] });
    const underAlias = { from: [address("ann.lee+crm@crm.example")] };
    assert.equal(sent(0, underAlias, { voters: [owner], mailboxOwner: owner }).outcome, "tracked");
    const onBehalf = { from: [address(SUPPORT)], sender: address(ANN) };
    assert.equal(sent(0, onBehalf, { voters: [owner, queue("Support", SUPPORT)], mailboxOwner: owner }).outcome, "tracked");
  });

  it("is what the owner wrote in the name of a queue: mail programs file it here, and name nobody else", () => {
    const support = queue("Support", SUPPORT);
    const asQueue = { from: [address(SUPPORT)], sender: null };
    const { outcome, placement } = sent(0, asQueue, { voters: [ANN_FIRST, support] });
    assert.deepEqual([outcome, placement?.direction, placement?.ownerId], ["tracked", "outgoing", ANN_FIRST.ownerId]);
    const ofBen = sent(0, { from: [address(BEN)], sender: null }, { voters: [ANN_FIRST, user("Ben", BEN)] });
    assert.match(because(ofBen, "sent mail"), /is not the mailbox's owner, nor a queue/);
  });

  it("is tracked by hand although the setting is off", () => {
    const wish = { verb: "track", by: "Eva", at: new Date("2025-04-01T00:00:00Z"), regarding: null } as const;
    const { outcome, placement } = decide({ head: SENT, facts: { voters: [user("Ann", ANN, { filter: 4 })] }, context: { wish } });
    assert.deepEqual([outcome, placement?.direction], ["tracked", "outgoing"]);
  });

  it("that lies in a folder with a rule by now is tracked as what was sent", () => {
    const folder = {
      name: "Mill",
      rule: { id: 1, folder: "Mill", name: "Mill", mark: null, children: false, regarding: record("account", "Mill") },
    };
    const { outcome, placement } = decide({ head: SENT, facts: { voters: [user("Ann", ANN, { filter: 4 })] }, context: { folder } });
    assert.deepEqual([outcome, placement?.direction, placement?.regarding?.name], ["tracked", "outgoing", "Mill"]);
  });
});

describe("sent mail: filters ask who the recipients are", () => {
  const known = { records: [CONTACT] };
  const answered = { byMessageId: [earlier({ messageId: "q1@customer.example", direction: "incoming", senderAddress: BOB })] };
  const answer: Partial<MessageHead> = { inReplyTo: ["q1@customer.example"] };
  const rows: readonly (readonly [string, FilterMethod, Partial<MessageHead>, Parameters<typeof facts>[0], Decision["outcome"], number])[] =
    [
      ["0 takes all", 0, {}, {}, "tracked", REASON.acceptAll],
      ["1 takes an answer", 1, answer, answered, "tracked", REASON.correlationMatch],
      ["1 leaves alone what answers nothing", 1, {}, known, "skipped", REASON.noCorrelationMatch],
      ["2 takes what goes to a contact", 2, {}, known, "tracked", REASON.senderMatch],
      [
        "2 takes what goes to a contact in blind copy",
        2,
        { to: [address(CARL)], bcc: [address(BOB)] },
        known,
        "tracked",
        REASON.senderMatch,
      ],
      ["2 takes an answer", 2, answer, answered, "tracked", REASON.correlationMatch],
      ["2 leaves alone what goes to strangers", 2, { to: [address(CARL)] }, known, "skipped", REASON.noCorrelationMatch],
      [
        "2 leaves alone what goes to users, whoever sends it",
        2,
        { to: [address(BEN)] },
        { records: [match(BEN, "systemuser", "Ben"), match(ANN, "contact", "Ann")] },
        "skipped",
        REASON.noCorrelationMatch,
      ],
      [
        "3 takes what goes to any record",
        3,
        { to: [address(BEN)] },
        { records: [match(BEN, "systemuser", "Ben")] },
        "tracked",
        REASON.senderMatch,
      ],
      ["3 leaves alone what goes to strangers", 3, { to: [address(CARL)] }, { records: [match(ANN, "systemuser", "Ann")] }, "skipped", 1],
      ["4 takes nothing", 4, answer, { ...answered, ...known }, "skipped", REASON.noCorrelationMatch],
    ];
  for (const [promise, filter, change, of, outcome, reason] of rows) {
    it(promise, () => {
      const decision = sent(filter, change, of);
      assert.deepEqual([decision.outcome, decision.reason], [outcome, reason]);
    });
  }

  it("recipients have no vote: each has a copy of his own", () => {
    const support = queue("Support", SUPPORT, { filter: 0 });
    const decision = sent(1, { to: [address(SUPPORT)] }, { voters: [user("Ann", ANN, { filter: 1 }), support] });
    assert.equal(decision.outcome, "skipped");
    assert.doesNotMatch(because(decision, "filter"), /Support/);
  });

  it("no queue gets an item", () => {
    const support = queue("Support", SUPPORT, { filter: 0 });
    const settings = { ...ON, SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: true };
    const decision = sent(0, { from: [address(SUPPORT)], to: [address(SUPPORT)] }, { settings, voters: [support] });
    assert.deepEqual([decision.outcome, decision.placement?.queueIds, decision.additionalQueueId], ["tracked", [], undefined]);
  });
});

describe("sent mail: parties", () => {
  it("the owner is the sender, whoever else has the address, and blind copies are kept", () => {
    const records = [match(ANN, "contact", "Ann", { ownerId: "systemuser-ann" }), match(ANN, "systemuser", "Ann"), CONTACT];
    const settings = { ...ON, UnresolveSenderInCaseOfMultipleMatch: true, OverrideV5SenderConflictResolution: true };
    const decision = sent(0, { bcc: [address(CARL)] }, { records, settings });
    assert.deepEqual(partiesOf(decision), [
      [PARTICIPATION.sender, ANN, "systemuser-ann"],
      [PARTICIPATION.to, BOB, "contact-bob"],
      [PARTICIPATION.bcc, CARL, null],
    ]);
  });

  it("received mail has no blind copies, whatever its header says", () => {
    const decision = decide({ head: { bcc: [address(CARL)] }, facts: { voters: [ANN_FIRST] } });
    assert.deepEqual(
      partiesOf(decision).map(([participation]) => participation),
      [PARTICIPATION.sender, PARTICIPATION.to],
    );
  });

  it("no contact is made of an owner who has no record", () => {
    const owner = { ...ANN_FIRST, ownerAutoCreates: 1 } as const;
    assert.equal(sent(0, {}, { voters: [owner] }).placement?.newRecord, undefined);
  });
});

describe("sent mail: the same message", () => {
  const received = earlier({
    id: "received",
    messageId: "s1@crm.example",
    direction: "incoming",
    senderAddress: ANN,
    participants: [ANN, BOB],
  });
  const outgoing = { ...received, id: "outgoing", direction: "outgoing" } as const;

  it("has another identity than what the others receive, and that one is the same as ever", () => {
    const [copy, others] = [head(SENT), head(OTHERS)];
    assert.equal(identityOf(copy).key, identityOf(others).key);
    assert.equal(emailIdentityOf(others).key, identityOf(others).key);
    assert.notEqual(emailIdentityOf(copy).key, identityOf(copy).key);
  });

  it("is no duplicate of what a colleague received, nor his of it", () => {
    assert.equal(sent(0, {}, { byMessageId: [received] }).outcome, "tracked");
    const ofBen = decide({ head: OTHERS, facts: { voters: [ANN_FIRST], byMessageId: [outgoing] } });
    assert.equal(ofBen.outcome, "tracked");
  });

  it("does not answer itself", () => {
    const references = { references: ["s1@crm.example"] };
    assert.equal(sent(0, references, { byMessageId: [received] }).placement?.correlatedEmailId, null);
  });

  it("is a duplicate of the outgoing email that the CRM has of it", () => {
    const decision = sent(0, {}, { byMessageId: [outgoing, received] });
    assert.deepEqual([decision.outcome, decision.emailId], ["duplicate", "outgoing"]);
  });

  it("that Waypost sent is said to be that, from whichever address it went", () => {
    const decision = decide({
      head: { ...SENT, from: [address(SUPPORT)] },
      facts: { settings: ON, voters: [ANN_FIRST] },
      context: { known: { emailId: "sent", how: null, wasSent: true } },
    });
    assert.deepEqual([decision.outcome, decision.emailId], ["duplicate", "sent"]);
    assert.match(because(decision, "duplicate"), /Waypost sent it itself/);
  });
});

describe("sent mail: advice", () => {
  const advised = (filter: FilterMethod, settings = ON) =>
    advise({ head: head(SENT), facts: facts({ settings, voters: [user("Ann", ANN, { filter })] }), context: context() });

  it("to have it tracked names the recipient, not the sender", () => {
    const { wanted, alternatives } = advised(2);
    assert.equal(wanted, "tracked");
    assert.deepEqual(
      alternatives.flatMap(({ changes }) => changes).filter(({ kind }) => kind === "new contact"),
      [{ kind: "new contact", address: BOB, hasRecords: false }],
    );
  });

  it("names the setting, either way", () => {
    const change = (value: boolean) => ({ kind: "setting", name: "AutoTrackSentFolderItems", value });
    const changesOf = ({ alternatives }: ReturnType<typeof advise>) => alternatives.map(({ changes }) => changes);
    assert.deepEqual(changesOf(advised(0, { AutoTrackSentFolderItems: false }))[0], [change(true)]);
    assert.ok(
      changesOf(advised(0)).some(([one]) => one?.kind === "setting" && one.name === "AutoTrackSentFolderItems" && one.value === false),
    );
  });
});
