import type { MessageHead } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** A message whose decision is to be made again; its head names the place where it lies. */
export interface PendingDecision {
  readonly id: number;
  readonly identity: string;
  /** The email that was made of it, where a person untracked it since. */
  readonly emailId: string | null;
  readonly head: MessageHead;
}

export interface PendingDecisions {
  /** Oldest decision first. */
  readonly found: readonly PendingDecision[];
  /** The last decision that was looked at; null: there are no more. */
  readonly last: number | null;
}

/** It has not left its place, as far as is known. Its folder may be hidden at the moment, or gone. */
export const LIES = "location.gone_at is null";

/** One of the folders of the place was shown by the last listing. */
export const SHOWN = `exists (
  select from waypost.folder where folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders) and missing_since is null and selectable)`;

/**
 * Decisions of a mailbox to be made again: those to reconsider and quarantined ones asked for, of at most `limit` behind the decision `after` those whose
 * messages lie in a folder that is shown. Those of the others stay to be made: no mail system tells of such a message again when its folder is shown again.
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
  if (ids.length === 0) return { found: [], last: null };
  const { rows } = await sql.query<{
    id: number;
    identity: string;
    emailId: string | null;
    head: unknown;
    stream: string;
    ref: string;
    folders: string[];
  }>(
    `select decision.id, identity, email_id as "emailId", head, stream_id as stream, ref_id as ref, place.folders
     from waypost.decision cross join lateral (
       select stream_id, ref_id, folders from waypost.location where decision_id = decision.id and ${LIES} and ${SHOWN} order by seen_at desc limit 1) place
     where decision.id = any($1::bigint[]) and head is not null order by decision.id`,
    [ids],
  );
  const found = rows.map(({ id, identity, emailId, head, stream, ref, folders }) => ({
    id,
    identity,
    emailId,
    head: { ...reviveHead(head), ref: { stream, id: ref }, folders },
  }));
  return { found, last: ids.at(-1) ?? null };
}

/**
 * Of the decisions to be made again, those whose messages lie nowhere any more stay as they are, quarantine and all. Where such a message turns up after
 * all, it is decided as if never seen: it may be moving at this moment.
 */
export async function leaveDecided(tx: Transaction, mailboxId: string, now: Date): Promise<void> {
  const { rows } = await tx.query<{ id: number }>(
    `update waypost.decision one set reconsider = false, undecided = true
     where id in (select id from waypost.decision where mailbox_id = $1 and reconsider
         union select decision_id from waypost.quarantine where mailbox_id = $1 and closed_at is null and retry)
       and not exists (select from waypost.location where location.decision_id = one.id and ${LIES}) returning id`,
    [mailboxId],
  );
  if (rows.length === 0) return;
  await tx.query("update waypost.quarantine set retry = false, tried_at = $2 where decision_id = any($1::bigint[]) and closed_at is null", [
    rows.map((row) => row.id),
    now,
  ]);
}
