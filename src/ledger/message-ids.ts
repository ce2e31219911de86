/** How a decision holds the Message-ID of its message: whole, or a fingerprint once what is known of the message is purged (retention.ts). */
import { hash } from "node:crypto";
import { storableText } from "../model/text.ts";

/** What of a Message-ID stays when the head goes: enough to find the decision by it, for who knows it. */
export function purgedMessageId(messageId: string): string {
  return `purged ${hash("sha256", messageId)}`;
}

/** The forms in which a Message-ID may stand in a decision. */
export function messageIdsOf(messageId: string): string[] {
  return [messageId, purgedMessageId(messageId)].map(storableText);
}

/** In a query of decisions: the Message-ID where it is known. */
export const MESSAGE_ID = "case when decision.purged_at is null then decision.message_id end";
