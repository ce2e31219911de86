import type { MessageHead, MessageRef } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** A message whose decision is to be made again. */
export interface PendingDecision {
  readonly id: number;
  readonly identity: string;
  /** The email that was made of it, where a person untracked it since. */
  readonly emailId: string | null;
  /** Where it lies, or where it was seen last. */
  readonly ref: MessageRef;
  /** As that place tells; null where it is not kept any more. */
  readonly head: MessageHead | null;
  /** What is left of a head that is not kept any more, as `remainderOf` gives it; null where it is kept. */
  readonly remainder: string | null;
  /** It was told to have left that place, which may be false: where tombstones lie, it lies there still. It is told only once. */
  readonly isGone: boolean;
  /** Ids of all folders in which it lies. */
  readonly lies: readonly string[];
}

export interface PendingDecisions {
  /** Oldest decision first. */
  readonly found: readonly PendingDecision[];
  /** The decisions that were looked at, in their order; empty: there are no more. */
  readonly ids: readonly number[];
}

/** It has not left its place, as far as is known. Its folder may be hidden at the moment, or gone. */
export const LIES = "location.gone_at is null";

/** One of the folders of the place was shown by the last listing. */
export const SHOWN = `exists (
  select from waypost.folder where folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders) and missing_since is null and selectable)`;

/**
 * Decisions of a mailbox to be made again: those to reconsider and quarantined ones asked for, of at most `limit` behind the decision `after` those whose
 * messages lie in a folder that is shown, or nowhere as far as is known and were last seen in one. Those in a hidden folder stay to be made: no mail system
 * tells of such a message again when its folder is shown again.
 */
export async function pendingDecisions(
  sql: Sql,
  mailboxId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<PendingDecisions> {
  const asked = await sql.query<{ id: number }>(
    // Each part in its own order and limited by itself, so that it is taken from the beginning of its index.
    `(select id from waypost.decision where mailbox_id = $1 and reconsider and id > $2 order by mailbox_id, id limit $3)
     union (select decision_id from waypost.quarantine where mailbox_id = $1 and closed_at is null and retry and decision_id > $2 order by mailbox_id, decision_id limit $3)
     order by id limit $3`,
    [mailboxId, after, limit],
  );
  const ids = asked.rows.map(({ id }) => id);
  if (ids.length === 0) return { found: [], ids };
  const { rows } = await sql.query<{
    id: number;
    identity: string;
    emailId: string | null;
    head: unknown;
    remainder: string | null;
    stream: string;
    ref: string;
    folders: string[];
    isGone: boolean;
    lies: string[];
  }>(
    `select decision.id, identity, email_id as "emailId", head, remainder, stream_id as stream, ref_id as ref, place.folders, "isGone",
       array(select distinct unnest(folders) from waypost.location where decision_id = decision.id and ${LIES}) as lies
     from waypost.decision cross join lateral (
       select stream_id, ref_id, folders, gone_at is not null as "isGone" from waypost.location where decision_id = decision.id and ${SHOWN}
         and (${LIES} or not exists (select from waypost.location other where other.decision_id = decision.id and other.gone_at is null))
       order by gone_at is not null, seen_at desc limit 1) place
     where decision.id = any($1::bigint[]) order by decision.id`,
    [ids],
  );
  const found = rows.map(({ head, stream, ref, folders, ...row }) => ({
    ...row,
    ref: { stream, id: ref },
    head: head === null ? null : { ...reviveHead(head), ref: { stream, id: ref }, folders },
  }));
  return { found, ids };
}

/**
 * Of these decisions, those that are still to be made again and whose messages lie nowhere any more stay as they are, quarantine and all. Where such a
 * message turns up after all, it is decided as if never seen: it may be moving at this moment.
 */
export async function leaveDecided(tx: Transaction, ids: readonly number[], now: Date): Promise<void> {
  const { rows } = await tx.query<{ id: number }>(
    `update waypost.decision one set reconsider = false, undecided = true where id = any($1::bigint[])
       and (reconsider or exists (select from waypost.quarantine where decision_id = one.id and closed_at is null and retry))
       and not exists (select from waypost.location where location.decision_id = one.id and ${LIES}) returning id`,
    [ids],
  );
  if (rows.length === 0) return;
  await tx.query("update waypost.quarantine set retry = false, tried_at = $2 where decision_id = any($1::bigint[]) and closed_at is null", [
    rows.map((row) => row.id),
    now,
  ]);
}
