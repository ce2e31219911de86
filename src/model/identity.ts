import { hash } from "node:crypto";
import { addressKey } from "./address.ts";
import type { MessageHead } from "./message.ts";
import { baseSubject, NEVER_CUT_BEFORE } from "./subject.ts";

/**
 * The fingerprint by which one message is known again in other folders and mailboxes (invariant 7).
 * It joins several head fields, because Message-IDs are reused by careless senders and missing from others.
 */
export interface Identity {
  /** SHA-256 in lower-case hex. */
  readonly key: string;
  /**
   * True when the head has no Message-ID, or no date that tells: scanners and scripts use one Message-ID again and again, and have no clock. Two
   * different messages could then have the same key, and whoever delivers must strengthen it with {@link strengthen}.
   */
  readonly weak: boolean;
}

/** Before Internet mail had its form (RFC 822): what a clock says that was never set. */
const FIRST_DATE_THAT_TELLS = new Date("1982-08-13T00:00:00Z");

/** The identity that a head gives. Same message, same key, in whichever mailbox it is read; nothing that transport adds takes part. */
export function identityOf(head: MessageHead): Identity {
  const weak = isWeak(head);
  const date = dateOf(head);
  const fields = [
    head.messageId ?? "",
    head.from.map((one) => addressKey(one.address)).join(","),
    date?.toISOString() ?? "",
    // Gateways write a tag before the subject of one copy and not of another, and stores cut long ones.
    baseSubject(head.subject, []).slice(0, NEVER_CUT_BEFORE),
    // A forged or careless twin has the same id, sender, date and subject; it is rarely for the same people.
    addresses(head.to),
    addresses(head.cc),
    ...(weak ? [head.inReplyTo.join(" ")] : []),
  ];
  return { key: sha256(JSON.stringify(fields)), weak };
}

/**
 * The identity under which a message becomes an email: the copy that its sender keeps becomes another one than what the others receive
 * (product-behaviour 4.10).
 */
export function emailIdentityOf(head: MessageHead): Identity {
  const identity = identityOf(head);
  return head.isSentCopy ? sentIdentity(identity) : identity;
}

/** That of the sender's copy of the same message. */
export function sentIdentity({ key, weak }: Identity): Identity {
  return { key: sha256(`sent ${key}`), weak };
}

/** Both under which a message may have been decided, wherever it lies now. */
export function eitherIdentity(head: MessageHead): readonly [Identity, Identity] {
  const identity = identityOf(head);
  return [identity, sentIdentity(identity)];
}

function isWeak(head: MessageHead): boolean {
  const date = dateOf(head);
  return head.messageId === null || date === null || date < FIRST_DATE_THAT_TELLS;
}

/** A date that is none tells nothing, and compares with nothing. */
function dateOf({ date }: MessageHead): Date | null {
  return date === null || Number.isNaN(date.getTime()) ? null : date;
}

/** What a decision key is made of besides the identity. */
type Whereabouts = Pick<MessageHead, "ref" | "providerId" | "received" | "receivedFrom" | "forwarded">;

/**
 * The key under which a mailbox keeps its decision about a message. A weak identity is tied to the id that survives moves, or else to the place and
 * to the moment of receipt, lest two messages share one decision: a scanner's look all alike, and a number can be given a second time. In a forward
 * mailbox each user's copy has a decision of its own, as if it had been read in the user's mailbox.
 */
export function decisionKey(identity: Identity, { ref, providerId, received, receivedFrom, forwarded }: Whereabouts): string {
  if (!identity.weak) return forwarded?.kind === "original" ? `${identity.key} ${sha256(addressKey(forwarded.forwarder))}` : identity.key;
  const place = [ref.stream, ref.id, receivedFrom === "reading" ? null : received.toISOString()];
  return sha256(JSON.stringify([identity.key, ...(providerId === null ? place : [providerId])]));
}

/** The identity's key that stands in the decision's key of a message whose identity is not weak. */
export function identityIn(decisionKey: string): string {
  return decisionKey.split(" ", 1)[0] ?? decisionKey;
}

/**
 * What a message looks like that nothing but its place tells from others of weak identity; null for all others. Two with the same likeness may be one
 * message or two.
 */
export function likenessOf(head: MessageHead): string | null {
  return isWeak(head) && head.providerId === null ? identityOf(head).key : null;
}

/**
 * What is left to know a message by in its place where its server writes the other fields of {@link identityOf} anew: to whom it is and what about, and
 * when it was received, where the server tells. Others may have the same.
 */
export function remainderOf(head: MessageHead): string {
  const moment = momentOf(head);
  return sha256(JSON.stringify([moment?.toISOString() ?? "", baseSubject(head.subject, []), addresses(head.to), addresses(head.cc)]));
}

/** When the server received a message, where itself tells; else null: a sender writes any date, and the moment of reading is another one each time. */
export function momentOf({ received, receivedFrom }: Pick<MessageHead, "received" | "receivedFrom">): Date | null {
  return receivedFrom === undefined || receivedFrom === "trace" ? received : null;
}

/** The email id for a message: the same whoever computes it, so that a delivery repeated after a crash finds its own row (RFC 9562, version 8). */
export function emailIdFor(organization: string, identityKey: string): string {
  const hex = sha256(`email ${organization} ${identityKey}`);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A weak identity joined with a fingerprint of the message's content that is the same however often and wherever it is read. */
export function strengthen(identity: Identity, contentFingerprint: string): Identity {
  return identity.weak ? { key: sha256(`${identity.key} ${contentFingerprint}`), weak: false } : identity;
}

function addresses(list: MessageHead["to"]): string {
  return list.map((one) => addressKey(one.address)).join(",");
}

function sha256(text: string): string {
  return hash("sha256", text);
}
