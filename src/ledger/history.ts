/** Mail from before the start of a mailbox: what is known of it, and reading it by choice. */
import type { Outcome } from "../model/decision.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { type MailboxRow, readHistory } from "./mailboxes.ts";

/** What became of the messages of these identities in a mailbox. */
export async function outcomesByIdentity(
  sql: Sql,
  mailboxId: string,
  identities: readonly string[],
): Promise<ReadonlyMap<string, Outcome>> {
  const { rows } = await sql.query<{ identity: string; outcome: Outcome }>(
    "select identity, outcome from waypost.decision where mailbox_id = $1 and identity = any($2) and not undecided",
    [mailboxId, identities],
  );
  return new Map(rows.map(({ identity, outcome }) => [identity, outcome]));
}

/** Whether the configuration says where a mailbox starts. */
export async function isStartSet(sql: Sql, mailboxId: string): Promise<boolean> {
  const { rows } = await sql.query<{ isSet: boolean }>(`select start_is_set as "isSet" from waypost.mailbox where id = $1`, [mailboxId]);
  return rows[0]?.isSet ?? false;
}

/** The mailbox starts at that earlier moment: what was passed over since is read in the next round, and its turn is now. */
export async function setStartBack(tx: Transaction, mailbox: MailboxRow, from: Date, now: Date): Promise<void> {
  await readHistory(tx, [{ organization: mailbox.organization, address: mailbox.address, readFrom: from }]);
  await tx.query("update waypost.mailbox set start_date = $2, receive_due_at = $3 where id = $1", [mailbox.id, from, now]);
}
