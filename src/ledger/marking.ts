import type { MessageRef } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";

/** These messages are to be given the category, each once. */
export async function markLater(tx: Transaction, mailboxId: string, decisionIds: readonly number[]): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query("insert into waypost.marking (mailbox_id, decision_id) select $1, unnest($2::bigint[]) on conflict do nothing", [
    mailboxId,
    decisionIds,
  ]);
}

/** A message that is to be given the category, with the places where it lies. */
export interface ToMark {
  readonly id: number;
  readonly refs: readonly MessageRef[];
}

/** The first so many behind `after` that are emails and lie somewhere in these streams. */
export async function readMarking(
  sql: Sql,
  mailboxId: string,
  streams: readonly string[],
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<ToMark[]> {
  const { rows } = await sql.query<ToMark>(
    `select to_mark.decision_id as id, refs from (
       select decision_id from waypost.marking where mailbox_id = $1 and not done and decision_id > $3 order by mailbox_id, decision_id) to_mark
       cross join lateral (
         select jsonb_agg(jsonb_build_object('stream', stream_id, 'id', ref_id)) as refs from waypost.location
         where decision_id = to_mark.decision_id and gone_at is null and stream_id = any($2)) place
     where refs is not null and exists (select from waypost.decision where id = to_mark.decision_id and outcome in ('tracked', 'duplicate')) order by 1 limit $4`,
    [mailboxId, streams, after, limit],
  );
  return rows;
}

/** These need not be given it any more, nor those that have lain nowhere for a day. */
export async function storeMarked(tx: Transaction, mailboxId: string, decisionIds: readonly number[], now: Date): Promise<void> {
  await tx.query(
    `update waypost.marking set done = true where mailbox_id = $1 and not done and (decision_id = any($2::bigint[]) or not exists (
       select from waypost.location where location.decision_id = marking.decision_id and (gone_at is null or gone_at > $3::timestamptz - interval '1 day')))`,
    [mailboxId, decisionIds, now],
  );
}
