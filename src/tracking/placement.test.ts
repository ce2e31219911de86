import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Placement } from "../model/decision.ts";
import { MAXIMUM_PARTIES } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import {
  ANN,
  address,
  BEN,
  BOB,
  CARL,
  context,
  earlier,
  type FactsOf,
  facts,
  head,
  match,
  queue,
  record,
  SUPPORT,
  user,
} from "./test-data.ts";
import { track } from "./track.ts";

function place(of: Partial<MessageHead>, known: FactsOf): Placement {
  const { placement } = track(head(of), facts({ voters: [user("Ann", ANN, { filter: 0 })], ...known }), context());
  assert.ok(placement !== null);
  return placement;
}

/** Type and name of a party's record, or its address. */
function parties(placement: Placement, participation: number): string[] {
  return placement.parties
    .filter((one) => one.participation === participation)
    .map(({ record, address }) => (record === null ? address.address : `${record.type} ${record.name}`));
}

describe("the sender's record", () => {
  const contact = match(BOB, "contact", "Bob");
  const account = match(BOB, "account", "Ray Mills");
  const lead = match(BOB, "lead", "Bob R");
  const custom = match(BOB, "new_vendor", "Vendor");
  const rows: [string, FactsOf, string[], boolean][] = [
    ["is unresolved without a match", {}, [BOB], false],
    ["follows the order of tables", { records: [lead, account, contact, custom] }, ["contact Bob"], false],
    ["a user comes before a contact", { records: [contact, match(BOB, "systemuser", "Robert")] }, ["systemuser Robert"], false],
    ["tables of no rank come last", { records: [custom, match(BOB, "businessunit", "South")] }, ["businessunit South"], false],
    ["prefers what the mailbox's owner owns", { records: [contact, { ...lead, ownerId: "systemuser-ann" }] }, ["lead Bob R"], false],
    [
      "active comes before owned",
      { records: [contact, { ...lead, ownerId: "systemuser-ann", active: false }], settings: { ResolveForInactiveEntities: true } },
      ["contact Bob"],
      false,
    ],
    ["passes over inactive records", { records: [{ ...contact, active: false }] }, [BOB], false],
    [
      "takes an inactive one with ResolveForInactiveEntities",
      { records: [{ ...contact, active: false }], settings: { ResolveForInactiveEntities: true } },
      ["contact Bob"],
      false,
    ],
    [
      "stays unresolved among several with UnresolveSenderInCaseOfMultipleMatch",
      { records: [contact, lead], settings: { UnresolveSenderInCaseOfMultipleMatch: true } },
      [BOB],
      true,
    ],
    [
      "is taken when there is one, with that setting too",
      { records: [contact], settings: { UnresolveSenderInCaseOfMultipleMatch: true } },
      ["contact Bob"],
      false,
    ],
  ];
  for (const [promise, known, sender, unresolved] of rows) {
    it(promise, () => {
      const placement = place({}, known);
      assert.deepEqual([parties(placement, 1), placement.duplicateSenderUnresolved], [sender, unresolved]);
    });
  }

  it("keeps address and column", () => {
    const [sender] = place({}, { records: [match(BOB, "contact", "Bob", { column: 3 })] }).parties;
    assert.deepEqual([sender?.address, sender?.column], [address(BOB, "Bob Ray"), 3]);
  });

  it("does not depend on the order in which the CRM lists the records", () => {
    const records = [contact, account, lead, custom];
    assert.deepEqual(
      place({ to: [address(BOB)] }, { records }).parties,
      place({ to: [address(BOB)] }, { records: records.toReversed() }).parties,
    );
  });
});

