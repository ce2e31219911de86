import type { Sql, Transaction } from "../model/sql.ts";

/**
 * Forgets the position in a stream and where its messages lie: after a lost cursor the same refs may stand for other messages. The decisions stay, so
 * that known messages are recognized by identity, and where they lay is kept until the stream is read to its end again.
 */
export async function forgetPlaces(tx: Transaction, mailboxId: string, stream: string): Promise<void> {
  await tx.query("delete from waypost.stream where mailbox_id = $1 and id = $2", [mailboxId, stream]);
  await tx.query(
    `with forgotten as (
       delete from waypost.location where mailbox_id = $1 and stream_id = $2 returning ref_id, decision_id, gone_at)
     insert into waypost.former_place (mailbox_id, stream_id, ref_id, decision_id)
     select $1, $2, ref_id, decision_id from forgotten where gone_at is null
     on conflict (mailbox_id, stream_id, ref_id) do update set decision_id = excluded.decision_id`,
    [mailboxId, stream],
  );
}

/** Whether the stream is being read again because its position was lost. */
export async function isReadAgain(sql: Sql, mailboxId: string, stream: string): Promise<boolean> {
  const { rows } = await sql.query("select 1 as one from waypost.former_place where mailbox_id = $1 and stream_id = $2 limit 1", [
    mailboxId,
    stream,
  ]);
  return rows.length > 0;
}

/** The stream is read to its end: what lay in it before says nothing any more. */
export async function dropFormerPlaces(tx: Transaction, mailboxId: string, stream: string): Promise<void> {
  await tx.query("delete from waypost.former_place where mailbox_id = $1 and stream_id = $2", [mailboxId, stream]);
}
