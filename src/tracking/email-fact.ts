import { addressKey } from "../model/address.ts";
import type { Placement } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { authorOf } from "./author.ts";
import { recipientFields } from "./recipients.ts";

/** The email that a tracked head becomes, as later heads see it. */
export function emailFact(head: MessageHead, placement: Placement, emailId: string): EarlierEmail {
  const sender = authorOf(head);
  const recipients = recipientFields(head).flatMap(([, list]) => list);
  const participants = [...(sender === null ? [] : [sender]), ...recipients].map((one) => addressKey(one.address));
  return {
    id: emailId,
    messageId: head.messageId,
    direction: "incoming",
    subject: head.subject,
    trackingToken: placement.trackingToken,
    conversationIndex: head.conversationIndex,
    senderAddress: sender?.address ?? null,
    participants: [...new Set(participants)].filter((one) => one !== ""),
    at: head.received,
    sent: head.date,
    regarding: placement.regarding,
    ownerId: placement.ownerId,
  };
}
