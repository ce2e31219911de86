import type { Outcome } from "../model/decision.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { type ClaimedCopy, setClaims } from "./by-hand.ts";
import { reviveHead } from "./decisions.ts";
import { changeWishes } from "./wishes.ts";

/** What was decided about the message at a place. */
export interface DecisionThere {
  readonly decisionId: number;
  /** Its key in the mailbox. */
  readonly identity: string;
  readonly outcome: Outcome;
  readonly emailId: string | null;
  readonly messageId: string | null;
  readonly received: Date;
  /** Ids of all folders in which the message lies. */
  readonly lies: readonly string[];
  /** It was decided as the copy that its sender keeps, as far as its head is kept. */
  readonly isSentCopy: boolean;
}

/** The decisions about what lies at these refs of a stream, by the ids of the refs. A place that was left, and one of which nothing was decided, has none. */
export async function decisionsAt(
  sql: Sql,
  mailboxId: string,
  stream: string,
  ids: readonly string[],
): Promise<Map<string, DecisionThere>> {
  const { rows } = await sql.query<DecisionThere & { readonly id: string }>(
    // Place by place, by the whole of the index: without statistics the planner would go through all places of the stream.
    `select one.id, decision_id as "decisionId", identity, outcome, email_id as "emailId", case when purged_at is null then message_id end as "messageId", received, is_sent_copy as "isSentCopy",
       array(select distinct unnest(folders) from waypost.location where location.decision_id = there.decision_id and gone_at is null) as lies
     from unnest($3::text[]) one (id)
       cross join lateral (
         select decision_id from waypost.location where mailbox_id = $1 and stream_id = $2 and ref_id = one.id and gone_at is null offset 0) there
       cross join lateral (
         select identity, outcome, email_id, message_id, purged_at, received, undecided, coalesce(head->'isSentCopy' = 'true', false) as is_sent_copy from waypost.decision where decision.id = decision_id offset 0) decision
     where not undecided`,
    [mailboxId, stream, ids],
  );
  return new Map(rows.map(({ id, ...decision }) => [id, decision]));
}

/**
 * The emails of these decisions are gone, and nobody deleted them: they count as never delivered, so that the next mailbox makes them again under the same
 * ids. What a person said meanwhile stays as it was said.
 */
export async function forgetDelivered(tx: Transaction, organization: string, decisionIds: readonly number[]): Promise<void> {
  await changeWishes(tx, organization);
  const { rows } = await tx.query<Omit<ClaimedCopy, "head"> & { readonly head: unknown }>(
    `select organization, email_id as "emailId", head from waypost.decision where id = any($1::bigint[]) and outcome in ('tracked', 'duplicate')`,
    [decisionIds],
  );
  await setClaims(
    tx,
    rows.map(({ head, ...copy }) => ({ ...copy, head: head === null ? null : reviveHead(head) })),
    null,
  );
}
