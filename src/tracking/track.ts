import { type Decision, type Placement, REASON, type RuleAnswer } from "../model/decision.ts";
import type { EarlierEmail, Facts } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { askedFor, regardingAnswerByHand } from "./asked-for.ts";
import { automaticMail } from "./automatic-mail.ts";
import { automaticTracking } from "./automatic-tracking.ts";
import { type Correlation, correlate } from "./correlate.ts";
import { heed, RESTS_ON_MESSAGE_ID, restsOnMessageId } from "./crm-verdict.ts";
import { forwardedByHand, forwardedMessage } from "./forwarded-message.ts";
import type { End, Gate } from "./gate.ts";
import { inFolder, regardingAnswerOfFolder } from "./in-folder.ts";
import { mailBetweenUsers } from "./internal.ts";
import { knownMessage } from "./known-message.ts";
import { mailLoop } from "./mail-loop.ts";
import { newRecord } from "./new-record.ts";
import { chooseOwner } from "./owner.ts";
import { type Question, questionOf, type TrackContext } from "./question.ts";
import { additionalQueueItem, queueItems } from "./queues.ts";
import { resolve } from "./resolve.ts";
import { no, RULE, yes } from "./rule.ts";
import { senderConflict, usableSender } from "./sender.ts";
import { ownSentMail, sentMail } from "./sent-mail.ts";
import { quote, when } from "./sentence.ts";
import { startDate } from "./start-date.ts";
import { testMessage } from "./test-message.ts";
import { tokensIn } from "./token.ts";
import { type Vote, vote, waitingFor } from "./vote.ts";

/** The rules that can end the matter before anybody's filter is asked, in order. */
const GATES: readonly Gate[] = [
  testMessage,
  askedFor,
  startDate,
  sentMail,
  forwardedMessage,
  knownMessage,
  automaticTracking,
  usableSender,
  senderConflict,
  mailBetweenUsers,
  automaticMail,
];

/** Those that the word of a CRM that decides itself leaves standing: they are about what the CRM is not told. */
const GATES_BEFORE_CRM: readonly Gate[] = [
  testMessage,
  askedFor,
  startDate,
  sentMail,
  forwardedMessage,
  knownMessage,
  usableSender,
  automaticMail,
];

/** Those that a person's wish to track the message leaves standing (product-behaviour 4.4). */
const GATES_BY_HAND: readonly Gate[] = [testMessage, askedFor, ownSentMail, forwardedByHand, knownMessage];

/** Those that a folder with a rule leaves standing, beside the one that cuts loops: a mail server may have put the message there. */
const GATES_IN_FOLDER: readonly Gate[] = [testMessage, askedFor, startDate, forwardedMessage, inFolder, ownSentMail, knownMessage];

/**
 * Decides whether a message becomes an email, and says why (DESIGN 8, product-behaviour 4.3 to 4.13).
 *
 * Pure and total: the same head, facts and context give the same decision, and no head makes it throw. The outcome is `tracked`,
 * `skipped` or `duplicate`; only the engine quarantines.
 */
export function track(head: MessageHead, facts: Facts, context: TrackContext): Decision {
  const { verdict, ...alone } = context;
  if (verdict !== undefined && restsOnMessageId(verdict, head, facts)) {
    const decision = track(head, facts, alone);
    return { ...decision, rules: [RESTS_ON_MESSAGE_ID, ...decision.rules] };
  }
  const question = questionOf(head, facts, context);
  const rules: RuleAnswer[] = remarks(question);
  const isAskedFor = context.wish?.verb === "track";
  const isInFolder = context.folder !== undefined;
  for (const gate of gatesFor(context)) {
    const verdict = gate(question);
    if (verdict === null) continue;
    rules.push(verdict.answer);
    if (verdict.end !== null) return verdict.end.outcome === "duplicate" ? known(question, verdict.end, rules) : ended(verdict.end, rules);
  }
  const correlation = correlate(question);
  const loop = isAskedFor || head.isSentCopy ? null : mailLoop(question, correlation);
  rules.push(...correlation.answers, ...(loop === null ? [] : [loop.answer]));
  if (loop?.cuts) return { ...ended(NOT_TRACKED, rules), automaticAnswer: loop.step, cutsLoop: true };
  const result = vote(question, correlation);
  rules.push(...result.answers);
  const heeded = context.verdict === undefined || isAskedFor || isInFolder ? null : heed(context.verdict, correlation, result);
  if (heeded !== null) rules.push(heeded.answer);
  const isTracked = heeded === null ? result.accepting !== null || isAskedFor || isInFolder : heeded.outcome === "tracked";
  const outcome = { ...result, reason: heeded?.reason ?? result.reason };
  if (!isTracked) return skipped(question, outcome, rules);
  return { ...tracked(question, correlation, outcome, rules), ...(loop !== null && { automaticAnswer: loop.step }) };
}

