import type { Outcome, RuleAnswer } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** What a decision says of a message that is another one than a look-alike in its place. */
export const LOOK_ALIKE: RuleAnswer = {
  rule: "content",
  answer: "yes",
  because:
    "Another message with the same moment of receipt, size and subject or Message-ID lay in its place before, and their contents or senders differ. If the server should write the header anew once more, it is taken for the same message.",
};

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
  /** What is left of a head that is not kept any more, as `remainderOf` gives it; null where it is kept. */
  readonly remainder: string | null;
  readonly outcome: Outcome;
  /** The email that was made of it or that it is a copy of; null where there is none. */
  readonly emailId: string | null;
  /** It looked like the one that lay there before it, see {@link LOOK_ALIKE}. */
  readonly isLookAlike: boolean;
  /** It left: what lies at the ref now came later, or came back. */
  readonly gone: boolean;
}

/**
 * What was told of the messages at these refs of a stream, by id; also of those that have left, of those that were never decided, and of those that lay
 * there before the position was lost.
 */
export async function toldBefore(sql: Sql, mailboxId: string, stream: string, ids: readonly string[]): Promise<Map<string, ToldBefore>> {
  const { rows } = await sql.query<Omit<ToldBefore, "head"> & { readonly id: string; readonly head: unknown }>(
    `select distinct on (ref_id) ref_id as id, decision.id as "decisionId", identity, likeness, received, head, remainder, outcome, email_id as "emailId", gone, rules @> $4::jsonb as "isLookAlike" from (
       select ref_id, decision_id, gone_at is not null as gone, 1 as place from waypost.location where mailbox_id = $1 and stream_id = $2 and ref_id = any($3)
       union all select ref_id, decision_id, false, 2 from waypost.former_place where mailbox_id = $1 and stream_id = $2 and ref_id = any($3)) lay
     join waypost.decision on decision.id = decision_id order by ref_id, place`,
    [mailboxId, stream, ids, JSON.stringify([LOOK_ALIKE])],
  );
  return new Map(rows.map(({ id, head, ...told }) => [id, { ...told, head: head === null ? null : reviveHead(head) }]));
}