describe("recipients", () => {
  const people = (count: number) => Array.from({ length: count }, (_, n) => match(CARL, "contact", `C${String(n).padStart(3, "0")}`));
  const to = { to: [address(CARL)] };

  it("are all records with the address, the contact and the account alike", () => {
    assert.deepEqual(parties(place(to, { records: [match(CARL, "account", "Firm"), match(CARL, "contact", "Carl")] }), 2), [
      "contact Carl",
      "account Firm",
    ]);
  });
  it("both the user and the queue of one address", () => {
    assert.deepEqual(parties(place(to, { records: [match(CARL, "queue", "Q"), match(CARL, "systemuser", "U")] }), 2), [
      "systemuser U",
      "queue Q",
    ]);
  });
  it("stay one unresolved party with unresolveemailaddressifmultiplematch", () => {
    assert.deepEqual(parties(place(to, { records: people(2), settings: { unresolveemailaddressifmultiplematch: true } }), 2), [CARL]);
  });
  it("may be a hundred, but not more", () => {
    assert.equal(parties(place(to, { records: people(100) }), 2).length, 100);
    assert.deepEqual(parties(place(to, { records: people(101) }), 2), [CARL]);
  });
  it("are named once per field", () => {
    const placement = place({ to: [address(CARL), address(CARL.toUpperCase())], cc: [address(CARL)] }, {});
    assert.deepEqual([parties(placement, 2), parties(placement, 3)], [[CARL], [CARL]]);
  });
  it("never come from Bcc, and not from what is no address", () => {
    const placement = place({ to: [address("", "undisclosed-recipients")], bcc: [address(CARL)] }, {});
    assert.deepEqual(
      placement.parties.map((one) => one.participation),
      [1],
    );
  });
  it("are bounded, whatever the message names", () => {
    const many = Array.from({ length: MAXIMUM_PARTIES + 50 }, (_, n) => address(`a${n}@x.example`));
    const decision = track(head({ to: many }), facts({ voters: [], mailboxOwner: user("Ann", ANN, { filter: 0 }) }), context());
    assert.equal(decision.placement?.parties.length, MAXIMUM_PARTIES);
    assert.match(decision.rules.find((one) => one.rule === "parties")?.because ?? "", /51 recipients are left out/);
  });
});

describe("owner", () => {
  const ann = user("Ann", ANN, { filter: 0 });
  const ben = user("Ben", BEN, { filter: 4 });
  const support = queue("Support", SUPPORT);
  const both = { to: [address(ANN), address(BEN)] };
  const rows: [string, Partial<MessageHead>, FactsOf, string | null][] = [
    ["is the first recipient", both, { voters: [ann, ben] }, "systemuser-ann"],
    [
      "is who owns the correlated email",
      { ...both, inReplyTo: ["sent1@crm.example"] },
      { voters: [ann, ben], byMessageId: [earlier({ ownerId: "systemuser-ben" })] },
      "systemuser-ben",
    ],
    [
      "is who owns the sender's contact",
      both,
      { voters: [ann, ben], records: [match(BOB, "contact", "Bob", { ownerId: "systemuser-ben" })] },
      "systemuser-ben",
    ],
    [
      "is not who owns another kind of sender",
      both,
      { voters: [ann, ben], records: [match(BOB, "equipment", "Crane", { ownerId: "systemuser-ben" })] },
      "systemuser-ann",
    ],
    [
      "comes from To before Cc, whoever owns the contact",
      { to: [address(ANN)], cc: [address(BEN)] },
      { voters: [ann, ben], records: [match(BOB, "contact", "Bob", { ownerId: "systemuser-ben" })] },
      "systemuser-ann",
    ],
    [
      "comes from Cc when nobody in To can own",
      { to: [address(BOB)], cc: [address(BEN)] },
      { voters: [ann, ben], mailboxOwner: ann },
      "systemuser-ben",
    ],
    ["is a queue's owner", { to: [address(SUPPORT)] }, { voters: [support] }, "owner-of-queue"],
    ["is not a disabled user", both, { voters: [{ ...ben, disabled: true }, ann], mailboxOwner: ann }, "systemuser-ann"],
    ["is the mailbox's owner for blind copies", { to: [address(BOB)] }, { voters: [ann] }, "systemuser-ann"],
    ["is not who may not write emails", both, { voters: [{ ...ann, ownerMayWrite: false }, ben] }, "systemuser-ben"],
    [
      "comes from the next list where nobody in the first may write emails",
      { to: [address(ANN)], cc: [address(BEN)] },
      { voters: [{ ...ann, ownerMayWrite: false }, ben], byMessageId: [earlier({ ownerId: "systemuser-ann" })] },
      "systemuser-ben",
    ],
    [
      "is nobody where the mailbox's owner may not write either",
      { to: [address(BOB)] },
      { voters: [{ ...ann, ownerMayWrite: false }] },
      null,
    ],
    ["is nobody where a queue has none", { to: [address(SUPPORT)] }, { voters: [queue("Support", SUPPORT, { ownerId: null })] }, null],
  ];
  for (const [promise, of, known, ownerId] of rows) it(promise, () => assert.equal(place(of, known).ownerId, ownerId));

  it("may be a team", () => assert.equal(place({ to: [address(SUPPORT)] }, { voters: [support] }).ownerType, "team"));
});

