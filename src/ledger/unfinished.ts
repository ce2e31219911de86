import type { MessageRef } from "../model/message.ts";
import type { Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** Where the work of a mailbox goes on that gave way to other mailboxes; what is null begins at its beginning. */
export interface Unfinished {
  /** The decision behind which deciding again goes on, see `pendingDecisions`; 0: from the first. */
  readonly deciding: number | null;
  readonly deleting: UnfinishedDeletion | null;
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
  const { deleting = null } = unfinished ?? {};
  if (unfinished === null || deleting === null || deleting.after === null) return unfinished;
  const { ref, triedAt } = deleting.after;
  return { ...unfinished, deleting: { ...deleting, after: { ref, triedAt: triedAt === null ? null : new Date(triedAt) } } };
}
