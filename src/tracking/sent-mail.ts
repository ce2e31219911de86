import { type Address, addressKey } from "../model/address.ts";
import { REASON } from "../model/decision.ts";
import type { Facts } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { claimedAuthors } from "./author.ts";
import { type Gate, pass, skip } from "./gate.ts";
import type { Question } from "./question.ts";
import { votersAt } from "./recipients.ts";
import { no, RULE, yes } from "./rule.ts";
import { listing, quote } from "./sentence.ts";

/** Who has a mailbox, as far as addresses tell. */
export type OwnerFacts = Pick<Facts, "settings" | "records" | "voters" | "mailboxOwner">;

/**
 * What lies among the sent mail of a mailbox becomes an outgoing email of the mailbox's owner, where the organization wants that
 * (AutoTrackSentFolderItems; product-behaviour 4.3).
 */
export const sentMail: Gate = (question) => {
  const verdict = ownSentMail(question);
  if (verdict === null || verdict.end !== null) return verdict;
  const { AutoTrackSentFolderItems } = question.facts.settings;
  if (AutoTrackSentFolderItems) return verdict;
  const because = "It is sent mail, which AutoTrackSentFolderItems leaves alone.";
  return skip(no(RULE.sentMail, because, { settings: { AutoTrackSentFolderItems }, isGeneral: true }), REASON.unknown);
};

/** What somebody else wrote was not sent from the mailbox, whoever put it there: not even a person's word makes outgoing mail of it. */
export const ownSentMail: Gate = ({ head, facts, context }: Question) => {
  // Of what Waypost sent the next rule tells, from whichever address it went.
  if (!head.isSentCopy || context.known.wasSent) return null;
  if (ownerWrote(head, facts, context.mailbox.address)) {
    const settings = { AutoTrackSentFolderItems: facts.settings.AutoTrackSentFolderItems };
    return pass(
      yes(RULE.sentMail, "It is mail that the mailbox's owner sent, and becomes an outgoing email.", { settings, isGeneral: true }),
    );
  }
  const authors = claimedAuthors(head).map(({ address }) => quote(address));
  const who =
    authors.length === 0 ? "it names nobody who wrote it" : `${listing(authors, 3)}, who wrote it, is not the mailbox's owner, nor a queue`;
  const because = `It lies among the sent mail of ${context.mailbox.address}, but ${who}. Moved to a folder of received mail that is read, it is decided there.`;
  return skip(no(RULE.sentMail, because), REASON.unknown);
};

/** Whether From or Sender holds an address of the mailbox or of its owner, or of a queue: who answers in its name has the copy in his own mailbox. */
export function ownerWrote(head: MessageHead, facts: OwnerFacts, mailbox: string): boolean {
  return claimedAuthors(head).some((one) => isOwners(one, facts, mailbox));
}

function isOwners({ address }: Address, facts: OwnerFacts, mailbox: string): boolean {
  if (addressKey(address) === addressKey(mailbox)) return true;
  const owner = facts.mailboxOwner?.record;
  return votersAt(address, facts).some(({ record }) => record.type === "queue" || (record.type === owner?.type && record.id === owner.id));
}
