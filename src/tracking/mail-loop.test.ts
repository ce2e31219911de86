import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AUTOMATIC_ANSWERS_AN_HOUR,
  AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR,
  type AutomaticAnswer,
  LOOP_WINDOW,
} from "../model/automatic-answer.ts";
import type { Decision } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { explain } from "./explain.ts";
import { countBefore } from "./mail-loop.ts";
import { ANN, address, because, CARL, context, decide, earlier, queue, RECEIVED, SUPPORT } from "./test-data.ts";

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

  /** A queue that takes everything; each message and the email that it answers, if any, by its number. */
  function atQueue(count: number, headOf: (index: number) => Partial<MessageHead>, email: (index: number) => EarlierEmail[] = () => []) {
    const before: AutomaticAnswer[] = [];
    return Array.from({ length: count }, (_, index) => {
      const decision = decide({
        head: { messageId: `auto${index}@customer.example`, to: [address(SUPPORT)], received: after(index), ...headOf(index) },
        facts: { voters: [queue("Support", SUPPORT)], byMessageId: email(index) },
        context: {
          mailbox: { ...context().mailbox, address: SUPPORT },
          answersBefore: (counted) => countBefore(before, counted),
        },
      });
      if (decision.automaticAnswer !== undefined) before.push(decision.automaticAnswer);
      return decision;
    });
  }
  const confirmed = (index: number) => [earlier({ messageId: `sent${index}@crm.example`, subject: `Case CAS-${1000 + index} was opened` })];
  const answering = (index: number) => ({ inReplyTo: [`sent${index}@crm.example`] });

  test("answers to confirmations of which each has a number of its own are cut off as well, at a higher limit", () => {
    const decisions = atQueue(200, (index) => ({ ...AWAY, ...answering(index) }), confirmed);
    assert.equal(tracked(decisions), AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR);
    const [last] = decisions.slice(-1);
    assert.ok(last);
    assert.match(because(last, "mail loop"), /more than 30 automatic answers in this mailbox/);
    assert.equal(last.cutsLoop, true);
  });

  test("so are answers that name no message and have a subject of their own", () => {
    const decisions = atQueue(100, (index) => ({ ...AWAY, inReplyTo: [], subject: `We got your message ${index}` }));
    assert.equal(tracked(decisions), AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR);
    const senders = atQueue(100, (index) => ({ ...AWAY, inReplyTo: [], from: [address(`bob${index}@customer.example`)] }));
    assert.equal(tracked(senders), 100);
  });

  test("notifications that answer nothing come of themselves, and a mail server reports as many failures as there are letters", () => {
    assert.equal(tracked(atQueue(100, () => ({ headers: [["auto-submitted", "auto-generated"]] }))), 100);
    const bounce = (index: number) => ({ ...answering(index), headers: [["x-failed-recipients", "x@y.example"]] as const });
    assert.equal(tracked(atQueue(100, bounce, confirmed)), 100);
  });

  test("another mailbox counts for itself", () => {
    const before = atQueue(AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR, () => ({ ...AWAY, inReplyTo: [] })).flatMap(
      (one) => one.automaticAnswer ?? [],
    );
    const next = (where: string) =>
      decide({
        head: { ...AWAY, inReplyTo: [], received: after(60), to: [address(where)] },
        facts: { voters: [queue("Here", where)] },
        context: { mailbox: { ...context().mailbox, address: where }, answersBefore: (counted) => countBefore(before, counted) },
      }).outcome;
    assert.deepEqual([next(SUPPORT), next("sales@crm.example")], ["skipped", "tracked"]);
  });
});
