import type { RuleAnswer } from "../model/decision.ts";
import type { EarlierEmail, Voter } from "../model/facts.ts";
import type { AddressMatch } from "../model/record.ts";
import type { Question } from "./question.ts";
import { recipientFields, votersAt } from "./recipients.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";

/** Tables whose owner is a good owner for mail from them. */
const CUSTOMER_TABLES: ReadonlySet<string> = new Set(["contact", "account", "lead"]);

export interface Ownership {
  readonly ownerId: string | null;
  readonly ownerType: "systemuser" | "team";
  /** The recipient, or the mailbox's owner, whose own it becomes; null where nobody's. */
  readonly voter: Voter | null;
  readonly answer: RuleAnswer;
}

/**
 * Who owns the new email (product-behaviour 4.9): of the users and owners of queues who may write emails, in the first of To, Cc and Bcc that has
 * any, the one who owns the correlated email, else the one who owns the sender's record, else the first. Where no recipient is such a user or queue,
 * the owner of the mailbox. Sent mail belongs to the owner of the mailbox from which it was sent.
 */
export function chooseOwner(question: Question, correlated: EarlierEmail | null, sender: AddressMatch | null): Ownership {
  const { mailboxOwner } = question.facts;
  if (question.head.isSentCopy) {
    return isCandidate(mailboxOwner) ? ownedBy(mailboxOwner, "has the mailbox from which it was sent") : nobodys();
  }
  const candidates = candidatesOf(question);
  const owning = (id: string | null) => (id === null ? undefined : candidates.find((one) => one.ownerId === id));
  const ofCorrelated = owning(correlated?.ownerId ?? null);
  if (ofCorrelated !== undefined) return ownedBy(ofCorrelated, "owns the email that this one belongs to");
  const ofSender = owning(sender !== null && CUSTOMER_TABLES.has(sender.record.type) ? sender.ownerId : null);
  if (ofSender !== undefined) return ownedBy(ofSender, "owns the sender's record");
  const first = candidates[0];
  if (first !== undefined) return ownedBy(first, "is the first recipient");
  if (isCandidate(mailboxOwner)) return ownedBy(mailboxOwner, "has the mailbox, and no recipient can own it");
  return nobodys();
}

function nobodys(): Ownership {
  return {
    ownerId: null,
    ownerType: "systemuser",
    voter: null,
    answer: no(RULE.owner, "Neither a recipient nor the mailbox belongs to anybody who may write emails.", { isGeneral: true }),
  };
}

function candidatesOf({ head, facts }: Question): readonly Voter[] {
  for (const [, list] of recipientFields(head)) {
    const candidates = list.flatMap((one) => votersAt(one.address, facts)).filter(isCandidate);
    if (candidates.length > 0) return candidates;
  }
  return [];
}

function isCandidate(voter: Voter | null): voter is Voter {
  return voter !== null && !voter.disabled && voter.ownerId !== null && voter.ownerMayWrite;
}

function ownedBy(voter: Voter, why: string): Ownership {
  const { record, ownerId, ownerType } = voter;
  const who =
    record.type === "queue" ? `The owner of the queue ${quote(record.name)} owns it: the queue` : `${quote(record.name)} owns it: the user`;
  return { ownerId, ownerType, voter, answer: yes(RULE.owner, `${who} ${why}.`, { records: [record] }) };
}
