import type { Outcome } from "../model/decision.ts";
import type { MessageRef } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";

/** A message that bears the category and did not when its folder was looked at last. */
export interface NewlyCategorized {
  readonly id: number;
  /** Where it lies. */
  readonly refs: readonly MessageRef[];
  readonly decisionKey: string;
  readonly outcome: Outcome;
  /** The email that was made of it, where it was untracked since; it may be deleted. */
  readonly emailId: string | null;
  /** Waypost gave it to it. */
  readonly isOurs: boolean;
}

/** Of the messages at these places, the first so many that are not known to bear the category. */
export async function newlyCategorized(
  sql: Sql,
  mailboxId: string,
  keyword: string,
  refs: readonly MessageRef[],
  limit: number,
): Promise<NewlyCategorized[]> {
  if (refs.length === 0) return [];
  const { rows } = await sql.query<NewlyCategorized>(
    `select id, identity as "decisionKey", outcome, email_id as "emailId",
       (select coalesce(jsonb_agg(jsonb_build_object('stream', stream_id, 'id', ref_id)), '[]') from waypost.location
         where decision_id = decision.id and gone_at is null) as refs,
       exists (select from waypost.marking where marking.mailbox_id = $1 and decision_id = decision.id) as "isOurs" from waypost.decision
     where id = any(array(
       select decision_id from unnest($2::text[], $3::text[]) bearing (stream, ref) cross join lateral (
         select decision_id from waypost.location where mailbox_id = $1 and stream_id = stream and ref_id = ref and gone_at is null offset 0) place
       where not exists (select from waypost.categorized known where known.mailbox_id = $1 and known.decision_id = place.decision_id and known.keyword = $5)
       order by decision_id limit $4))
     order by id`,
    [mailboxId, refs.map(({ stream }) => stream), refs.map(({ id }) => id), limit, keyword],
  );
  return rows;
}

/** A message that bore the category, with the places where it lies. */
export interface Categorized {
  readonly id: number;
  readonly decisionKey: string;
  readonly refs: readonly MessageRef[];
}

/** Those that bore the category and lie only in streams that were `looked` at, at none of the places that bear it now. */
export async function noLongerCategorized(
  sql: Sql,
  mailboxId: string,
  keyword: string,
  looked: readonly string[],
  bearing: readonly MessageRef[],
): Promise<Categorized[]> {
  const { rows } = await sql.query<Categorized>(
    `with bearing as materialized (select * from unnest($3::text[], $4::text[]) one (stream, ref)),
     lying as materialized (
       select place.* from waypost.categorized known cross join lateral (
         select decision_id, stream_id as stream, ref_id as ref from waypost.location where decision_id = known.decision_id and gone_at is null offset 0) place
       where known.mailbox_id = $1 and known.keyword = $5 and not known.hidden)
     select id, identity as "decisionKey", jsonb_agg(jsonb_build_object('stream', stream, 'id', ref)) as refs
     from lying join waypost.decision on decision.id = decision_id group by decision.id, identity
     having bool_and(stream = any($2)) and not bool_or((stream, ref) in (select stream, ref from bearing)) order by decision.id`,
    [mailboxId, looked, bearing.map(({ stream }) => stream), bearing.map(({ id }) => id), keyword],
  );
  return rows;
}

/** How many messages of the mailbox are known to bear the category, up to `most`. */
export async function countCategorized(sql: Sql, mailboxId: string, most: number): Promise<number> {
  const { rows } = await sql.query<{ known: number }>(
    "select count(*)::int as known from (select from waypost.categorized where mailbox_id = $1 and not hidden limit $2) bearing",
    [mailboxId, most],
  );
  return rows[0]?.known ?? 0;
}

/** They bear it, under this name. */
export async function storeCategorized(tx: Transaction, mailboxId: string, keyword: string, decisionIds: readonly number[]): Promise<void> {
  await tx.query(
    `insert into waypost.categorized (mailbox_id, decision_id, keyword) select $1, unnest($2::bigint[]), $3
     on conflict (mailbox_id, decision_id) do update set keyword = excluded.keyword, hidden = false`,
    [mailboxId, decisionIds, keyword],
  );
}

/** They lost it with many others at once. */
export async function hideCategorized(tx: Transaction, mailboxId: string, decisionIds: readonly number[]): Promise<void> {
  await tx.query("update waypost.categorized set hidden = true where mailbox_id = $1 and decision_id = any($2::bigint[])", [
    mailboxId,
    decisionIds,
  ]);
}

/** They bear it no more: who gives it to them the next time is a person. */
export async function forgetCategorized(tx: Transaction, mailboxId: string, decisionIds: readonly number[]): Promise<void> {
  await tx.query("delete from waypost.marking where mailbox_id = $1 and decision_id = any($2::bigint[])", [mailboxId, decisionIds]);
  await tx.query("delete from waypost.categorized where mailbox_id = $1 and decision_id = any($2::bigint[])", [mailboxId, decisionIds]);
}
