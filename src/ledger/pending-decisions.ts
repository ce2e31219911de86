import type { MessageHead, Place } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** A message whose decision is to be made again, with the place where it was last seen. */
export interface PendingDecision {
  readonly id: number;
  readonly identity: string;
  readonly head: MessageHead;
  /** That place, or none where it was told to have left it: it is told only once. */
  readonly places: readonly Place[];
}

/** Which decisions are asked for. */
export interface PendingQuery {
  /** Only those behind this decision, in their order; null: from the first. */
  readonly after: number | null;
  readonly except: readonly number[];
  readonly limit: number;
}

/** Where a message lies that has not left its place, as far as the last listing of the folders knows. */
const LIES = `location.gone_at is null and exists (
  select from waypost.folder where folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders) and missing_since is null and selectable)`;

/**
 * Decisions of a mailbox to be made again, oldest message first: those to reconsider and quarantined ones asked for. Each with one place, where
 * the message lies or, if it lies nowhere, where it was last seen.
 */
export async function pendingDecisions(sql: Sql, mailboxId: string, { after, except, limit }: PendingQuery): Promise<PendingDecision[]> {
  const { rows } = await sql.query<{
    id: number;
    identity: string;
    head: unknown;
    stream: string;
    ref: string;
    folders: string[];
    gone: boolean;
  }>(
    `select decision.id, decision.identity, decision.head, place.stream_id as stream, place.ref_id as ref, place.folders, place.gone_at is not null as gone
     from waypost.decision join lateral (
       select stream_id, ref_id, folders, gone_at from waypost.location where decision_id = decision.id order by not (${LIES}), seen_at desc limit 1) place on true
     where decision.id in (
         select id from waypost.decision where mailbox_id = $1 and reconsider
         union select decision_id from waypost.quarantine where mailbox_id = $1 and closed_at is null and retry)
       and decision.head is not null and not (decision.id = any($2::bigint[]))
       and ($4::bigint is null or (decision.received, decision.id) > (select received, id from waypost.decision where id = $4))
     order by decision.received, decision.id limit $3`,
    [mailboxId, except, limit, after],
  );
  return rows.map(({ id, identity, head, stream, ref, folders, gone }) => {
    const place: Place = { ref: { stream, id: ref }, folders };
    return { id, identity, head: { ...reviveHead(head), ...place }, places: gone ? [] : [place] };
  });
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
  await tx.query("update waypost.quarantine set retry = false, tried_at = $2 where decision_id = any($1::bigint[]) and closed_at is null", [
    rows.map((row) => row.id),
    now,
  ]);
}
