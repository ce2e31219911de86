import type { Settlement } from "../model/email.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";

/** How far one press of Send has come (invariant 8). */
export type OutboxStage = "intended" | "transmitting" | "accepted" | "refused" | "waiting" | "unknown";

/** State of the copy in the Sent folder. */
export type SentCopy = "waiting" | "filed" | "already there" | "no folder" | "failed";

export interface OutboxRow {
  readonly organization: string;
  readonly emailId: string;
  readonly generation: number;
  readonly mailboxId: string;
  readonly messageId: string;
  readonly stage: OutboxStage;
  /** The process that has it in hand, or had. */
  readonly holder: string | null;
  /** Answers of the mail system to this message. */
  readonly attempts: number;
  readonly response: string | null;
  readonly refused: readonly { readonly address: string; readonly permanent: boolean; readonly response: string }[];
  /** Some recipients have it; the next attempt goes only to those of `refused` that were put off. */
  readonly partly: boolean;
  /** The message's Date header. */
  readonly composedAt: Date;
  readonly settlement: StoredSettlement | null;
  readonly settledAt: Date | null;
  readonly sentCopy: SentCopy | null;
  readonly sentCopyAttempts: number;
  readonly changedAt: Date;
}

/** A Settlement as JSON keeps it. */
export type StoredSettlement = Settlement;

const COLUMNS = `organization, email_id as "emailId", generation, mailbox_id as "mailboxId", message_id as "messageId", stage, holder, attempts, response, refused, partly, composed_at as "composedAt",
  settlement, settled_at as "settledAt", sent_copy as "sentCopy", sent_copy_attempts as "sentCopyAttempts", changed_at as "changedAt"`;

export interface Intent {
  readonly organization: string;
  readonly emailId: string;
  readonly generation: number;
  readonly mailboxId: string;
  readonly messageId: string;
}

/**
 * Stores the intent to send, before anything else happens. A waiting row of the same generation is taken up again with its attempts and its
 * date; any other row means that this generation is in work or at its end, and null comes back.
 */
export async function intend(sql: Sql, intent: Intent, holder: string, now: Date): Promise<OutboxRow | null> {
  const { rows } = await sql.query<OutboxRow>(
    `insert into waypost.outbox (organization, email_id, generation, mailbox_id, message_id, stage, holder, composed_at, changed_at, created_at)
     values ($1, $2, $3, $4, $5, 'intended', $6, date_trunc('second', $7::timestamptz), $7, $7)
     on conflict (organization, email_id, generation) do update set stage = 'intended', holder = excluded.holder, mailbox_id = excluded.mailbox_id, settlement = null, settled_at = null, look_again_at = null, changed_at = $7
       where outbox.stage = 'waiting' and outbox.settled_at is not null
     returning ${COLUMNS}`,
    [intent.organization, intent.emailId, intent.generation, intent.mailboxId, intent.messageId, holder, now],
  );
  return rows[0] ? revive(rows[0]) : null;
}

/** An intent that the CRM did not grant: nothing was sent and nothing will be under it. */
export async function withdraw(sql: Sql, row: OutboxRow): Promise<void> {
  await sql.query(
    "delete from waypost.outbox where organization = $1 and email_id = $2 and generation = $3 and stage = 'intended' and attempts = 0",
    [row.organization, row.emailId, row.generation],
  );
}

/** A Message-ID under which an email went out, or may have. */
export interface SentUnder {
  readonly messageId: string;
  readonly emailId: string;
  /** Its Date header. */
  readonly composedAt: Date;
}

/**
 * Those of these Message-IDs under which emails of the organization went out, and all under which these emails did. One that is only intended did where an
 * attempt before came to an answer: some recipients may have it.
 */
export async function sentUnder(
  sql: Sql,
  organization: string,
  messageIds: readonly string[],
  emailIds: readonly string[],
): Promise<SentUnder[]> {
  const { rows } = await sql.query<SentUnder>(
    `select message_id as "messageId", email_id as "emailId", composed_at as "composedAt" from waypost.outbox
     where message_id = any($2::text[]) and organization = $1 and (stage <> 'intended' or attempts > 0)
     union select message_id, email_id, composed_at from waypost.outbox
     where email_id = any($3::uuid[]) and organization = $1 and (stage <> 'intended' or attempts > 0)`,
    [organization, messageIds.map(storableText), emailIds],
  );
  return rows;
}

/** From here on content may be on its way. Throws when the row is not the holder's any more: then nothing may be transmitted. */
export async function markTransmitting(sql: Sql, row: OutboxRow, holder: string, now: Date): Promise<void> {
  const { rowCount } = await sql.query(
    "update waypost.outbox set stage = 'transmitting', changed_at = $5 where organization = $1 and email_id = $2 and generation = $3 and holder = $4 and stage = 'intended'",
    [row.organization, row.emailId, row.generation, holder, now],
  );
  if (rowCount !== 1) throw new Error(`The intent to send email ${row.emailId} is held by another worker`);
}

/** How far a row's attempts have come: carried on by whatever ends without an answer to the message. */
export function deliveryOf({ attempts, partly, refused }: OutboxRow): Pick<OutboxRow, "attempts" | "partly" | "refused"> {
  return { attempts, partly, refused };
}

export interface Result {
  readonly stage: "accepted" | "refused" | "waiting" | "unknown";
  readonly attempts: number;
  readonly response: string | null;
  readonly refused: OutboxRow["refused"];
  readonly partly: boolean;
  readonly settlement: Settlement;
  /** A copy is to be filed in Sent. */
  readonly fileCopy: boolean;
}

