import { type Decision, type Outcome, REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import type { Advised } from "./advice.ts";
import { adviceSentences } from "./advice-sentences.ts";
import { RULE } from "./rule.ts";
import { listing, quote, when } from "./sentence.ts";

/** What is kept of a decision after the message is dealt with is enough to explain it. */
export type StoredDecision = Pick<Decision, "outcome" | "reason" | "rules" | "emailId"> &
  Partial<Pick<Decision, "waitingFor">> & {
    /** When what was known of the message went; null where it is kept. */
    readonly purgedAt?: Date | null;
  };

export interface ExplainContext {
  /** Address of the mailbox in which the message was read. */
  readonly mailbox: string;
  /** Where it lies that is to be decided once it can be read, if it is in no folder that is shown: it left before it could be read, or its folder is hidden. */
  readonly lies?: "nowhere" | "in a hidden folder" | null;
  /** Whether it lies in a folder that is read; left out: nobody asked. */
  readonly isRead?: boolean;
  /** Number of the decision, for the commands that are named. */
  readonly number?: number;
  /** What one could change, tried on what is known now; left out or null: its header is kept no longer, so that nothing can be tried. */
  readonly advice?: Advised | null;
}

/**
 * A decision in sentences for a person: the outcome, then each rule with its answer and the settings that mattered, then what one would change to get
 * the other outcome, and of one that cannot be read at the moment that it cannot.
 */
export function explain(decision: StoredDecision, context: ExplainContext): string[] {
  const { purgedAt = null, rules } = decision;
  if (purgedAt !== null) return [outcomeOf(decision, context), ...purgedSentences(decision, purgedAt), ...rules.map(sentenceOf)];
  return [outcomeOf(decision, context), ...rules.map(sentenceOf), ...remediesOf(decision, context)];
}

const REASON_TEXT: Readonly<Record<ReasonCode, string>> = {
  [REASON.unknown]: "a rule of its own",
  [REASON.duplicate]: "duplicate",
  [REASON.noCorrelationMatch]: "no correlation match",
  [REASON.correlationMatch]: "correlation match",
  [REASON.noRecipientMatch]: "no recipient match",
  [REASON.internalEmailRejected]: "internal e-mail rejected",
  [REASON.senderMatch]: "sender match",
  [REASON.acceptAll]: "accept all",
  [REASON.invalidSender]: "invalid sender",
};

function outcomeOf({ outcome, reason, rules, emailId }: StoredDecision, { mailbox }: ExplainContext): string {
  const why = `reason ${reason}, ${REASON_TEXT[reason]}`;
  const where = `in the mailbox ${quote(mailbox)}`;
  switch (outcome) {
    case "tracked": {
      if (rules.some(({ rule, answer }) => rule === RULE.askedFor && answer === "yes"))
        return `The message ${where} is tracked, because a person asked for it (${why}).`;
      if (rules.some(({ rule, answer }) => rule === RULE.folder && answer === "yes"))
        return `The message ${where} is tracked, because it lies in a folder with a rule (${why}).`;
      const by = acceptingName(rules);
      return `The message ${where} is tracked${by === null ? "" : `, accepted by ${quote(by)}`} (${why}).`;
    }
    case "duplicate":
      return `The message ${where} is the email ${emailId ?? "made before"} already (${why}).`;
    case "skipped":
      return `The message ${where} is not tracked (${why}).`;
    case "quarantined":
      return `The message ${where} could not be processed and waits in quarantine to be run again (${why}).`;
  }
}

/** Whose filter was the first to accept. */
function acceptingName(rules: readonly RuleAnswer[]): string | null {
  return rules.find(({ rule, answer }) => rule === RULE.filter && answer === "yes")?.records?.[0]?.name ?? null;
}

function sentenceOf({ rule, answer, because, settings = {} }: RuleAnswer): string {
  const named = Object.entries(settings).map(
    ([name, value]) => `${name} is ${typeof value === "boolean" ? (value ? "on" : "off") : value}`,
  );
  const inBrackets = named.length === 0 ? "" : ` (${listing(named, named.length)}.)`;
  return `${rule}: ${answer}.${because === "" ? "" : ` ${because}`}${inBrackets}`;
}

function purgedSentences({ outcome }: StoredDecision, purgedAt: Date): string[] {
  return [
    `What was known of it was purged on ${when(purgedAt)}, for mail that is no email is kept for a set time only, and until somebody in it is forgotten; the outcome, the reason code and what each rule answered stay.`,
    ...(outcome === "skipped" ? ["It is not decided again any more, even if a message that it answers is tracked."] : []),
  ];
}

function remediesOf(decision: StoredDecision, context: ExplainContext): string[] {
  const mailbox = quote(context.mailbox);
  if (context.lies === "nowhere")
    return [
      `It lies in no folder of ${mailbox} that is read any more, so it cannot be read. Where it turns up in one, it is decided again by itself.`,
    ];
  if (context.lies === "in a hidden folder")
    return [
      `It lies in a folder of ${mailbox} that is not shown at the moment. When the folder is shown again, it is decided again by itself.`,
    ];
  return [...decision.rules.flatMap(besides), ...adviceOn(decision, context)];
}

/** What should be changed elsewhere, whatever becomes of the message. */
function besides({ rule, answer }: RuleAnswer): string[] {
  return rule === RULE.mailLoop && answer === "yes" ? ["What in the CRM answers automatic mail should leave that out."] : [];
}

function adviceOn(decision: StoredDecision, { advice, number, isRead = true }: ExplainContext): string[] {
  if (decision.outcome === "quarantined") return [];
  if (decision.rules.some(({ rule, answer }) => rule === RULE.testMessage && answer === "yes")) return ["A test is never tracked."];
  if (advice == null)
    return [
      `What would change that was not tried: its header is kept no longer, its mailbox has no owner in the CRM any more, or many messages were asked about at once; \`waypost explain ${number ?? "<number>"}\` asks about this one alone.`,
    ];
  if (!isAlike(advice.now, decision.outcome)) {
    const now = `Decided now, it would be ${OUTCOME_NOW[advice.now]}: what the CRM knows has changed since, or the settings have.`;
    return advice.now === "tracked" ? [now, `To have it decided again where it lies: \`waypost track ${number ?? "<number>"}\`.`] : [now];
  }
  const sentences = adviceSentences(advice, number);
  if (sentences.length > 0) return sentences;
  return [isRead ? "Nothing would have it tracked." : "Nothing would have it tracked: it lies in no folder that is read."];
}

const OUTCOME_NOW = { tracked: "tracked", duplicate: "an email already", skipped: "skipped", quarantined: "quarantined" } as const;

/** Which of several mailboxes came first is no difference. */
function isAlike(one: Outcome, other: Outcome): boolean {
  return (one === "skipped") === (other === "skipped");
}
