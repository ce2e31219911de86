/** How the CRMs of organizations stand: one that is away is left alone by all its mailboxes together. */
import type { Sql, Transaction } from "../model/sql.ts";

export interface OrganizationRow {
  readonly name: string;
  /** Failures of its CRM in a row, whichever mailboxes met them. */
  readonly failures: number;
  /** Its mailboxes are left alone until then. */
  readonly notBefore: Date | null;
  /** What it failed with, for a person. */
  readonly trouble: string | null;
}

export async function readOrganization(sql: Sql, name: string): Promise<OrganizationRow | null> {
  const { rows } = await sql.query<OrganizationRow>(
    `select name, failures, not_before as "notBefore", trouble from waypost.organization where name = $1`,
    [name],
  );
  return rows[0] ?? null;
}

/** The CRM could not be reached, for the so many-th time, whichever mailboxes noticed: all of them wait until `next`. */
export async function noteOrganizationFailure(sql: Sql, { name, failures, notBefore, trouble }: OrganizationRow): Promise<void> {
  await sql.query("update waypost.organization set failures = greatest(failures, $2), not_before = $3, trouble = $4 where name = $1", [
    name,
    failures,
    notBefore,
    trouble,
  ]);
}

/**
 * The right to ask a CRM that failed whether it answers again, for one mailbox at a time; `until` it is not given again, should nothing come of
 * it. False when another one has it, or when it is too early.
 */
export async function claimCrmProbe(sql: Sql, name: string, now: Date, until: Date): Promise<boolean> {
  const { rowCount } = await sql.query(
    "update waypost.organization set not_before = $3 where name = $1 and failures > 0 and coalesce(not_before, $2) <= $2",
    [name, now, until],
  );
  return rowCount > 0;
}

/** Mailboxes that were kept waiting go on within this time, each at a moment of its own. */
const SPREAD_SECONDS = 30;
const SPREAD_A_MAILBOX = 0.1;

/** The CRM answers: its failures are forgotten, and its mailboxes go on soon, but not all at once. */
export async function noteCrmAnswers(tx: Transaction, name: string, now: Date): Promise<void> {
  await tx.query("update waypost.organization set failures = 0, not_before = null, trouble = null where name = $1", [name]);
  await tx.query(
    `update waypost.mailbox set receive_due_at = least(receive_due_at, $2::timestamptz + date_trunc('milliseconds', make_interval(secs => random() * least($3, $4::float8 * count))))
     from (select count(*) as count from waypost.mailbox where organization = $1) as all_its where organization = $1 and active`,
    [name, now, SPREAD_SECONDS, SPREAD_A_MAILBOX],
  );
}
