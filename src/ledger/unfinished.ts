import type { AuditReport } from "../model/audit-report.ts";
import type { MessageRef } from "../model/message.ts";
import type { Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** Where the work of a mailbox goes on that gave way to other mailboxes; what is null begins at its beginning. */
export interface Unfinished {
  /** The decision behind which deciding again goes on, see `pendingDecisions`; 0: from the first. */
  readonly deciding: number | null;
  readonly deleting: UnfinishedDeletion | null;
  /** How far the mailbox was compared with the CRM; null: nothing is begun. */
  readonly auditing: UnfinishedAudit | null;
}

/** Where comparing a mailbox with the CRM goes on. */
export interface UnfinishedAudit {
  /** The stream that is gone through; those before it in the order of their ids are done. */
  readonly stream: string;
  /** The id in it behind which it goes on, in the order of `inPages` in engine/receive; null: at its beginning. */
  readonly after: string | null;
  /** What was found so far. */
  readonly found: AuditReport;
}

/** Where deleting goes on, see `deletable`. */
export interface UnfinishedDeletion {
  /** Among the messages that the mail system refused to delete before; the others had their turn. */
  readonly refused: boolean;
  readonly after: { readonly ref: MessageRef; readonly triedAt: Date | null } | null;
  /** Something went wrong before it gave way. */
  readonly failed: boolean;
}

/** Stores it for the next turn of the mailbox; null: all is finished. */
export async function storeUnfinished(tx: Transaction, mailboxId: string, unfinished: Unfinished | null): Promise<void> {
  await tx.query("update waypost.mailbox set unfinished = $2::jsonb where id = $1", [
    mailboxId,
    unfinished === null ? null : storableJson(unfinished),
  ]);
}

/** As `storeUnfinished` stored it; dates come back as text. */
export function reviveUnfinished(stored: unknown): Unfinished | null {
  const unfinished = stored as Unfinished | null;
  if (unfinished === null) return null;
  const { deciding, deleting } = unfinished;
  // What was stored before there were audits names none.
  const auditing = unfinished.auditing ?? null;
  return { deciding, deleting: deleting && revivedDeletion(deleting), auditing: auditing && revivedAudit(auditing) };
}

function revivedDeletion(deleting: UnfinishedDeletion): UnfinishedDeletion {
  if (deleting.after === null) return deleting;
  const { ref, triedAt } = deleting.after;
  return { ...deleting, after: { ref, triedAt: triedAt === null ? null : new Date(triedAt) } };
}

function revivedAudit({ found, ...place }: UnfinishedAudit): UnfinishedAudit {
  return { ...place, found: { ...found, examples: found.examples.map((one) => ({ ...one, received: new Date(one.received) })) } };
}
