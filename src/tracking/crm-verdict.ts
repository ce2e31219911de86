import { REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import type { CrmVerdict } from "../model/verdict.ts";
import type { Correlation } from "./correlate.ts";
import type { Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";
import type { Vote } from "./vote.ts";

/** What comes of the word of a CRM that decides about messages itself. */
export interface Heeded {
  readonly outcome: "tracked" | "skipped" | "duplicate";
  readonly reason: ReasonCode;
  /** Of a duplicate: the email that the CRM has of the message. */
  readonly emailId: string | null;
  readonly answer: RuleAnswer;
}

const TEXT: Readonly<Record<ReasonCode, string>> = {
  [REASON.unknown]: "for a reason of its own",
  [REASON.duplicate]: "as a duplicate",
  [REASON.noCorrelationMatch]: "because it belongs to no earlier email",
  [REASON.correlationMatch]: "because it belongs to an earlier email",
  [REASON.noRecipientMatch]: "because no recipient is a user or queue",
  [REASON.internalEmailRejected]: "as mail between users",
  [REASON.senderMatch]: "for its sender",
  [REASON.acceptAll]: "because all messages are taken",
  [REASON.invalidSender]: "for its sender's address",
};

/**
 * A verdict is whether the CRM would take the message; its reason is only told (DESIGN 9). Of one thing it cannot know: the messages that a message answers by
 * its headers. Where these show the earlier email, and somebody's filter takes answers, a "no correlation" is not final.
 */
export function heed({ delivers, reason }: CrmVerdict, question: Question, correlation: Correlation, vote: Vote): Heeded {
  const why = TEXT[reason];
  if (delivers)
    return { outcome: "tracked", reason, emailId: null, answer: yes(RULE.crm, `The CRM takes the message, ${why}.`, { isGeneral: true }) };
  const duplicate = reason === REASON.duplicate ? emailOfSameMessage(question) : null;
  if (duplicate !== null)
    return {
      outcome: "duplicate",
      reason,
      emailId: duplicate,
      answer: yes(RULE.crm, "The CRM has an email of the message already.", { isGeneral: true }),
    };
  const isAnswer = correlation.isReply && vote.accepting?.filter.reason === REASON.correlationMatch;
  if (reason === REASON.noCorrelationMatch && isAnswer && correlation.email !== null)
    return {
      outcome: "tracked",
      reason: REASON.correlationMatch,
      emailId: null,
      answer: yes(
        RULE.crm,
        `The CRM would leave the message out, ${why}; it is not told what a message answers, and by its headers this one answers the email of ${when(correlation.email.at)}.`,
      ),
    };
  return {
    outcome: "skipped",
    reason,
    emailId: null,
    answer: no(RULE.crm, `The CRM does not take the message, ${why}.`, { isGeneral: true }),
  };
}

/** An incoming email with the message's own Message-ID. */
function emailOfSameMessage({ head, facts }: Question): string | null {
  if (head.messageId === null) return null;
  const same = (facts.emailsByMessageId.get(head.messageId) ?? []).filter(
    (one) => one.direction === "incoming" && one.messageId === head.messageId,
  );
  return same.map(({ id }) => id).sort()[0] ?? null;
}
