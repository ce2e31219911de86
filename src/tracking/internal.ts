import { addressKey } from "../model/address.ts";
import { REASON } from "../model/decision.ts";
import type { Voter } from "../model/facts.ts";
import { type Gate, pass, skip, type Verdict } from "./gate.ts";
import type { Question } from "./question.ts";
import { recipientFields, votersAt } from "./recipients.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";

/**
 * Mail between users and queues of the CRM (product-behaviour 4.10). By default it becomes two emails, the sender's and the recipient's;
 * with ignoreinternalemail the recipient's copy is refused, with the exceptions that the other four settings describe. The sender's is not asked about.
 */
export const mailBetweenUsers: Gate = (question) => {
  if (question.head.isSentCopy) return null;
  const { facts, sender } = question;
  const { ignoreinternalemail } = facts.settings;
  const voters = sender === null ? [] : votersAt(sender.address, facts);
  const first = voters[0];
  if (first === undefined) return pass(no(RULE.internal, "The sender is no user or queue of the CRM.", { isGeneral: true }));
  const records = voters.map((one) => one.record);
  if (!ignoreinternalemail) {
    const because = `${quote(first.record.name)} sent it from inside, and mail between users is tracked for both sides.`;
    return pass(no(RULE.internal, because, { records, settings: { ignoreinternalemail } }));
  }
  return judge(question, voters, first);
};

function judge(question: Question, senders: readonly Voter[], first: Voter): Verdict {
  const { facts } = question;
  const { DoNotIgnoreInternalEmailToQueues, IgnoreInternalEmailFromQueues, IgnoreInternalEmailDetectionEnhancement } = facts.settings;
  const name = quote(first.record.name);
  const records = senders.map((one) => one.record);
  const pardon = (because: string, settings: Record<string, boolean>) =>
    pass(no(RULE.internal, because, { records, settings: { ignoreinternalemail: true, ...settings } }));

  if (!IgnoreInternalEmailFromQueues && senders.some(isQueue)) {
    return pardon(`${name} sent it, and mail from a queue is tracked all the same.`, { IgnoreInternalEmailFromQueues });
  }
  if (DoNotIgnoreInternalEmailToQueues && goesToQueue(question)) {
    return pardon(`${name} sent it to a queue, and mail to a queue is tracked all the same.`, { DoNotIgnoreInternalEmailToQueues });
  }
  if (IgnoreInternalEmailDetectionEnhancement && !hasSendersCopy(question)) {
    return pardon(`${name} sent it, but the CRM has no outgoing email of it.`, { IgnoreInternalEmailDetectionEnhancement });
  }
  const because = IgnoreInternalEmailDetectionEnhancement
    ? `${name} sent it from the CRM, which has the outgoing email; ignoreinternalemail refuses the recipient's copy.`
    : `${name} is a user or queue of the CRM, and ignoreinternalemail refuses all mail from them.`;
  const settings = { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement };
  return skip(yes(RULE.internal, because, { records, settings }), REASON.internalEmailRejected);
}

function goesToQueue({ head, facts }: Question): boolean {
  if (facts.mailboxOwner !== null && isQueue(facts.mailboxOwner)) return true;
  return recipientFields(head).some(([, list]) => list.some((one) => votersAt(one.address, facts).some(isQueue)));
}

/** An email of the same Message-ID in the opposite direction; a reused id of another sender is not one. */
function hasSendersCopy({ head, facts, sender }: Question): boolean {
  if (head.messageId === null || sender === null) return false;
  const key = addressKey(sender.address);
  const emails = facts.emailsByMessageId.get(head.messageId) ?? [];
  return emails.some(
    ({ direction, senderAddress }) => direction === "outgoing" && (senderAddress === null || addressKey(senderAddress) === key),
  );
}

function isQueue(voter: Voter): boolean {
  return voter.record.type === "queue";
}
