import type { MessageHead } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** What was told of the message at a ref. */
export interface ToldBefore {
  /** Of the decision about it. */
  readonly identity: string;
  /** As `likenessOf` gives it. */
  readonly likeness: string | null;
  readonly received: Date;
  /** Null where it is not kept any more. */
  readonly head: MessageHead | null;
}

/** What was told of the messages at these refs of a stream, by id; also of those that have left, and of those that were never decided. */
export async function toldBefore(sql: Sql, mailboxId: string, stream: string, ids: readonly string[]): Promise<Map<string, ToldBefore>> {
  const { rows } = await sql.query<Omit<ToldBefore, "head"> & { readonly id: string; readonly head: unknown }>(
    `select ref_id as id, identity, likeness, received, head from waypost.location join waypost.decision on decision.id = decision_id
     where location.mailbox_id = $1 and stream_id = $2 and ref_id = any($3)`,
    [mailboxId, stream, ids],
  );
  return new Map(rows.map(({ id, head, ...told }) => [id, { ...told, head: head === null ? null : reviveHead(head) }]));
}
