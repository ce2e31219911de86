import { sentUnder } from "../../ledger/outbox.ts";
import { addressKey } from "../../model/address.ts";
import type { Known } from "../../model/facts.ts";
import { decisionKey, identityOf, sentIdentity } from "../../model/identity.ts";
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

/** Of which emails these are copies because Waypost sent them itself, by Message-ID. One statement, or none where no message is the copy of a sender. */
export async function sentByWaypost(sql: Sql, organization: string, heads: readonly MessageHead[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(heads.flatMap(({ isSentCopy, messageId }) => (isSentCopy && messageId !== null ? [messageId] : [])))];
  if (ids.length === 0) return new Map();
  return new Map((await sentUnder(sql, organization, ids, [])).map(({ messageId, emailId }) => [messageId, emailId]));
}

/** What the outbox knows of a message; null: nothing. */
export function knownAsSent({ isSentCopy, messageId }: MessageHead, sent: ReadonlyMap<string, string>): Known | null {
  const emailId = isSentCopy && messageId !== null ? sent.get(messageId) : undefined;
  return emailId === undefined ? null : { emailId, how: null, wasSent: true };
}
