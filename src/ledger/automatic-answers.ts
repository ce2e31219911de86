import { addressKey } from "../model/address.ts";
import { type AutomaticAnswer, LOOP_WINDOW } from "../model/automatic-answer.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** Rows read for one page: a loop that was not cut off long ago has a dozen in an hour. */
const READ_AT_MOST = 5_000;

/** Which automatic answers are asked for: of these senders, but for those that these decisions are about. */
interface AnswersQuery {
  readonly senders: readonly string[];
  readonly from: Date;
  readonly to: Date;
  readonly except: readonly number[];
}

/** Those that an organization got in the hour before `from` and up to `to`, the newest first. */
export async function automaticAnswers(
  sql: Sql,
  organization: string,
  { senders, from, to, except }: AnswersQuery,
): Promise<AutomaticAnswer[]> {
  const { rows } = await sql.query<AutomaticAnswer>(
    `select answer.sender, mailbox.address as mailbox, answer.conversation, answer.received
     from waypost.automatic_answer answer
       join waypost.decision on decision.id = answer.decision_id join waypost.mailbox on mailbox.id = decision.mailbox_id
     where answer.organization = $1 and answer.sender = any($2) and answer.received between $3 and $4 and answer.decision_id <> all($6::bigint[])
     order by answer.received desc limit $5`,
    [organization, senders, new Date(from.getTime() - LOOP_WINDOW), to, READ_AT_MOST, except],
  );
  return rows.map((row) => ({ ...row, mailbox: addressKey(row.mailbox) }));
}

/** Stores the answers that these decisions are about; what stands there of a decision stays. One statement, or none. */
export async function storeAutomaticAnswers(
  tx: Transaction,
  organization: string,
  answers: readonly (AutomaticAnswer & { readonly decisionId: number })[],
): Promise<void> {
  if (answers.length === 0) return;
  await tx.query(
    `insert into waypost.automatic_answer (decision_id, organization, sender, conversation, received)
     select "decisionId", $1, sender, conversation, received
     from jsonb_to_recordset($2::jsonb) one ("decisionId" bigint, sender text, conversation text, received timestamptz) order by 1
     on conflict (decision_id) do nothing`,
    [organization, storableJson(answers)],
  );
}
