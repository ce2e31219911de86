import assert from "node:assert/strict";
import { test } from "node:test";
import { decisionKey, emailIdentityOf, identityOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import { ANN, address, BOB, head } from "../../tracking/test-data.ts";
import { asSentCopy, keyElsewhere, knownAsSent, markedByDecision, markedBySentFolder } from "./sent-copies.ts";

const READING = { sent: new Set(["Sent"]) };
const MAILBOX = { address: ANN };
const written = head({ from: [address(ANN)], to: [address(BOB)], folders: ["Sent"] });

function candidate(one: MessageHead) {
  const identity = emailIdentityOf(one);
  return { head: one, places: [], identity, key: decisionKey(identity, one) };
}

test("what lies among sent mail is the copy of its sender, and nothing else is", () => {
  assert.equal(markedBySentFolder(READING, written).isSentCopy, true);
  assert.equal(markedBySentFolder(READING, { ...written, folders: ["Sent", "Label"] }).isSentCopy, true);
  assert.equal(markedBySentFolder(READING, { ...written, folders: ["INBOX"] }).isSentCopy, undefined);
});

test("what was decided as the copy of its sender stays that, wherever it lies now; what was received stays received", () => {
  const copy = candidate(markedBySentFolder(READING, written));
  const moved = { ...written, folders: ["INBOX"] };
  assert.equal(markedByDecision(moved, { identity: copy.key }).isSentCopy, true);
  assert.equal(markedByDecision(moved, { identity: identityOf(moved).key }).isSentCopy, undefined);
  assert.equal(markedByDecision(moved, undefined).isSentCopy, undefined);
});

test("a copy of no lasting identity stays one too, though the key of its decision is that of the place where it lay", () => {
  const nameless = { ...written, messageId: null };
  const copy = candidate(markedBySentFolder(READING, nameless));
  const moved = { ...nameless, folders: ["INBOX"], ref: { stream: "INBOX", id: "7" } };
  assert.equal(markedByDecision(moved, { identity: copy.key, isSentCopy: true }).isSentCopy, true);
  assert.equal(markedByDecision(moved, { identity: copy.key, isSentCopy: false }).isSentCopy, undefined);
});

test("a copy that was moved out of the sent mail is known by the key of its decision there", () => {
  const copy = candidate(markedBySentFolder(READING, written));
  const elsewhere = candidate({ ...written, folders: ["INBOX"] });
  assert.equal(keyElsewhere(MAILBOX, elsewhere), copy.key);
  const { head: its, identity, key } = asSentCopy(elsewhere);
  assert.deepEqual([its.isSentCopy, identity, key], [true, copy.identity, copy.key]);
});

test("what is addressed to the mailbox itself was received, what has no lasting identity is known by its place", () => {
  const toHerself = { ...written, folders: ["INBOX"], cc: [address(ANN.toUpperCase())] };
  assert.equal(keyElsewhere(MAILBOX, candidate(toHerself)), null);
  assert.equal(keyElsewhere(MAILBOX, candidate({ ...written, folders: ["INBOX"], messageId: null })), null);
});

test("what lies among sent mail may have been moved there after it was decided on", () => {
  const sent = candidate(markedBySentFolder(READING, written));
  assert.equal(keyElsewhere(MAILBOX, sent), candidate({ ...written, folders: ["INBOX"] }).key);
});

test("what was delivered to the mailbox was received: a list or an alias gives the sender his own mail back", () => {
  for (const [name, value] of [
    ["delivered-to", ANN],
    ["x-original-to", "sales@crm.example"],
    ["list-id", "<sales.crm.example>"],
  ] as const) {
    const back: MessageHead = { ...written, folders: ["INBOX"], headers: [[name, value]] };
    assert.equal(keyElsewhere(MAILBOX, candidate(back)), null, name);
  }
});

test("of the copy of a sender the outbox says that Waypost sent it, by its Message-ID or its mark; of nothing else", () => {
  const id = "0198a6a2-6f0e-7c11-9d1f-111111111111";
  const known = { emailId: id, how: null, wasSent: true };
  const copy = markedBySentFolder(READING, written);
  const renamed = {
    ...copy,
    messageId: "another@server.example",
    headers: [["x-waypost-email", ` ${id.toUpperCase()}`]],
  } satisfies MessageHead;
  const sent = {
    byMessageId: new Map([[written.messageId ?? "", id]]),
    composedAt: new Map([[id, written.date === null ? [] : [written.date]]]),
  };
  assert.deepEqual(
    [copy, renamed].map((one) => knownAsSent(one, sent)),
    [known, known],
  );
  assert.equal(knownAsSent(written, sent), null);
  assert.equal(knownAsSent(renamed, { byMessageId: new Map(), composedAt: new Map() }), null);
  assert.equal(knownAsSent({ ...renamed, headers: [["x-waypost-email", "' or true"]] }, sent), null);
});

test("a message that a person wrote on the pattern of one that Waypost sent has its mark, and is another one", () => {
  const id = "0198a6a2-6f0e-7c11-9d1f-111111111111";
  const first = new Date("2026-03-02T10:00:00Z");
  const sent = { byMessageId: new Map(), composedAt: new Map([[id, [first]]]) };
  const patterned = (date: Date | null): MessageHead => ({
    ...markedBySentFolder(READING, written),
    messageId: "another@ann.example",
    headers: [["x-waypost-email", id]],
    date,
  });
  assert.equal(knownAsSent(patterned(new Date("2026-03-02T10:09:00Z")), sent), null);
  assert.equal(knownAsSent(patterned(first), sent)?.emailId, id);
  assert.equal(knownAsSent(patterned(null), sent)?.emailId, id);
});
