import { addressKey } from "../model/address.ts";
import { AUTOMATIC_ANSWERS_AN_HOUR, type AutomaticAnswer, conversationDigest, LOOP_WINDOW } from "../model/automatic-answer.ts";
import type { RuleAnswer } from "../model/decision.ts";
import { baseSubject } from "../model/subject.ts";
import { type AutomatonKind, automatonOf } from "./automaton.ts";
import type { Correlation } from "./correlate.ts";
import type { Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";

/** Programs that answer. Lists, newsletters and complaints come as often as they like: nothing that we send brings them forth. */
const ANSWERING: ReadonlySet<AutomatonKind> = new Set(["automatic reply", "notification", "delivery report", "receipt"]);

/** An automatic answer, and whether it is one too many. */
export interface LoopStep {
  readonly step: AutomaticAnswer;
  readonly answer: RuleAnswer;
  readonly cuts: boolean;
}

/**
 * Looks whether a program and the CRM answer each other: a workflow confirms each message that it gets, the other side answers each confirmation, and so
 * on until somebody pulls a plug. What is not tracked, nothing in the CRM answers. Null for what is no automatic answer to an email of ours.
 */
export function mailLoop({ head, sender, context }: Question, { email }: Correlation): LoopStep | null {
  if (sender === null || email?.direction !== "outgoing") return null;
  const automaton = automatonOf(head, context.report?.report ?? null);
  if (automaton === null || !ANSWERING.has(automaton.kind)) return null;
  const conversation = conversationDigest(baseSubject(email.subject, email.trackingToken === null ? [] : [email.trackingToken]));
  const step = { sender: addressKey(sender.address), conversation, received: head.received };
  const before = context.answersBefore?.(step) ?? 0;
  const name = quote(sender.address);
  if (before < AUTOMATIC_ANSWERS_AN_HOUR) {
    const because = `It is automatic answer ${before + 1} of ${name} in this conversation within an hour; up to ${AUTOMATIC_ANSWERS_AN_HOUR} are none.`;
    return { step, cuts: false, answer: no(RULE.mailLoop, because) };
  }
  const because = `${name} and ${quote(context.mailbox.address)} answer each other: it sent more than ${AUTOMATIC_ANSWERS_AN_HOUR} automatic answers in one conversation in the hour before ${when(head.received)}.`;
  return { step, cuts: true, answer: yes(RULE.mailLoop, because) };
}

/** How many of these answers come before the last one in its conversation, within the hour. */
export function countBefore(answers: readonly AutomaticAnswer[], { sender, conversation, received }: AutomaticAnswer): number {
  return answers.filter((one) => one.sender === sender && one.conversation === conversation && isWithinHour(one.received, received)).length;
}

/** Whether an answer of that time counts for one of this. */
export function isWithinHour(earlier: Date, received: Date): boolean {
  const age = received.getTime() - earlier.getTime();
  return age >= 0 && age < LOOP_WINDOW;
}