function gatesFor({ wish, folder, verdict }: TrackContext): readonly Gate[] {
  if (wish?.verb === "track") return GATES_BY_HAND;
  if (folder !== undefined) return GATES_IN_FOLDER;
  return verdict === undefined ? GATES : GATES_BEFORE_CRM;
}

const NOT_TRACKED: End = { outcome: "skipped", reason: REASON.unknown, emailId: null };

/** What a person should know before reading the rules. */
function remarks({ head, context }: Question): RuleAnswer[] {
  const remarks: RuleAnswer[] = [];
  if (context.ledgerNote !== undefined) remarks.push(yes(RULE.ledger, context.ledgerNote));
  if (head.truncated)
    remarks.push(
      no(RULE.headers, "The header block was longer than is read; fields at its end took no part in the decision.", { isGeneral: true }),
    );
  return remarks;
}

function ended({ outcome, reason, emailId }: End, rules: readonly RuleAnswer[]): Decision {
  return { outcome, reason, rules, placement: null, emailId, waitingFor: [] };
}

/** A message that is an email already: the queue in whose mailbox it lies may get an item of it. */
function known(question: Question, end: End, rules: readonly RuleAnswer[]): Decision {
  const item = additionalQueueItem(question);
  return item === null ? ended(end, rules) : { ...ended(end, [...rules, item.answer]), additionalQueueId: item.queue.id };
}

function skipped(question: Question, result: Vote, rules: readonly RuleAnswer[]): Decision {
  return { outcome: "skipped", reason: result.reason, rules, placement: null, emailId: null, waitingFor: waitingFor(question, result) };
}

function tracked(question: Question, correlation: Correlation, result: Vote, rules: readonly RuleAnswer[]): Decision {
  const { head, facts, context } = question;
  const { wish, folder } = context;
  const byFilter = wish === undefined && folder === undefined;
  const resolution = resolve(question);
  const ownership = chooseOwner(question, correlation.email, resolution.sender);
  const fresh = resolution.sender === null && !head.isSentCopy ? newRecord(question, correlation, ownership) : null;
  const queues = queueItems(question, result.ballots, ownership);
  const additional = additionalQueueItem(question);
  const placement: Placement = {
    ...(head.isSentCopy && { direction: "outgoing" }),
    parties: resolution.parties,
    ownerId: ownership.ownerId,
    ownerType: ownership.ownerType,
    regarding: wish?.regarding ?? folder?.rule.regarding ?? correlation.email?.regarding ?? null,
    correlationMethod: correlation.method,
    correlatedEmailId: correlation.email?.id ?? null,
    parentEmailId: correlation.isReply ? (correlation.email?.id ?? null) : null,
    ...(correlation.isReport && correlation.email !== null && { reportedEmailId: correlation.email.id }),
    trackingToken: correlation.token ?? tokensIn(head.subject, facts.settings)[0] ?? null,
    // Nobody's filter did it then: Dynamics leaves the field empty (product-behaviour 4.1).
    accepting: byFilter ? (result.accepting?.voter.record ?? null) : null,
    queueIds: queues.queueIds,
    duplicateSenderUnresolved: resolution.duplicateSenderUnresolved,
    ...(fresh?.record && { newRecord: fresh.record }),
  };
  return {
    outcome: "tracked",
    reason: byFilter ? result.reason : REASON.unknown,
    rules: [
      ...rules,
      resolution.answer,
      ownership.answer,
      ...(fresh === null ? [] : [fresh.answer]),
      regardingAnswerOf(question, correlation.email),
      queues.answer,
    ],
    placement,
    emailId: null,
    waitingFor: [],
    // Another mailbox may turn out to have been faster.
    ...(additional !== null && { additionalQueueId: additional.queue.id }),
  };
}

function regardingAnswerOf({ context: { wish, folder } }: Question, correlated: EarlierEmail | null): RuleAnswer {
  if (wish?.regarding) return regardingAnswerByHand(wish, wish.regarding);
  return folder?.rule.regarding ? regardingAnswerOfFolder(folder, folder.rule.regarding) : regardingAnswer(correlated);
}

function regardingAnswer(correlated: EarlierEmail | null): RuleAnswer {
  if (correlated === null)
    return no(RULE.regarding, "The message belongs to no earlier email, so it is about no record yet.", { isGeneral: true });
  const { regarding } = correlated;
  if (regarding === null) return no(RULE.regarding, `The email of ${when(correlated.at)} that it belongs to is about no record.`);
  return yes(
    RULE.regarding,
    `It is about the ${regarding.type} ${quote(regarding.name)}, like the email of ${when(correlated.at)} that it belongs to.`,
    {
      records: [regarding],
    },
  );
}
