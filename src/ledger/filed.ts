import type { Outcome } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { reviveHead } from "./decisions.ts";

/** A message that came to lie in a folder with a rule, as its mailbox decided about it. */
export interface FiledMessage {
  readonly decisionId: number;
  readonly decisionKey: string;
  readonly head: MessageHead | null;
  readonly outcome: Outcome;
  readonly emailId: string | null;
  /** Ids of all folders in which it lies. */
  readonly folders: readonly string[];
}

/** The first so many of those of a mailbox of which what follows is not done yet. */
export async function readFiled(sql: Sql, mailboxId: string, limit: number): Promise<FiledMessage[]> {
  const { rows } = await sql.query<Omit<FiledMessage, "head"> & { readonly head: unknown }>(
    `select decision.id as "decisionId", identity as "decisionKey", head, outcome, email_id as "emailId",
       array(select distinct unnest(folders) from waypost.location where decision_id = decision.id and gone_at is null) as folders
     from (select decision_id from waypost.filed where mailbox_id = $1 order by decision_id limit $2) filed join waypost.decision on decision.id = decision_id
     order by decision.id`,
    [mailboxId, limit],
  );
  return rows.map(({ head, ...one }) => ({ ...one, head: head === null ? null : reviveHead(head) }));
}

/** What follows of these is done. Those that are skipped are decided again. */
export async function settleFiled(tx: Transaction, mailboxId: string, decisionIds: readonly number[]): Promise<void> {
  await tx.query("delete from waypost.filed where mailbox_id = $1 and decision_id = any($2::bigint[])", [mailboxId, decisionIds]);
  await tx.query("update waypost.decision set reconsider = true where id = any($1::bigint[]) and outcome = 'skipped'", [decisionIds]);
}
