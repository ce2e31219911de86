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

/** The same for one that is decided again: it stays what it was when it was decided first, wherever it lies now. */
export function markedByDecision(head: MessageHead, decision: { readonly identity: string } | undefined): MessageHead {
  const isSentCopy = decision !== undefined && decision.identity === decisionKey(sentIdentity(identityOf(head)), head);
  return isSentCopy ? { ...head, isSentCopy } : head;
}

/**
 * The key of the decision about the copy that the sender keeps, if a message that lies elsewhere may be that one, moved. Null: it lies among sent mail, it is
 * addressed to the mailbox itself and so was received, or it is known by its place only.
 */
export function keyAsSentCopy({ address }: { readonly address: string }, { head, identity }: Candidate): string | null {
  const key = addressKey(address);
  const isReceived = [...head.to, ...head.cc].some((one) => addressKey(one.address) === key);
  return head.isSentCopy || isReceived || identity.weak ? null : sentIdentity(identity).key;
}

/** The candidate as the copy that its sender keeps. */
export function asSentCopy(candidate: Candidate): Candidate {
  const head: MessageHead = { ...candidate.head, isSentCopy: true };
  const identity = emailIdentityOf(head);
  return { ...candidate, head, identity, key: decisionKey(identity, head) };
}

/** What the outbox knows of a page: emails by the Message-IDs under which they went out, and those that went out under any. */
export interface SentByWaypost {
  readonly byMessageId: ReadonlyMap<string, string>;
  readonly emailIds: ReadonlySet<string>;
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
    emailIds: new Set(sent.map(({ emailId }) => emailId)),
  };
}

/** What the outbox knows of a message; null: nothing. */
export function knownAsSent(head: MessageHead, { byMessageId, emailIds }: SentByWaypost): Known | null {
  if (!head.isSentCopy) return null;
  const mark = markOf(head);
  const emailId = byMessageId.get(head.messageId ?? "") ?? (mark !== null && emailIds.has(mark) ? mark : null);
  return emailId === null ? null : { emailId, how: null, wasSent: true };
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
