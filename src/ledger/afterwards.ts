/** Mail that is decided again because its sender became known: found by the address, wherever it lies. */
import type { Sql, Transaction } from "../model/sql.ts";
import { storableText } from "../model/text.ts";

/** Whether an organization decides such mail again by itself, and how many days back. */
export interface Afterwards {
  readonly automatically: boolean;
  readonly days: number;
}

export async function storeAfterwards(tx: Transaction, organization: string, { automatically, days }: Afterwards): Promise<void> {
  await tx.query("update waypost.organization set afterwards = $2, afterwards_days = $3 where name = $1", [
    organization,
    automatically,
    days,
  ]);
}

export async function readAfterwards(sql: Sql, organization: string): Promise<Afterwards | null> {
  const { rows } = await sql.query<Afterwards>(
    "select afterwards as automatically, afterwards_days as days from waypost.organization where name = $1",
    [organization],
  );
  return rows[0] ?? null;
}

/** What is asked to be decided again by its senders. */
export interface BySender {
  /** In key form. */
  readonly addresses: readonly string[];
  readonly from: Date;
  readonly to: Date;
  /** Only these mailboxes; null: all of the organization. */
  readonly mailboxIds: readonly string[] | null;
}

/** What became of it. */
export interface Reconsidered {
  readonly messages: number;
  /** To be woken. */
  readonly mailboxIds: readonly string[];
}

/**
 * Messages from these senders that no filter wanted are to be decided again, where they lie; as far back as their heads are kept. What a person said about a
 * message, and what was skipped for another reason, is not among them.
 */
export async function reconsiderSenders(tx: Transaction, organization: string, by: BySender): Promise<Reconsidered> {
  const { rows } = await tx.query<{ mailboxId: string; messages: number }>(
    // Address by address, with nothing beside the conditions of the index, as in reconsiderWaiting.
    `with found as materialized (
       select distinct one.id from unnest($2::text[]) asked (address)
         cross join lateral (
           select id, organization, mailbox_id, received, sender from waypost.decision
           where outcome = 'skipped' and reason in (1, 3) and left(crm.address_key(sender), 200) = left(asked.address, 200) offset 0
         ) one
       where one.organization = $1 and crm.address_key(one.sender) = asked.address and one.received between $3 and $4
         and ($5::uuid[] is null or one.mailbox_id = any($5))
     ), locked as (
       -- In one order, in which nobody who marks the same ones crosses another.
       select decision.id from waypost.decision join found using (id)
       where head is not null and not undecided and not reconsider order by decision.id for no key update of decision
     ), marked as (
       update waypost.decision set reconsider = true from locked where decision.id = locked.id
       returning mailbox_id
     )
     select mailbox_id as "mailboxId", count(*)::int as messages from marked group by mailbox_id`,
    [organization, by.addresses.map(storableText), by.from, by.to, by.mailboxIds],
  );
  return {
    messages: rows.reduce((sum, row) => sum + row.messages, 0),
    mailboxIds: rows.map((row) => row.mailboxId),
  };
}
