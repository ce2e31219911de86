import type { Sql } from "../model/sql.ts";

/** The right to make one email of one message, for a whole organization. */
export interface Claim {
  readonly identity: string;
  readonly emailId: string;
  readonly messageId: string | null;
}

export interface ClaimRow extends Claim {
  /** The mailbox that came first. */
  readonly mailboxId: string;
  readonly mailboxAddress: string;
  readonly delivered: boolean;
}

const READ = `select claim.identity, claim.email_id as "emailId", claim.message_id as "messageId", claim.mailbox_id as "mailboxId", mailbox.address as "mailboxAddress",
  claim.delivered_at is not null as delivered from waypost.claim join waypost.mailbox on mailbox.id = claim.mailbox_id`;

/** Claims that exist for these identities. */
export async function readClaims(sql: Sql, organization: string, identities: readonly string[]): Promise<Map<string, ClaimRow>> {
  const { rows } = await sql.query<ClaimRow>(`${READ} where claim.organization = $1 and claim.identity = any($2)`, [
    organization,
    identities,
  ]);
  return new Map(rows.map((row) => [row.identity, row]));
}

/**
 * Claims every message that nobody has claimed yet and returns all claims, own and foreign (invariant 7). Whoever comes second gets the first one's
 * email id: delivering with it is idempotent, so that it does not matter who finishes. Rows go in by identity so that two claimers cannot deadlock.
 */
export async function claim(
  sql: Sql,
  organization: string,
  mailboxId: string,
  claims: readonly Claim[],
  now: Date,
): Promise<Map<string, ClaimRow>> {
  const sorted = [...claims].sort((one, other) => (one.identity < other.identity ? -1 : 1));
  await sql.query(
    `insert into waypost.claim (organization, identity, email_id, message_id, mailbox_id, claimed_at)
     select $1, identity, email_id, message_id, $2, $6 from unnest($3::text[], $4::uuid[], $5::text[]) as one (identity, email_id, message_id)
     on conflict (organization, identity) do nothing`,
    [organization, mailboxId, sorted.map((one) => one.identity), sorted.map((one) => one.emailId), sorted.map((one) => one.messageId), now],
  );
  return readClaims(
    sql,
    organization,
    sorted.map((one) => one.identity),
  );
}

/** The email of a claim stands in the CRM. */
export async function markDelivered(sql: Sql, organization: string, identities: readonly string[], now: Date): Promise<void> {
  await sql.query("update waypost.claim set delivered_at = $3 where organization = $1 and identity = any($2) and delivered_at is null", [
    organization,
    identities,
    now,
  ]);
}
