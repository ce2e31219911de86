import type { Sql, Transaction } from "../model/sql.ts";

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
  if (identities.length === 0) return new Map();
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
  const rows = inOrder(claims);
  await sql.query(
    `insert into waypost.claim (organization, identity, email_id, message_id, mailbox_id, claimed_at)
     select $1, identity, email_id, message_id, $2, $3 from ${CLAIMS}
     on conflict (organization, identity) do nothing`,
    [organization, mailboxId, now, ...rows],
  );
  return readClaims(sql, organization, rows[0]);
}

/** The claims as the parameters from $4 on. */
const CLAIMS = "unnest($4::text[], $5::uuid[], $6::text[]) as one (identity, email_id, message_id)";

/** Identities, emails and Message-IDs, each identity once, in the order in which everybody claims. */
function inOrder(claims: readonly Claim[]): [identities: string[], emailIds: string[], messageIds: (string | null)[]] {
  const once = [...new Map(claims.map((one) => [one.identity, one])).values()];
  const sorted = once.sort((one, other) => (one.identity < other.identity ? -1 : 1));
  return [sorted.map((one) => one.identity), sorted.map((one) => one.emailId), sorted.map((one) => one.messageId)];
}

/**
 * The emails of these claims stand in the CRM. Returns the identities of which nobody said so before: this mailbox delivered them and becomes the
 * claim's mailbox, whoever claimed first, so that of mailboxes that deliver at once exactly one tracked the message.
 */
export async function markDelivered(
  sql: Sql,
  organization: string,
  mailboxId: string,
  identities: readonly string[],
  now: Date,
): Promise<Set<string>> {
  const { rows } = await sql.query<{ identity: string }>(
    "update waypost.claim set delivered_at = $4, mailbox_id = $2 where organization = $1 and identity = any($3) and delivered_at is null returning identity",
    [organization, mailboxId, identities, now],
  );
  return new Set(rows.map((row) => row.identity));
}

/**
 * Claims and fulfils in one: for emails that are made in the same transaction, which must do this first, so that two of them wait for each other
 * instead of deadlocking. Returns the identities that nobody had fulfilled: this mailbox delivers these. Whoever delivers the same at that moment is waited for.
 */
export async function claimDelivered(
  tx: Transaction,
  organization: string,
  mailboxId: string,
  claims: readonly Claim[],
  now: Date,
): Promise<Set<string>> {
  const { rows } = await tx.query<{ identity: string }>(
    `insert into waypost.claim (organization, identity, email_id, message_id, mailbox_id, claimed_at, delivered_at)
     select $1, identity, email_id, message_id, $2, $3, $3 from ${CLAIMS}
     on conflict (organization, identity) do update set delivered_at = excluded.delivered_at, mailbox_id = excluded.mailbox_id where claim.delivered_at is null
     returning identity`,
    [organization, mailboxId, now, ...inOrder(claims)],
  );
  return new Set(rows.map((row) => row.identity));
}
