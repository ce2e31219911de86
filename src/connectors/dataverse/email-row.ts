import { createHash } from "node:crypto";
import { addressKey } from "../../model/address.ts";
import type { EarlierEmail } from "../../model/facts.ts";
import { conversationBase } from "../../tracking/conversation.ts";
import { type Mark, readMark } from "./mark.ts";
import { flagOf, idOf, instantOf, keyOf, lookupOf, type Row, textOf } from "./row.ts";
import { cut, storable } from "./storable.ts";

/** Longest `messageid` (wire 8.1). */
const MESSAGE_ID_LENGTH = 320;

/** What is read of an email that is evidence for correlation. */
export const EARLIER_COLUMNS = [
  "activityid",
  "messageid",
  "directioncode",
  "subject",
  "trackingtoken",
  "conversationindex",
  "sender",
  "senton",
  "actualend",
  "createdon",
  "regardingobjectid",
  "ownerid",
  "activityadditionalparams",
] as const;

/**
 * A Message-ID as `messageid` holds it. A longer one than the column takes is cut and ends with its hash: two that begin alike are not taken for one, and
 * it is found by the whole of it.
 */
export function storedMessageId(messageId: string): string {
  const text = storable(messageId);
  if (text.length <= MESSAGE_ID_LENGTH) return text;
  const hash = createHash("sha256").update(text).digest("hex");
  return `${cut(text, MESSAGE_ID_LENGTH - hash.length - 1)}#${hash}`;
}

/**
 * The forms in which `messageid` may hold an id: Waypost writes it without angle brackets; what Dynamics, a router or another program wrote of a header may
 * have them (RFC 5322 3.6.4), in one organization side by side.
 */
export function storedForms(messageId: string): readonly string[] {
  const bracketed = `<${messageId}>`;
  return bracketed.length > MESSAGE_ID_LENGTH ? [messageId] : [messageId, bracketed];
}

/** The Message-ID of an email, without angle brackets whatever form it is kept in. */
export function messageIdOf(row: Row): string | null {
  const kept = textOf(row, "messageid")?.trim() ?? "";
  const bare = kept.startsWith("<") && kept.endsWith(">") ? kept.slice(1, -1).trim() : kept;
  return bare === "" ? null : bare;
}

/**
 * Value for `baseconversationindexhash`, by which an email of a conversation is found. How Dynamics makes its own is not published: emails that it received itself
 * are found by `conversationindex`. A number that two conversations share is told apart by the base itself.
 */
export function conversationHash(base: string): number {
  return createHash("sha256").update(base).digest().readInt32BE(0);
}

/** Base of an email's conversation: as Dynamics read it, base64 or hexadecimal, or as Waypost delivered it. */
export function conversationOf(row: Row, mark: Mark): string | null {
  const index = textOf(row, "conversationindex");
  if (index !== null && /^(?:[0-9a-f]{2}){22,}$/i.test(index)) return conversationBase(Buffer.from(index, "hex").toString("base64"));
  return conversationBase(index) ?? mark.conversation ?? null;
}

/** When an email was received or sent: `actualend` of those that are done; else when it was made. */
export function instantOfEmail(row: Row): Date {
  return instantOf(row, "actualend") ?? instantOf(row, "senton") ?? instantOf(row, "createdon") ?? new Date(0);
}

/** An email as evidence; `participants`: addresses of its parties as they stand there. */
export function earlierEmail(row: Row, participants: readonly string[]): EarlierEmail {
  const mark = readMark(textOf(row, "activityadditionalparams"));
  const isOutgoing = flagOf(row, "directioncode") ?? true;
  const senderAddress = textOf(row, "sender");
  const keys = participants.map(addressKey).filter((key) => key !== "");
  const sent = mark.sent === undefined ? (isOutgoing || mark.content !== undefined ? null : instantOf(row, "senton")) : new Date(mark.sent);
  return {
    id: keyOf(row, "activityid"),
    messageId: messageIdOf(row),
    direction: isOutgoing ? "outgoing" : "incoming",
    subject: textOf(row, "subject") ?? "",
    trackingToken: textOf(row, "trackingtoken"),
    conversationIndex: conversationOf(row, mark),
    senderAddress,
    participants: [...new Set(senderAddress ? [addressKey(senderAddress), ...keys] : keys)],
    at: instantOfEmail(row),
    sent,
    regarding: lookupOf(row, "regardingobjectid"),
    ownerId: idOf(row, "_ownerid_value"),
  };
}
