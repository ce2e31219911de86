import { type Decision, REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import { FILTER_METHOD_NAMES } from "../model/settings.ts";
import { RULE } from "./rule.ts";
import { listing, quote } from "./sentence.ts";

/** What is kept of a decision after the message is dealt with is enough to explain it. */
export type StoredDecision = Pick<Decision, "outcome" | "reason" | "rules" | "emailId"> & Partial<Pick<Decision, "waitingFor">>;

export interface ExplainContext {
  /** Address of the mailbox in which the message was read. */
  readonly mailbox: string;
  /** Where it lies that is to be decided once it can be read, if it is in no folder that is shown: it left before it could be read, or its folder is hidden. */
  readonly lies?: "nowhere" | "in a hidden folder" | null;
  /** Number of the decision, for the commands that are named. */
  readonly number?: number;
}

/**
 * A decision in sentences for a person: the outcome, then each rule with its answer, then, for a skipped message, what one would change
 * to have it tracked, and of one that cannot be read at the moment that it cannot.
 */
export function explain(decision: StoredDecision, context: ExplainContext): string[] {
  return [outcomeOf(decision, context), ...decision.rules.map(sentenceOf), ...remediesOf(decision, context)];
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

function sentenceOf({ rule, answer, because }: RuleAnswer): string {
  return `${rule}: ${answer}. ${because}`;
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
  if (decision.outcome !== "skipped") return [];
  const remedies = decision.rules.map((answer) => remedyFor(answer, context)).filter((one) => one !== null);
  const { waitingFor = [] } = decision;
  if (waitingFor.length > 0) {
    const answered = waitingFor.map((id) => quote(id));
    remedies.push(`It is decided again by itself as soon as a message that it answers is tracked: ${listing(answered, 3)}.`);
  }
  if (decision.rules.some(isTest)) return remedies;
  return [...remedies, `To have this message tracked, whatever the rules say: \`waypost track ${context.number ?? "<number>"}\`.`];
}

function isTest({ rule, answer }: RuleAnswer): boolean {
  return rule === RULE.testMessage && answer === "yes";
}

/** What one would change about an answer that kept the message out; null for one that did not. */
function remedyFor({ rule, answer, settings, records }: RuleAnswer, { mailbox }: ExplainContext): string | null {
  switch (`${rule} ${answer}`) {
    case `${RULE.testMessage} yes`:
      return "A test is never tracked.";
    case `${RULE.startDate} no`:
      return `To have it tracked, set the start date of ${quote(mailbox)} to an earlier moment than the message's.`;
    case `${RULE.automaticTracking} no`:
      return "To have it tracked, switch DoNotAutoTrackEmail off.";
    case `${RULE.sender} no`:
      return "Nothing can be set to track a message without a usable sender; track it by hand.";
    case `${RULE.senderConflict} yes`:
      return "To have it tracked, leave the sender's address on one record only, or switch OverrideV5SenderConflictResolution off.";
    case `${RULE.internal} yes`:
      return "To have it tracked, switch ignoreinternalemail off; mail between users then becomes an email for each side.";
    case `${RULE.automaticMail} yes`:
      return settings?.SkipAutomaticReplies === true ? "To have it tracked, switch SkipAutomaticReplies off." : null;
    case `${RULE.mailLoop} yes`:
      return "To have it tracked, track it by hand; what in the CRM answers automatic mail should leave that out.";
    case `${RULE.recipients} no`:
      return "To have it tracked, add the address it was sent to (an alias or list, say) to a user or queue.";
    case `${RULE.filter} no`:
      return filterRemedy(quote(records?.[0]?.name ?? mailbox), settings);
    default:
      return null;
  }
}

function filterRemedy(name: string, settings: RuleAnswer["settings"]): string {
  const all = `"${FILTER_METHOD_NAMES[0]}"`;
  if (settings?.SSSForceFilteringMethodForUserMailboxes !== undefined) {
    return `To have ${name} accept it, set SSSForceFilteringMethodForUserMailboxes to -1 or 0; it overrides the filter of every user.`;
  }
  const method = settings?.incomingemailfilteringmethod;
  const alternative =
    method === 2
      ? ", or add the sender as a lead, contact or account"
      : method === 3
        ? ", or add the sender as a record with an email address"
        : "";
  return `To have ${name} accept it, set the filter of ${name} to ${all}${alternative}.`;
}
