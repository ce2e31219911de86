import type { Sql } from "../model/sql.ts";

/** A message that was seen at a ref and decided. */
export interface KnownPlace {
  readonly decisionId: number;
  /** Ids of the folders, as they were last told. */
  readonly folders: readonly string[];
  /** It was told to have left the stream. */
  readonly gone: boolean;
}

/** What the ledger knows of a ref. */
export interface PlaceBefore {
  /** Null where nothing was seen there since the position was lost last, or what was slipped away undecided. */
  readonly known: KnownPlace | null;
  /** The decision about the message that lay there before the position was lost, as long as the stream is read again because of that. */
  readonly lay: number | null;
}

/** Those of these refs of a stream at which a message was seen before, by id. */
export async function placesBefore(
  sql: Sql,
  mailboxId: string,
  stream: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PlaceBefore>> {
  const { rows } = await sql.query<{
    id: string;
    decisionId: number | null;
    folders: string[] | null;
    gone: boolean | null;
    lay: number | null;
  }>(
    `select ref_id as id, now.decision_id as "decisionId", now.folders, now.gone, former.decision_id as lay
     from (
       select ref_id, case when not undecided then decision_id end as decision_id, folders, gone_at is not null as gone
       from waypost.location join waypost.decision on decision.id = decision_id
       where location.mailbox_id = $1 and stream_id = $2 and ref_id = any($3)
     ) now full join (
       select ref_id, decision_id from waypost.former_place where mailbox_id = $1 and stream_id = $2 and ref_id = any($3)
     ) former using (ref_id)`,
    [mailboxId, stream, ids],
  );
  return new Map(
    rows.map(({ id, decisionId, folders, gone, lay }) => [
      id,
      { known: decisionId === null || folders === null || gone === null ? null : { decisionId, folders, gone }, lay },
    ]),
  );
}