describe("queue items", () => {
  const support = queue("Support", SUPPORT);
  const sales = queue("Sales", "sales@crm.example");
  const shy = queue("Shy", "shy@crm.example", { filter: 1 });
  const to = { to: [address(SUPPORT), address("shy@crm.example")], cc: [address("sales@crm.example"), address(SUPPORT)] };
  const ann = user("Ann", ANN, { filter: 0 });
  const voters = [support, sales, shy, ann];
  const rows: [string, Partial<MessageHead>, FactsOf, string[]][] = [
    ["go once to each accepting queue among the recipients", to, { voters, mailboxOwner: ann }, ["queue-support", "queue-sales"]],
    [
      "do not without CreateQueueItemsForAcceptingQueueRecipients",
      to,
      { voters, mailboxOwner: ann, settings: { CreateQueueItemsForAcceptingQueueRecipients: false } },
      [],
    ],
    ["go to the queue being read, for blind copies", { to: [address(ANN)] }, { voters, mailboxOwner: shy }, ["queue-shy"]],
    [
      "do not without CreateQueueItemForSynchronizingMailbox",
      { to: [address(ANN)] },
      { voters, mailboxOwner: shy, settings: { CreateQueueItemForSynchronizingMailbox: false } },
      [],
    ],
    [
      "go to accepting queues also where only the mailbox votes",
      to,
      { voters, mailboxOwner: ann, settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } },
      ["queue-support", "queue-sales"],
    ],
  ];
  for (const [promise, of, known, ids] of rows) it(promise, () => assert.deepEqual(place(of, known).queueIds, ids));

  const routed = { ...ann, ownerQueue: record("queue", "Anns") };
  it("go to the owner's default queue with AutoRouteToOwnerQueue only, and once", () => {
    const settings = { AutoRouteToOwnerQueue: true };
    assert.deepEqual(place({ to: [address(ANN)] }, { voters: [routed] }).queueIds, []);
    assert.deepEqual(place({ to: [address(ANN)] }, { voters: [routed], settings }).queueIds, ["queue-anns"]);
    const both = { ...support, ownerQueue: support.record };
    assert.deepEqual(place({ to: [address(SUPPORT)] }, { voters: [both], settings }).queueIds, ["queue-support"]);
  });

  it("go to the queue being read for an email of another mailbox, with SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail only", () => {
    const again = (on: boolean, mailboxOwner: FactsOf["mailboxOwner"] = support) =>
      track(
        head({ to: [address(SUPPORT)] }),
        facts({
          voters: [support],
          mailboxOwner: mailboxOwner ?? null,
          settings: { SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: on },
        }),
        context({ known: { emailId: "e1", how: null } }),
      );
    assert.deepEqual([again(true).outcome, again(true).additionalQueueId], ["duplicate", "queue-support"]);
    assert.ok(again(true).rules.some((one) => one.rule === "queue items" && one.answer === "yes"));
    assert.equal(again(false).additionalQueueId, undefined);
    assert.equal(again(true, ann).additionalQueueId, undefined, "a user's mailbox");
    assert.equal(again(true, { ...support, disabled: true }).additionalQueueId, undefined, "a queue out of use");
  });
});

describe("what a placement keeps of the correlation", () => {
  const token = earlier({ id: "token", trackingToken: "CRM:0001002" });

  it("parent and correlated email for a header", () => {
    const placement = place({ inReplyTo: ["sent1@crm.example"] }, { byMessageId: [earlier()] });
    assert.deepEqual([placement.correlationMethod, placement.correlatedEmailId, placement.parentEmailId], [3, "earlier-1", "earlier-1"]);
  });
  it("no parent for a token", () => {
    const placement = place({ subject: "Re: Offer for the mill CRM:0009009 CRM:0001002 CRM:0008008" }, { byToken: [token] });
    assert.deepEqual(
      [placement.correlationMethod, placement.correlatedEmailId, placement.parentEmailId, placement.trackingToken],
      [4, "token", null, "CRM:0001002"],
    );
  });
  it("the last token of the subject where none was recognized", () => {
    assert.equal(place({ subject: "x CRM:0009009 CRM:0008008" }, {}).trackingToken, "CRM:0008008");
  });
  it("its regarding", () => {
    assert.deepEqual(place({ inReplyTo: ["sent1@crm.example"] }, { byMessageId: [earlier()] }).regarding, record("opportunity", "Mill"));
  });
});
