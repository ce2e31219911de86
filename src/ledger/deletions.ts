import type { MessageRef } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";

/** A message that lies in a mailbox and may be deleted there, as far as the ledger knows. */
export interface Deletable {
  readonly ref: MessageRef;
  readonly folders: readonly string[];
  /** Key of the mailbox's decision about it, see `decisionKey`. */
  readonly identity: string;
  readonly emailId: string;
  /** When it was tried before and did not come to an end; null for the first time. */
  readonly triedAt: Date | null;
}

/**
 * The next messages of a mailbox to delete, behind `after`: processed since deleting was switched on, tracked or a duplicate of an email, nothing about them
 * open, lying only in these folders, and whole: of none of the messages behind the email was anything left out.
 */
export async function deletable(
  sql: Sql,
  mailboxId: string,
  { folders, after, limit }: { readonly folders: readonly string[]; readonly after: MessageRef | null; readonly limit: number },
): Promise<Deletable[]> {
  const { rows } = await sql.query<Omit<Deletable, "ref"> & { stream: string; id: string }>(
    `select stream_id as stream, ref_id as id, location.folders, identity, email_id as "emailId", delete_tried_at as "triedAt"
     from waypost.location join waypost.decision on decision.id = decision_id join waypost.mailbox on mailbox.id = location.mailbox_id
     where location.mailbox_id = $1 and gone_at is null and location.folders <@ $2::text[] and ($3::text is null or (stream_id, ref_id) > ($3, $4))
       and outcome in ('tracked', 'duplicate') and email_id is not null and not undecided and not reconsider and decided_at >= delete_since
       and owner_type <> 'systemuser'
       and not exists (select from waypost.quarantine where quarantine.decision_id = decision.id and closed_at is null)
       and not exists (select from waypost.decision other where other.email_id = decision.email_id and other.rules @> '[{"rule": "content", "answer": "no"}]')
     order by stream_id, ref_id limit $5`,
    [mailboxId, folders, after?.stream ?? null, after?.id ?? null, limit],
  );
  return rows.map(({ stream, id, ...row }) => ({ ...row, ref: { stream, id } }));
}

/** The intent to delete these: stored before the mail system is asked, so that whoever comes next knows that it was tried. */
export async function intendDeletion(tx: Transaction, mailboxId: string, refs: readonly MessageRef[], now: Date): Promise<void> {
  await tx.query(
    `update waypost.location set delete_tried_at = $4 from unnest($2::text[], $3::text[]) as one (stream, id)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id`,
    [mailboxId, refs.map((ref) => ref.stream), refs.map((ref) => ref.id), now],
  );
}
