import type { Failure } from "../model/failure.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { PRIVATE } from "./privacy.ts";

/** The step of processing at which a message failed. */
export type QuarantineStep = "read" | "parse" | "deliver";

export interface QuarantineRow {
  readonly id: number;
  readonly mailbox: string;
  readonly mailboxId: string;
  readonly messageId: string | null;
  readonly sender: string | null;
  readonly received: Date;
  readonly step: QuarantineStep;
  readonly code: string;
  readonly message: string;
  readonly serverSaid: string | null;
  readonly remedy: string;
  readonly attempts: number;
  readonly openedAt: Date;
  readonly triedAt: Date;
  readonly retry: boolean;
  /** See PRIVATE in privacy.ts. */
  readonly isPrivate: boolean;
}

/** A message that could not be processed. */
export interface QuarantineEntry {
  readonly decisionId: number;
  readonly step: QuarantineStep;
  readonly failure: Failure;
}

/** Puts messages of a mailbox into quarantine, or counts one more failed try of those that are there. One statement, or none. */
export async function quarantine(tx: Transaction, mailboxId: string, entries: readonly QuarantineEntry[], now: Date): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(({ decisionId, step, failure: { code, message, serverSaid = null, remedy } }) => ({
    decisionId,
    step,
    code,
    message,
    serverSaid,
    remedy,
  }));
  await tx.query(
    `insert into waypost.quarantine (mailbox_id, decision_id, step, code, message, server_said, remedy, opened_at, tried_at)
     select distinct on ("decisionId") $1::uuid, "decisionId", step, code, message, "serverSaid", remedy, $3::timestamptz, $3::timestamptz
     from jsonb_to_recordset($2::jsonb) one ("decisionId" bigint, step text, code text, message text, "serverSaid" text, remedy text) order by "decisionId"
     on conflict (decision_id) where closed_at is null do update set step = excluded.step, code = excluded.code, message = excluded.message, server_said = excluded.server_said,
       remedy = excluded.remedy, attempts = quarantine.attempts + 1, tried_at = excluded.tried_at, retry = false`,
    [mailboxId, storableJson(rows), now],
  );
}

/** Takes messages out of quarantine whose decision was made. */
export async function release(tx: Transaction, decisionIds: readonly number[], now: Date): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query("update waypost.quarantine set closed_at = $2, retry = false where decision_id = any($1) and closed_at is null", [
    decisionIds,
    now,
  ]);
}

/** What is in quarantine now, the oldest first. */
export async function listQuarantine(sql: Sql, limit = 1000): Promise<QuarantineRow[]> {
  const { rows } = await sql.query<QuarantineRow>(
    `select quarantine.id, mailbox.address as mailbox, quarantine.mailbox_id as "mailboxId", decision.message_id as "messageId", decision.sender, decision.received, step, code, message,
       server_said as "serverSaid", remedy, attempts, opened_at as "openedAt", tried_at as "triedAt", retry, ${PRIVATE} as "isPrivate"
     from waypost.quarantine join waypost.mailbox on mailbox.id = quarantine.mailbox_id join waypost.decision on decision.id = quarantine.decision_id
     where closed_at is null order by opened_at, quarantine.id limit $1`,
    [limit],
  );
  return rows;
}

/** Asks for messages to be tried again: those ids, or all. Returns the mailboxes to wake and how many messages were marked. */
export async function askForRetry(sql: Sql, ids: readonly number[] | "all"): Promise<{ marked: number; mailboxIds: string[] }> {
  const { rows } = await sql.query<{ mailboxId: string }>(
    `update waypost.quarantine set retry = true where closed_at is null and ($1::bigint[] is null or id = any($1)) returning mailbox_id as "mailboxId"`,
    [ids === "all" ? null : ids],
  );
  return { marked: rows.length, mailboxIds: [...new Set(rows.map((row) => row.mailboxId))] };
}
