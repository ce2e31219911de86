import { addressKey } from "../model/address.ts";
import type { Placement } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { authorOf } from "./author.ts";
import { recipientFields } from "./recipients.ts";
import type { Mail } from "./smart-matching.ts";

/** What of its placement later heads see of an email. */
export type PlacedEmail = Pick<Placement, "trackingToken" | "regarding" | "ownerId">;

/** The email that a tracked head becomes, as later heads see it. */
export function emailFact(head: MessageHead, placement: PlacedEmail, emailId: string): EarlierEmail {
  return {
    ...mailOf(head, placement.trackingToken),
    id: emailId,
    messageId: head.messageId,
    direction: head.isSentCopy ? "outgoing" : "incoming",
    conversationIndex: head.conversationIndex,
    at: head.received,
    sent: head.date,
    regarding: placement.regarding,
    ownerId: placement.ownerId,
  };
}

/** Subject and people of a head, as they stand on the email that it would become. */
export function mailOf(head: MessageHead, trackingToken: string | null = null): Mail {
  const sender = authorOf(head);
  const recipients = recipientFields(head).flatMap(([, list]) => list);
  const participants = [...(sender === null ? [] : [sender]), ...recipients].map((one) => addressKey(one.address));
  return {
    subject: head.subject,
    trackingToken,
    senderAddress: sender?.address ?? null,
    participants: [...new Set(participants)].filter((one) => one !== ""),
  };
}