/**
 * Stores how an attempt ended, with what the CRM is to be told. With a `holder` only while he still has the row in work: whoever comes late
 * must not undo what somebody else began. Returns whether it was stored.
 */
export async function storeResult(sql: Sql, row: OutboxRow, result: Result, now: Date, holder: string | null = null): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update waypost.outbox set stage = $4, attempts = $5, response = $6, refused = $7::jsonb, settlement = $8::jsonb, settled_at = null, look_again_at = null, sent_copy = $9, changed_at = $10, partly = $11
     where organization = $1 and email_id = $2 and generation = $3 and ($12::uuid is null or (holder = $12 and stage in ('intended', 'transmitting')))`,
    [
      row.organization,
      row.emailId,
      row.generation,
      result.stage,
      result.attempts,
      result.response === null ? null : storableText(result.response),
      storableJson(result.refused),
      storableJson(result.settlement),
      result.fileCopy ? "waiting" : null,
      now,
      result.partly,
      holder,
    ],
  );
  return rowCount === 1;
}

/** No answer came to what was transmitted: Sent is to be looked at, first at `at`. `changed_at` is from now on the time of the silence. */
export async function markUnanswered(sql: Sql, row: OutboxRow, holder: string, reason: string, at: Date): Promise<void> {
  await sql.query(
    `update waypost.outbox set response = $5, look_again_at = $6, changed_at = $6
     where organization = $1 and email_id = $2 and generation = $3 and holder = $4 and stage = 'transmitting'`,
    [row.organization, row.emailId, row.generation, holder, storableText(reason), at],
  );
}

/** Sent had no answer yet; it is looked at again at `at`. */
export async function lookAgain(sql: Sql, row: OutboxRow, at: Date): Promise<void> {
  await sql.query("update waypost.outbox set look_again_at = $4 where organization = $1 and email_id = $2 and generation = $3", [
    row.organization,
    row.emailId,
    row.generation,
    at,
  ]);
}

/** The CRM was told. */
export async function markSettled(sql: Sql | Transaction, row: OutboxRow, now: Date): Promise<void> {
  await sql.query("update waypost.outbox set settled_at = $4 where organization = $1 and email_id = $2 and generation = $3", [
    row.organization,
    row.emailId,
    row.generation,
    now,
  ]);
}

/** What an earlier run of this mailbox left unfinished and can be gone on with now. Whoever holds the mailbox's lease may finish it. */
export async function unfinished(sql: Sql, mailboxId: string, now: Date): Promise<OutboxRow[]> {
  const { rows } = await sql.query<OutboxRow>(
    `select ${COLUMNS} from waypost.outbox where mailbox_id = $1 and settled_at is null and (look_again_at is null or look_again_at <= $2) order by created_at`,
    [mailboxId, now],
  );
  return rows.map(revive);
}

/** Mailboxes with unfinished sending or a copy to file. */
export async function mailboxesWithUnfinished(sql: Sql, now: Date): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    "select mailbox_id as id from waypost.outbox where settled_at is null and (look_again_at is null or look_again_at <= $1) union select mailbox_id from waypost.outbox where sent_copy = 'waiting' and (sent_copy_not_before is null or sent_copy_not_before <= $1)",
    [now],
  );
  return rows.map((row) => row.id);
}

/** Sent messages of a mailbox whose copy is still to be filed. */
export async function copiesWaiting(sql: Sql, mailboxId: string, now: Date, limit: number): Promise<OutboxRow[]> {
  const { rows } = await sql.query<OutboxRow>(
    `select ${COLUMNS} from waypost.outbox where mailbox_id = $1 and sent_copy = 'waiting' and (sent_copy_not_before is null or sent_copy_not_before <= $2)
     order by created_at limit $3`,
    [mailboxId, now, limit],
  );
  return rows.map(revive);
}

/** What became of a try to file the copy; `next` says when to try again. */
export async function noteCopy(sql: Sql, row: OutboxRow, state: SentCopy, now: Date, next: Date | null = null): Promise<void> {
  await sql.query(
    "update waypost.outbox set sent_copy = $4, sent_copy_attempts = sent_copy_attempts + 1, changed_at = $5, sent_copy_not_before = $6 where organization = $1 and email_id = $2 and generation = $3",
    [row.organization, row.emailId, row.generation, state, now, next],
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** All presses of Send of one email, or the one with that Message-ID; newest first. */
export async function findSendings(sql: Sql, key: string): Promise<OutboxRow[]> {
  const bare = key.trim().replace(/^<(.*)>$/s, "$1");
  const { rows } = await sql.query<OutboxRow>(
    `select ${COLUMNS} from waypost.outbox where message_id = $1 union select ${COLUMNS} from waypost.outbox where email_id = $2::uuid
     order by generation desc limit 50`,
    [bare, UUID.test(bare) ? bare : null],
  );
  return rows.map(revive);
}

/** Emails of which nobody knows whether they left. */
export async function unknownSendings(sql: Sql): Promise<OutboxRow[]> {
  const { rows } = await sql.query<OutboxRow>(`select ${COLUMNS} from waypost.outbox where stage = 'unknown' order by changed_at`);
  return rows.map(revive);
}

/** Dates inside the stored settlement come back from JSON as text. */
function revive(row: OutboxRow): OutboxRow {
  const { settlement } = row;
  if (settlement?.status === "sent") return { ...row, settlement: { ...settlement, sentOn: new Date(settlement.sentOn) } };
  if (settlement?.status === "retry") return { ...row, settlement: { ...settlement, notBefore: new Date(settlement.notBefore) } };
  return row;
}
