import { REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import type { Facts } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { CrmVerdict } from "../model/verdict.ts";
import type { Correlation } from "./correlate.ts";
import { no, RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";
import type { Vote } from "./vote.ts";

/** What comes of the word of a CRM that decides about messages itself. */
export interface Heeded {
  readonly outcome: "tracked" | "skipped";
  readonly reason: ReasonCode;
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
export function heed({ delivers, reason }: CrmVerdict, correlation: Correlation, vote: Vote): Heeded {
  const why = TEXT[reason];
  if (delivers) return { outcome: "tracked", reason, answer: yes(RULE.crm, `The CRM takes the message, ${why}.`, { isGeneral: true }) };
  const isAnswer = correlation.isReply && vote.accepting?.filter.reason === REASON.correlationMatch;
  if (reason === REASON.noCorrelationMatch && isAnswer && correlation.email !== null)
    return {
      outcome: "tracked",
      reason: REASON.correlationMatch,
      answer: yes(
        RULE.crm,
        `The CRM would leave the message out, ${why}; it is not told what a message answers, and by its headers this one answers the email of ${when(correlation.email.at)}.`,
      ),
    };
  return {
    outcome: "skipped",
    reason,
    answer: no(RULE.crm, `The CRM does not take the message, ${why}.`, { isGeneral: true }),
  };
}

/**
 * Whether the CRM calls a message a duplicate for an email that is known here: it goes by the Message-ID alone, which careless senders use twice. Whether the two are one
 * message, the other evidence says (DESIGN, invariant 7).
 */
export function restsOnMessageId({ delivers, reason }: CrmVerdict, { messageId, isSentCopy }: MessageHead, facts: Facts): boolean {
  if (delivers || reason !== REASON.duplicate || messageId === null) return false;
  const direction = isSentCopy ? "outgoing" : "incoming";
  return (facts.emailsByMessageId.get(messageId) ?? []).some((one) => one.direction === direction);
}

/** What is told of such a word. */
export const RESTS_ON_MESSAGE_ID: RuleAnswer = no(
  RULE.crm,
  "The CRM calls the message a duplicate, because it has an email with this Message-ID. Whether that is the same message, the other evidence says: the rules here decide.",
);
