import type { MessageRef } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";

/** A decision about a message of weak identity, for finding out whether a message that looks alike is the same one. */
export interface AlikeDecision {
  readonly id: number;
  readonly identity: string;
  /** The message slipped away before its content could be read; where it turns up, it is decided as if never seen. */
  readonly undecided: boolean;
  readonly likeness: string;
  readonly received: Date;
  /** Bytes as announced when it was decided, or null where its head is not kept any more. */
  readonly size: number | null;
  /** The email that was made of it or that it is a copy of; null where there is none. */
  readonly emailId: string | null;
  /** Where it lies as far as the ledger knows: it was not told to have left, and its folder is there. */
  readonly places: readonly MessageRef[];
}

/** What is asked for: as `likenessOf` gives it, with the server's own date of receipt. */
export interface Likeness {
  readonly likeness: string;
  readonly received: Date;
}

/** The decisions of a mailbox about messages of weak identity that look like one of these and were received at the same moment; oldest first. */
export async function alikeDecisions(sql: Sql, mailboxId: string, asked: readonly Likeness[]): Promise<AlikeDecision[]> {
  if (asked.length === 0) return [];
  const { rows } = await sql.query<AlikeDecision>(
    `select id, identity, undecided, likeness, received, (head->>'size')::float8 as size, email_id as "emailId",
       (select coalesce(jsonb_agg(jsonb_build_object('stream', stream_id, 'id', ref_id)), '[]') from waypost.location
        where decision_id = decision.id and gone_at is null and exists (
          select from waypost.folder where folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders) and missing_since is null and selectable)) as places
     from waypost.decision where mailbox_id = $1
       and (likeness, received) in (select * from unnest($2::text[], $3::timestamptz[])) order by id`,
    [mailboxId, asked.map((one) => one.likeness), asked.map((one) => one.received)],
  );
  return rows;
}
