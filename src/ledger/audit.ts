import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";

/** One change that a person made by word. */
export interface AuditEntry {
  readonly at: Date;
  /** Who, as the system that let them in names them. */
  readonly actor: string;
  readonly action:
    | "approve"
    | "reject"
    | "track"
    | "untrack"
    | "regarding"
    | "delete email"
    | "resolve"
    | "make contact"
    | "track folder"
    | "untrack folder"
    | "show untracked mail"
    | "hide untracked mail"
    | "look at untracked mail"
    | "forget address"
    | "read history"
    | "issue token"
    | "revoke token";
  /** What was changed: the address of a mailbox, `decision` and the number of one, `address` and one that was resolved or became a contact's, or `organization` and its name. */
  readonly subject: string;
}

export function writeAudit(sql: Sql, { subject, ...entry }: AuditEntry): Promise<void> {
  return auditEach(sql, [subject], entry);
}

/** One entry for each of these subjects. */
export async function auditEach(sql: Sql, subjects: readonly string[], { at, actor, action }: Omit<AuditEntry, "subject">): Promise<void> {
  await sql.query("insert into waypost.audit (at, actor, action, subject) select $1, $2, $3, unnest($4::text[])", [
    at,
    storableText(actor),
    action,
    subjects,
  ]);
}

/** What was changed about a thing, the latest first. */
export async function readAudit(sql: Sql, subject: string, limit = 20): Promise<AuditEntry[]> {
  const { rows } = await sql.query<AuditEntry>(
    "select at, actor, action, subject from waypost.audit where subject = $1 order by id desc limit $2",
    [subject, limit],
  );
  return rows;
}
