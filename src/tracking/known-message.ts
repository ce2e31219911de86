import { addressKey, MAXIMUM_ADDRESS_LENGTH } from "../model/address.ts";
import { REASON } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import { identityOf } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import { isSameSubject } from "../model/subject.ts";
import { untrackedAnswer } from "./asked-for.ts";
import { mailOf } from "./email-fact.ts";
import { duplicate, type Gate, pass, skip } from "./gate.ts";
import type { KnownCopy, Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";

/** Emails with more people than this may be known with some of them only. */
const LISTS_TELL_BELOW = 400;

/** The Date header counts whole seconds (RFC 5322 3.3); a store may round. */
const SAME_DATE_WITHIN = 1_000;

/**
 * Is this message an email of the CRM already? The ledger knows it by its identity; the CRM by the Message-ID of its incoming emails, or of its
 * outgoing ones where it is the sender's copy.
 * A Message-ID alone proves nothing, because careless senders use one twice: the rest of the head must agree (DESIGN, invariant 7).
 */
export const knownMessage: Gate = (question) => {
  const { known } = question.context;
  if (known.emailId !== null && known.wasSent) {
    const because = "Waypost sent it itself, from an email of the CRM: this is the copy that was filed of it.";
    return duplicate(yes(RULE.duplicate, because), known.emailId);
  }
  if (known.emailId !== null) {
    const how = known.how === null ? "." : `: ${quote(known.how).replace(/\.$/, "")}.`;
    return duplicate(yes(RULE.duplicate, `An email was made from this very message before${how}`), known.emailId);
  }
  const { head, facts, sender } = question;
  const direction = directionOf(head);
  const id = `Message-ID ${quote(head.messageId ?? "")}`;
  let difference: string | null = null;
  for (const earlier of emailsOfSameId(question)) {
    difference = differenceOf(head, sender?.address ?? null, earlier);
    if (difference === null && identityOf(head).weak) {
      return pass(
        no(
          RULE.duplicate,
          `The CRM has an ${direction} email with ${id}, but without a date that tells, two messages can look alike: the content decides when it is read.`,
        ),
      );
    }
    const untracked = difference === null ? question.context.untracked?.get(earlier.id) : undefined;
    if (untracked !== undefined && question.context.wish === undefined) return skip(untrackedAnswer(untracked), REASON.unknown);
    if (difference === null) {
      return duplicate(yes(RULE.duplicate, `The CRM has an ${direction} email with ${id}, and the other evidence agrees.`), earlier.id);
    }
  }
  const copy = sameCopy(question);
  if (copy?.untracked !== undefined) return skip(untrackedAnswer(copy.untracked), REASON.unknown);
  if (copy?.emailId != null) {
    const because = `An email was made from a copy of this message before, read in mailbox ${quote(copy.mailbox)}: the Message-ID is the same, and the other evidence agrees.`;
    return duplicate(yes(RULE.duplicate, because), copy.emailId);
  }
  if (difference !== null) {
    return pass(
      no(
        RULE.duplicate,
        `The CRM has an ${direction} email with ${id}, but ${difference}: the id was used twice, so this is another message.`,
      ),
    );
  }
  const hasOther = head.messageId !== null && (facts.emailsByMessageId.get(head.messageId) ?? []).length > 0;
  return pass(
    no(RULE.duplicate, hasOther ? OTHER_COPY[direction] : "Neither the ledger nor the CRM has this message.", { isGeneral: true }),
  );
};

/**
 * A copy that a person untracked, or that became an email which the CRM does not have any more: copies may differ a little in their heads, and what was deleted
 * or untracked must not come back with another one (invariant 13). A person's word about this very message stands above it.
 */
function sameCopy({ head, sender, context: { copies, wish } }: Question): KnownCopy | undefined {
  if (head.messageId === null || wish !== undefined || identityOf(head).weak) return undefined;
  const known = (copies?.get(head.messageId) ?? []).filter(({ emailId, untracked }) => emailId !== null || untracked !== undefined);
  const same = known.filter((one) => directionOf(one.head) === directionOf(head) && isSameMessage(head, sender?.address ?? null, one.head));
  return same.find(({ untracked }) => untracked !== undefined) ?? same[0];
}

function isSameMessage(head: MessageHead, sender: string | null, other: MessageHead): boolean {
  return differenceOf(head, sender, { ...mailOf(other), sent: other.date }) === null;
}

const OTHER_COPY = {
  incoming: "The CRM has only the sender's copy of this message.",
  outgoing: "The CRM has this message only as others received it.",
} as const;

/** In which direction the email goes that a message would become. */
function directionOf({ isSentCopy }: MessageHead): EarlierEmail["direction"] {
  return isSentCopy ? "outgoing" : "incoming";
}

/** Those in its direction, in the order of their ids, so that the answer does not depend on how the CRM lists them. */
function emailsOfSameId({ head, facts }: Question): readonly EarlierEmail[] {
  if (head.messageId === null) return [];
  const direction = directionOf(head);
  const known = (facts.emailsByMessageId.get(head.messageId) ?? []).filter((one) => one.direction === direction);
  return known.length < 2 ? known : [...known].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** By what two with one Message-ID are told apart. */
type Traits = Pick<EarlierEmail, "senderAddress" | "sent" | "subject" | "participants">;

/**
 * What tells a head from an email with the same Message-ID, as half a sentence; null when it is the same message. Sender and date must
 * be equal where both are known, the subject and the recipients always: a script that uses one id for all its mail sends several in one second.
 */
function differenceOf(head: MessageHead, sender: string | null, earlier: Traits): string | null {
  if (sender !== null && earlier.senderAddress !== null && addressKey(sender) !== addressKey(earlier.senderAddress)) {
    return `its sender is ${quote(earlier.senderAddress)}, not ${quote(sender)}`;
  }
  if (head.date !== null && earlier.sent !== null && Math.abs(head.date.getTime() - earlier.sent.getTime()) > SAME_DATE_WITHIN) {
    return `it was written on ${when(earlier.sent)}, not on ${when(head.date)}`;
  }
  if (!isSameSubject(head.subject, earlier.subject)) return "its subject is another one";
  return isForSamePeople(head, earlier) ? null : "it is for other people";
}

/** Whoever the head names stands on the email too. Long lists are cut on their way, and tell nothing. */
function isForSamePeople(head: MessageHead, earlier: Traits): boolean {
  if (earlier.participants.length >= LISTS_TELL_BELOW || head.truncated) return true;
  const participants = new Set(earlier.participants);
  const keys = [...head.to, ...head.cc].map((one) => addressKey(one.address));
  // What the CRM cannot store as an address tells nothing.
  return keys.every((key) => key === "" || key.length > MAXIMUM_ADDRESS_LENGTH || participants.has(key));
}
