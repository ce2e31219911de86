import assert from "node:assert/strict";
import { test } from "node:test";
import type { Forwarded } from "../model/forwarded.ts";
import { decisionKey, identityIn, identityOf } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import { advise } from "./advice.ts";
import { adviceSentences } from "./advice-sentences.ts";
import { ANN, address, BEN, BOB, because, context, decide, facts, head, match, queue, type Situation, SUPPORT, user } from "./test-data.ts";
import { track } from "./track.ts";

const SINK = { address: "sink@crm.example", startDate: new Date("2025-01-01T00:00:00Z"), owner: { type: "forward" } } as const;
const PROOF = "The forwarding server 10.0.0.5 handed it over.";
const of = (forwarder: string): Forwarded => ({ kind: "original", forwarder, because: PROOF });
const HIDDEN = { to: [address("team@list.example")] };
const USERS = [user("Ann", ANN, { filter: 0 }), user("Ben", BEN, { filter: 4 })];

/** The same message, decided where it lies in the forward mailbox. */
function inSink(forwarded: Forwarded, situation: Situation = {}) {
  return decide({
    head: { ...HIDDEN, ...situation.head, forwarded },
    facts: { voters: USERS, mailboxOwner: null, ...situation.facts },
    context: { mailbox: SINK, ...situation.context },
  });
}

/** Everything about a decision but the answers that tell where the message lies. */
function outcome({ outcome, reason, placement, waitingFor }: ReturnType<typeof decide>) {
  return { outcome, reason, placement, waitingFor };
}

test("An original is decided as if it had been read in the mailbox of the user who forwarded it", () => {
  const cases: readonly (readonly [string, Situation])[] = [
    ["to a list, by the owner's filter", { head: HIDDEN }],
    ["to the user", { head: { to: [address(ANN)] } }],
    ["to another user", { head: { to: [address(BEN)] } }],
    ["from a contact", { facts: { records: [match(BOB, "contact", "Bob")] } }],
    ["to a queue", { head: { to: [address(SUPPORT)] }, facts: { voters: [...USERS, queue("Support", SUPPORT)] } }],
    ["from a colleague", { head: { from: [address(BEN)] } }],
    [
      "only the mailbox's filter counts",
      { head: { to: [address(BEN)] }, facts: { settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } } },
    ],
  ];
  for (const forwarder of [ANN, BEN])
    for (const [name, situation] of cases) {
      const owner = USERS.find((one) => one.addresses.includes(forwarder)) ?? null;
      const mailbox = { ...SINK, address: forwarder, owner: { type: "systemuser", id: owner?.record.id ?? "" } } as const;
      const own = decide({
        head: { ...HIDDEN, ...situation.head },
        facts: { voters: USERS, ...situation.facts, mailboxOwner: owner },
        context: { mailbox },
      });
      assert.deepEqual(outcome(inSink(of(forwarder), situation)), outcome(own), `${name}, ${forwarder}`);
    }
});

test("The decision says who forwarded it and why that is believed", () => {
  assert.equal(because(inSink(of(ANN)), "forward"), `It counts as read in the mailbox of Ann, ${ANN}. ${PROOF}`);
});

test("What nobody is proven to have forwarded is skipped, whatever filters and folders say", () => {
  const refused: Forwarded = { kind: "refused", because: "Nothing proves that the message is a forward of ann@crm.example." };
  const folder = { name: "In", rule: { id: 1, folder: "in", name: "In", mark: null, children: false, regarding: null } };
  for (const said of [{}, { folder }]) {
    const decision = inSink(refused, { head: { to: [address(ANN)] }, context: said });
    assert.equal(decision.outcome, "skipped");
    assert.equal(because(decision, "forward"), refused.because);
  }
});

test("A user who is not in the CRM any more forwards nothing", () => {
  const decision = inSink(of("gone@crm.example"), { head: { to: [address(ANN)] } });
  assert.equal(decision.outcome, "skipped");
  assert.match(because(decision, "forward"), /gone@crm\.example is no user or queue of the CRM/);
});

test("A queue's rule forwards too: the queue's filter is asked, and the queue gets its item", () => {
  const decision = inSink(of(SUPPORT), { facts: { voters: [queue("Support", SUPPORT)] } });
  assert.deepEqual([decision.outcome, decision.placement?.queueIds], ["tracked", ["queue-support"]]);
});

test("A person may track what was refused, and what a user forwarded counts as read by that user then too", () => {
  const wish = { verb: "track", by: "root", at: new Date("2025-04-01T00:00:00Z"), regarding: null } as const;
  const refused = inSink({ kind: "refused", because: "It holds no message." }, { context: { wish } });
  assert.equal(refused.outcome, "tracked");
  assert.equal(because(refused, "forward"), "It holds no message.");
  assert.equal(inSink(of(BEN), { context: { wish } }).placement?.ownerId, USERS[1]?.ownerId);
});

test("Each user's copy of one message has a decision of its own in the forward mailbox, and one identity", () => {
  const keys = [of(ANN), of(BEN), { kind: "refused", because: "" } as const].map((forwarded) => {
    const message: MessageHead = head({ forwarded });
    const identity = identityOf(message);
    const key = decisionKey(identity, message);
    assert.equal(identityIn(key), identityOf(head()).key);
    return key;
  });
  assert.equal(new Set(keys).size, 3);
  assert.equal(decisionKey(identityOf(head()), head({ forwarded: of(ANN.toUpperCase()) })), keys[0]);
});

test("Nothing but a person's word is advised to have a refused message tracked", () => {
  const message = head({ forwarded: { kind: "refused", because: "It holds no message." } });
  const advice = advise({ head: message, facts: facts({ voters: USERS, mailboxOwner: null }), context: context({ mailbox: SINK }) });
  assert.deepEqual(adviceSentences(advice, 7), ["To have this message tracked, whatever the rules say: `waypost track 7`."]);
});

test("Outside forward mailboxes nothing is said of forwards", () => {
  assert.equal(because(track(head(), facts(), context()), "forward"), "");
});
