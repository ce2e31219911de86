import { sentUnder } from "../../ledger/outbox.ts";
import { addressKey } from "../../model/address.ts";
import type { Known } from "../../model/facts.ts";
import { decisionKey, emailIdentityOf, identityOf, sentIdentity } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Sql } from "../../model/sql.ts";
import type { Candidate, Reading } from "./reading.ts";

/** The head as that of the copy which its sender keeps, where it lies among sent mail. */
export function markedBySentFolder({ sent }: Pick<Reading, "sent">, head: MessageHead): MessageHead {
  return head.folders.some((id) => sent.has(id)) ? { ...head, isSentCopy: true } : head;
}

/**
 * The same for one that is decided again: it stays what it was when it was decided first, wherever it lies now. Where its head is not kept any more, the key
 * of the decision tells.
 */
export function markedByDecision(
  head: MessageHead,
  decision: { readonly identity: string; readonly isSentCopy?: boolean } | undefined,
): MessageHead {
  const isKept = decision?.isSentCopy === true;
  return isKept || decision?.identity === decisionKey(sentIdentity(identityOf(head)), head) ? { ...head, isSentCopy: true } : head;
}

/**
 * The key under which a message was decided on if it was moved since: out of the sent mail, where it was the copy that its sender keeps, or into it. Null: it is
 * addressed to the mailbox itself or bears the marks of a delivery and so was received besides, or it is known by its place only.
 */
export function keyElsewhere({ address }: { readonly address: string }, { head, identity }: Candidate): string | null {
  const key = addressKey(address);
  const isReceived = [...head.to, ...head.cc].some((one) => addressKey(one.address) === key);
  if (isReceived || wasDelivered(head) || identity.weak) return null;
  return head.isSentCopy ? identityOf(head).key : sentIdentity(identity).key;
}

/**
 * What mail servers write where they deliver, and lists where they hand on. Return-Path is none of them: some servers that file sent mail themselves write
 * it there too.
 */
const OF_DELIVERY: ReadonlySet<string> = new Set(["delivered-to", "x-original-to", "list-id"]);

/** A list or an alias gives the sender his own mail back. */
function wasDelivered({ headers }: MessageHead): boolean {
  return headers.some(([name]) => OF_DELIVERY.has(name));
}

/** The candidate as the copy that its sender keeps. */
export function asSentCopy(candidate: Candidate): Candidate {
  const head: MessageHead = { ...candidate.head, isSentCopy: true };
  const identity = emailIdentityOf(head);
  return { ...candidate, head, identity, key: decisionKey(identity, head) };
}

/** What the outbox knows of a page: emails by the Message-IDs under which they went out, and the dates that those had which went out under any. */
export interface SentByWaypost {
  readonly byMessageId: ReadonlyMap<string, string>;
  readonly composedAt: ReadonlyMap<string, readonly Date[]>;
}

/**
 * Which emails went out of which these may be copies: by Message-ID, and by the mark that Waypost gives what it sends, because some mail systems give a
 * message another Message-ID. One statement, or none where no message is the copy of a sender.
 */
export async function sentByWaypost(sql: Sql, organization: string, heads: readonly MessageHead[]): Promise<SentByWaypost> {
  const copies = heads.filter(({ isSentCopy }) => isSentCopy);
  const ids = [...new Set(copies.flatMap(({ messageId }) => messageId ?? []))];
  const marks = [...new Set(copies.flatMap((head) => markOf(head) ?? []))];
  const sent = ids.length + marks.length === 0 ? [] : await sentUnder(sql, organization, ids, marks);
  return {
    byMessageId: new Map(sent.map(({ messageId, emailId }) => [messageId, emailId])),
    composedAt: new Map([...Map.groupBy(sent, ({ emailId }) => emailId)].map(([id, its]) => [id, its.map(({ composedAt }) => composedAt)])),
  };
}

/** What the outbox knows of a message; null: nothing. */
export function knownAsSent(head: MessageHead, { byMessageId, composedAt }: SentByWaypost): Known | null {
  if (!head.isSentCopy) return null;
  const mark = markOf(head);
  const isMarked = mark !== null && (composedAt.get(mark) ?? []).some((date) => isDateOf(date, head));
  const emailId = byMessageId.get(head.messageId ?? "") ?? (isMarked ? mark : null);
  return emailId === null ? null : { emailId, how: null, wasSent: true };
}

/** Mail programs keep the mark in what a person writes on the pattern of an old message. That has a date of its own; both count whole seconds. */
function isDateOf(composedAt: Date, { date }: MessageHead): boolean {
  return date === null || date.getTime() === composedAt.getTime();
}

const EMAIL_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** X-Waypost-Email, where it has the form of an email's id. */
function markOf({ headers }: MessageHead): string | null {
  const mark =
    headers
      .find(([name]) => name === "x-waypost-email")?.[1]
      .trim()
      .toLowerCase() ?? "";
  return EMAIL_ID.test(mark) ? mark : null;
}
