import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AUTOMATIC_ANSWERS_AN_HOUR, type AutomaticAnswer, LOOP_WINDOW } from "../model/automatic-answer.ts";
import type { Decision } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { explain } from "./explain.ts";
import { countBefore } from "./mail-loop.ts";
import { ANN, address, because, CARL, decide, earlier, RECEIVED } from "./test-data.ts";

const AWAY: Partial<MessageHead> = { headers: [["auto-submitted", "auto-replied"]], inReplyTo: ["sent1@crm.example"] };
const after = (seconds: number) => new Date(RECEIVED.getTime() + seconds * 1000);

/** One automatic answer after the other, as many seconds apart as said, each decided with those before it. */
function answers(count: number, seconds: number, change: Partial<MessageHead> = {}, email: Partial<EarlierEmail> = {}): Decision[] {
  const before: AutomaticAnswer[] = [];
  return Array.from({ length: count }, (_, index) => {
    const head = { ...AWAY, messageId: `auto${index}@customer.example`, received: after(index * seconds), ...change };
    const decision = decide({
      head,
      facts: { byMessageId: [earlier(email)] },
      context: { answersBefore: (answer) => countBefore(before, answer) },
    });
    if (decision.automaticAnswer !== undefined) before.push(decision.automaticAnswer);
    return decision;
  });
}
const tracked = (decisions: readonly Decision[]) => decisions.filter(({ outcome }) => outcome === "tracked").length;

describe("mail loop", () => {
  test("automatic answers in one conversation are tracked up to the limit and then cut off, with both sides named and the remedy", () => {
    const decisions = answers(AUTOMATIC_ANSWERS_AN_HOUR + 3, 60);
    assert.deepEqual(
      decisions.map(({ outcome, cutsLoop }) => [outcome, cutsLoop ?? false]),
      decisions.map((_, index) => (index < AUTOMATIC_ANSWERS_AN_HOUR ? ["tracked", false] : ["skipped", true])),
    );
    const [last] = decisions.slice(-1);
    assert.ok(last);
    assert.match(because(last, "mail loop"), /bob@customer\.example and ann@crm\.example answer each other/);
    assert.match(explain(last, { mailbox: ANN }).join("\n"), /should leave that out/);
  });

  test("so many over a longer time are none: an absent person answers each letter of a long day", () => {
    const seconds = LOOP_WINDOW / 1000 / AUTOMATIC_ANSWERS_AN_HOUR;
    assert.equal(tracked(answers(50, seconds)), 50);
    assert.ok(tracked(answers(50, seconds - 10)) < 50);
  });

  test("people, lists and newsletters are never cut off, however many they write", () => {
    assert.equal(tracked(answers(30, 1, { headers: [] })), 30);
    assert.equal(tracked(answers(30, 1, { headers: [["list-id", "<a.b>"]] })), 30);
  });

  test("other senders and other conversations count for themselves, and what answers no email of ours for none", () => {
    const before = answers(AUTOMATIC_ANSWERS_AN_HOUR, 1).flatMap(({ automaticAnswer }) => automaticAnswer ?? []);
    const next = (head: Partial<MessageHead>, email: Partial<EarlierEmail> = {}) =>
      decide({
        head: { ...AWAY, received: after(60), ...head },
        facts: { byMessageId: [earlier(email)] },
        context: { answersBefore: (answer) => countBefore(before, answer) },
      });
    assert.equal(next({}).outcome, "skipped");
    assert.equal(next({ from: [address(CARL)] }).outcome, "tracked");
    assert.equal(next({}, { subject: "Another matter" }).outcome, "tracked");
    assert.equal(next({}, { subject: "AW: Offer for the mill CRM:0001002", trackingToken: "CRM:0001002" }).outcome, "skipped");
    assert.equal(next({}, { direction: "incoming" }).outcome, "tracked");
  });
});
