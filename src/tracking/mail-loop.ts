import { addressKey } from "../model/address.ts";
import {
  type AnswersCounted,
  AUTOMATIC_ANSWERS_AN_HOUR,
  AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR,
  type AutomaticAnswer,
  conversationDigest,
  LOOP_WINDOW,
} from "../model/automatic-answer.ts";
import type { RuleAnswer } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import { type AutomatonKind, automatonOf } from "./automaton.ts";
import type { Correlation } from "./correlate.ts";
import { subjectOf } from "./evidence.ts";
import type { Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";

/** Programs that answer. Lists, newsletters and complaints come as often as they like: nothing that we send brings them forth. */
const ANSWERING: ReadonlySet<AutomatonKind> = new Set(["automatic reply", "notification", "delivery report", "receipt"]);

/** Those of which a mailbox gets only so many from one sender. A mail server reports as many failures as letters were sent through it. */
const COUNTED_IN_MAILBOX: ReadonlySet<AutomatonKind> = new Set(["automatic reply", "notification"]);

/** An automatic answer, and whether it is one too many. */
export interface LoopStep {
  readonly step: AutomaticAnswer;
  readonly answer: RuleAnswer;
  readonly cuts: boolean;
}

/** Answers among which this one is counted, and how many of them are no loop. */
interface Count {
  readonly counted: AnswersCounted;
  readonly limit: number;
  /** For a sentence. */
  readonly where: string;
}

/**
 * Looks whether a program and the CRM answer each other: a workflow confirms each message that it gets, the other side answers each confirmation, and so
 * on until somebody pulls a plug. What is not tracked, nothing in the CRM answers. Null for what is no automatic answer.
 */
export function mailLoop({ head, sender, context }: Question, { email }: Correlation): LoopStep | null {
  const kind = automatonOf(head, context.report?.report ?? null)?.kind;
  if (sender === null || kind === undefined || !ANSWERING.has(kind)) return null;
  const answered = email?.direction === "outgoing" ? email : null;
  // What answers nothing that is known may come of itself, unless it says that it is an answer: many programs name no message by In-Reply-To.
  if (answered === null && kind !== "automatic reply") return null;
  const step = stepOf(addressKey(sender.address), addressKey(context.mailbox.address), answered, head.received);
  const counts = countsOf(step, answered, kind).map((one) => ({ ...one, before: context.answersBefore?.(one.counted) ?? 0 }));
  const name = quote(sender.address);
  const over = counts.find(({ before, limit }) => before >= limit);
  if (over === undefined) {
    const because = counts.map(
      ({ before, where, limit }) => `automatic answer ${before + 1} of ${name} ${where} within an hour; up to ${limit} are none`,
    );
    return { step, cuts: false, answer: no(RULE.mailLoop, `It is ${because.join(", and ")}.`) };
  }
  const because = `${name} and ${quote(context.mailbox.address)} answer each other: it sent more than ${over.limit} automatic answers ${over.where} in the hour before ${when(head.received)}.`;
  return { step, cuts: true, answer: yes(RULE.mailLoop, because) };
}

function stepOf(sender: string, mailbox: string, answered: EarlierEmail | null, received: Date): AutomaticAnswer {
  return { sender, mailbox, conversation: answered === null ? "" : conversationDigest(subjectOf(answered)), received };
}

function countsOf(
  { sender, mailbox, conversation, received }: AutomaticAnswer,
  answered: EarlierEmail | null,
  kind: AutomatonKind,
): Count[] {
  const counts: Count[] = [];
  if (answered !== null)
    counts.push({ counted: { sender, conversation, received }, limit: AUTOMATIC_ANSWERS_AN_HOUR, where: "in one conversation" });
  if (COUNTED_IN_MAILBOX.has(kind))
    counts.push({ counted: { sender, mailbox, received }, limit: AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR, where: "in this mailbox" });
  return counts;
}

/** How many of these answers are among those counted, within the hour. */
export function countBefore(answers: readonly AutomaticAnswer[], counted: AnswersCounted): number {
  const { sender, received } = counted;
  const isCounted = (one: AutomaticAnswer) =>
    "conversation" in counted ? one.conversation === counted.conversation : one.mailbox === counted.mailbox;
  return answers.filter((one) => one.sender === sender && isCounted(one) && isWithinHour(one.received, received)).length;
}

/** Whether an answer of that time counts for one of this. */
export function isWithinHour(earlier: Date, received: Date): boolean {
  const age = received.getTime() - earlier.getTime();
  return age >= 0 && age < LOOP_WINDOW;
}
