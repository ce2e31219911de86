/** Who may see what of mail that is no email (docs/privacy.md). */
import type { Sql, Transaction } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import { writeAudit } from "./audit.ts";

/**
 * In a query of decisions: the message is the private matter of its mailbox's owner. Its Sensitivity header says so (RFC 4021 2.1.55), or its head is gone and
 * cannot say that it was not.
 */
export const PRIVATE = `(decision.head is null or exists (
  select from jsonb_array_elements(decision.head -> 'headers') field where field ->> 0 = 'sensitivity' and field ->> 1 ~* 'personal|private|confidential'))`;

/** Whether an organization shows subject and counterpart of mail that is no email to administrators, and who switched that on. */
export interface UntrackedShown {
  readonly organization: string;
  readonly since: Date | null;
  readonly by: string | null;
}

export async function readUntrackedShown(sql: Sql, organizations: readonly string[]): Promise<UntrackedShown[]> {
  const { rows } = await sql.query<UntrackedShown>(
    `select name as organization, untracked_shown_at as since, untracked_shown_by as by from waypost.organization where name = any($1::text[]) order by name`,
    [organizations],
  );
  return rows;
}

/** Switches it on or off, with an entry in the audit for each organization. */
export async function setUntrackedShown(
  tx: Transaction,
  organizations: readonly string[],
  { show, actor, at }: { readonly show: boolean; readonly actor: string; readonly at: Date },
): Promise<void> {
  await tx.query("update waypost.organization set untracked_shown_at = $2, untracked_shown_by = $3 where name = any($1::text[])", [
    organizations,
    show ? at : null,
    show ? storableText(actor) : null,
  ]);
  for (const organization of organizations)
    await writeAudit(tx, {
      at,
      actor,
      action: show ? "show untracked mail" : "hide untracked mail",
      subject: `organization ${organization}`,
    });
}
