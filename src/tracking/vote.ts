import type { Address } from "../model/address.ts";
import { REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import type { Voter } from "../model/facts.ts";
import { answeredIds, MAXIMUM_ANSWERED } from "./answered.ts";
import { asksMessageIds, type Correlation } from "./correlate.ts";
import { askFilter, type FilterAnswer, methodOf } from "./filter.ts";
import type { Question } from "./question.ts";
import { type Field, recipientFields, votersAt } from "./recipients.ts";
import { no, notAsked, RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";
import { whereRead } from "./where-read.ts";

/** One user or queue that is asked about a message. */
export interface Ballot {
  readonly voter: Voter;
  /** Where it was found: an address field, or only as the owner of the mailbox being read. */
  readonly place: Field | "From" | "mailbox";
  readonly filter: FilterAnswer;
  /** False when a setting leaves the decision to the mailbox being read. */
  readonly counts: boolean;
}

export interface Vote {
  /** The first that accepts, or null when the message is not tracked. */
  readonly accepting: Ballot | null;
  readonly reason: ReasonCode;
  readonly ballots: readonly Ballot[];
  readonly answers: readonly RuleAnswer[];
}

/**
 * Asks the filters of all users and queues among the recipients, in the order To, Cc, Bcc, and at last the owner of the mailbox being
 * read, whom blind copies and lists do not name (product-behaviour 4.4). The first that accepts becomes the accepting one; all are
 * asked, because each has an answer and an accepting queue a queue item. Disabled ones have no vote. Of sent mail those who wrote it are asked
 * in place of the recipients.
 */
export function vote(question: Question, correlation: Correlation): Vote {
  const ballots = ballotsOf(question, correlation);
  const answers = ballots.map((ballot) => answerOf(ballot, question));
  const accepting = ballots.find((one) => one.counts && one.filter.accepts) ?? null;
  if (accepting !== null) return { accepting, reason: accepting.filter.reason, ballots, answers };
  if (ballots.some((one) => one.place !== "mailbox" || question.head.isSentCopy))
    return { accepting, reason: REASON.noCorrelationMatch, ballots, answers };
  const because =
    ballots.length === 0
      ? `${question.head.isSentCopy ? "Its sender is no" : "No recipient is an"} enabled user or queue, and neither is the mailbox's owner.`
      : "No recipient is an enabled user or queue, and the filter of the mailbox's owner does not accept.";
  return { accepting, reason: REASON.noRecipientMatch, ballots, answers: [...answers, no(RULE.recipients, because, { isGeneral: true })] };
}

/**
 * The messages whose arrival in the CRM would make a skipped one tracked: those it answers, if some filter that counts takes answers.
 * At most twenty Message-IDs.
 */
export function waitingFor({ head, facts, context }: Question, { ballots }: Vote): readonly string[] {
  const takesAnswers = ballots.some(({ counts, voter }) => counts && [1, 2, 3].includes(methodOf(voter, facts.settings)));
  if (!takesAnswers || !asksMessageIds(head, facts.settings)) return [];
  return [...new Set([...(context.report?.about ?? []), ...answeredIds(head)])].slice(0, MAXIMUM_ANSWERED);
}

function ballotsOf(question: Question, correlation: Correlation): readonly Ballot[] {
  const { head, facts } = question;
  const owner = facts.mailboxOwner;
  const onlyOwner = facts.settings.UseFilteringMethodOfSyncingMailboxOnlyForCorrelation && owner !== null && !owner.disabled;
  const ballots = new Map<string, Ballot>();
  const add = (voter: Voter, place: Ballot["place"]) => {
    const key = keyOf(voter);
    if (voter.disabled || ballots.has(key)) return;
    const counts = !onlyOwner || key === keyOf(owner);
    ballots.set(key, { voter, place, filter: askFilter(voter, question, correlation), counts });
  };
  const asked: readonly (readonly [Ballot["place"], readonly Address[]])[] = head.isSentCopy
    ? [["From", head.from]]
    : recipientFields(head);
  for (const [field, list] of asked) {
    for (const one of list) for (const voter of votersAt(one.address, facts)) add(voter, field);
  }
  if (owner !== null) add(owner, "mailbox");
  return [...ballots.values()];
}

function answerOf({ voter, place, filter, counts }: Ballot, { head, facts, context }: Question): RuleAnswer {
  const forced = facts.settings.SSSForceFilteringMethodForUserMailboxes;
  const evidence = {
    records: [voter.record],
    settings: {
      incomingemailfilteringmethod: voter.filter,
      ...(forced >= 0 && voter.record.type === "systemuser" ? { SSSForceFilteringMethodForUserMailboxes: forced } : {}),
    },
  };
  if (!counts) {
    const because = `${quote(voter.record.name)} has no vote: UseFilteringMethodOfSyncingMailboxOnlyForCorrelation leaves it to ${quote(whereRead(head, context.mailbox.address))}.`;
    return notAsked(RULE.filter, because, evidence);
  }
  const where = place === "mailbox" ? "as the owner of the mailbox" : `in ${place}`;
  const because = `${filter.because} (Asked ${where}.)`;
  return filter.accepts ? yes(RULE.filter, because, evidence) : no(RULE.filter, because, evidence);
}

function keyOf({ record }: Voter): string {
  return `${record.type} ${record.id}`;
}
