import type { MessageHead } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** What was told of the message at a ref. */
export interface ToldBefore {
  readonly decisionId: number;
  /** Of the decision about it. */
  readonly identity: string;
  /** As `likenessOf` gives it. */
  readonly likeness: string | null;
  readonly received: Date;
  /** Null where it is not kept any more. */
  readonly head: MessageHead | null;
  /** The email that was made of it or that it is a copy of; null where there is none. */
  readonly emailId: string | null;
}

/**
 * What was told of the messages at these refs of a stream, by id; also of those that have left, of those that were never decided, and of those that lay
 * there before the position was lost.
 */
export async function toldBefore(sql: Sql, mailboxId: string, stream: string, ids: readonly string[]): Promise<Map<string, ToldBefore>> {
  const { rows } = await sql.query<Omit<ToldBefore, "head"> & { readonly id: string; readonly head: unknown }>(
    `select distinct on (ref_id) ref_id as id, decision.id as "decisionId", identity, likeness, received, head, email_id as "emailId" from (
       select ref_id, decision_id, 1 as place from waypost.location where mailbox_id = $1 and stream_id = $2 and ref_id = any($3)
       union all select ref_id, decision_id, 2 from waypost.former_place where mailbox_id = $1 and stream_id = $2 and ref_id = any($3)) lay
     join waypost.decision on decision.id = decision_id order by ref_id, place`,
    [mailboxId, stream, ids],
  );
  return new Map(rows.map(({ id, head, ...told }) => [id, { ...told, head: head === null ? null : reviveHead(head) }]));
}
