import type { Failure, Scope } from "../model/failure.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";
import { newToItsOwner } from "./approvals.ts";

/** What a person should know and do. `subject` names the thing of that scope: a mailbox id, a profile's name, an email's id. */
export interface AlertText {
  readonly scope: Scope;
  readonly subject: string;
  readonly code: string;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy: string;
}

export interface Alert extends AlertText {
  readonly id: number;
  readonly times: number;
  readonly openedAt: Date;
  readonly seenAt: Date;
  readonly closedAt: Date | null;
}

/** Opens an alert, or counts one more sighting of the open one: one kind of trouble of one subject is one alert. */
export async function openAlert(sql: Sql, alert: AlertText, now: Date): Promise<void> {
  await sql.query(
    `insert into waypost.alert (scope, subject, code, message, server_said, remedy, opened_at, seen_at) values ($1, $2, $3, $4, $5, $6, $7, $7)
     on conflict (scope, subject, code) where closed_at is null
     do update set times = alert.times + 1, seen_at = excluded.seen_at, message = excluded.message, server_said = excluded.server_said, remedy = excluded.remedy`,
    [
      alert.scope,
      alert.subject,
      alert.code,
      storableText(alert.message),
      alert.serverSaid === undefined ? null : storableText(alert.serverSaid),
      alert.remedy,
      now,
    ],
  );
}

/** The alert that a failure makes; the activity (`receiving`, `sending`) stands before the code, so that its success closes it. */
export function alertOf(failure: Failure, activity: string, subject: string): AlertText {
  return {
    scope: failure.scope,
    subject,
    code: `${activity}: ${failure.code}`,
    message: failure.message,
    serverSaid: failure.serverSaid,
    remedy: failure.remedy,
  };
}

/** Closes the open alerts of a subject whose code begins so (`""` for all), but for that of the code `kept`. Returns how many were open. */
export async function closeAlerts(
  sql: Sql,
  scope: Scope,
  subject: string,
  codePrefix: string,
  now: Date,
  kept?: string | undefined,
): Promise<number> {
  const { rowCount } = await sql.query(
    `update waypost.alert set closed_at = $4 where scope = $1 and subject = $2 and closed_at is null and starts_with(code, $3)
       and code is distinct from $5`,
    [scope, subject, codePrefix, now, kept ?? null],
  );
  return rowCount;
}

/** Closes the open alerts with this prefix about any of these. Returns how many there were. */
export async function closeAlertsAbout(
  sql: Sql,
  subjects: readonly (readonly [scope: Scope, subject: string])[],
  codePrefix: string,
  now: Date,
): Promise<number> {
  const { rowCount } = await sql.query(
    `update waypost.alert set closed_at = $4 where (scope, subject) in (select * from unnest($1::text[], $2::text[])) and closed_at is null
       and starts_with(code, $3)`,
    [subjects.map(([scope]) => scope), subjects.map(([, subject]) => subject), codePrefix, now],
  );
  return rowCount;
}

/** Closes the open alerts of a subject with this code that were not seen since then: what they tell of came to its end by itself. */
export async function closeQuietAlerts(sql: Sql, scope: Scope, subject: string, code: string, seenBefore: Date, now: Date): Promise<void> {
  await sql.query(
    "update waypost.alert set closed_at = $5 where scope = $1 and subject = $2 and code = $3 and closed_at is null and seen_at < $4",
    [scope, subject, code, seenBefore, now],
  );
}

/** Closes the open alerts about folders of a mailbox that are not among these any more; an alert names its folder as `<mailbox id>/<stream>`. */
export async function closeAlertsOfOtherFolders(sql: Sql, mailboxId: string, streams: readonly string[], now: Date): Promise<void> {
  await sql.query(
    "update waypost.alert set closed_at = $3 where scope = 'folder' and closed_at is null and starts_with(subject, $1) and not (subject = any($2))",
    [`${mailboxId}/`, streams.map((stream) => `${mailboxId}/${stream}`), now],
  );
}

/** Open alerts, the longest open first. */
export async function openAlerts(sql: Sql, limit = 1000): Promise<Alert[]> {
  const { rows } = await sql.query<Alert>(
    `select id, scope, subject, code, message, server_said as "serverSaid", remedy, times, opened_at as "openedAt", seen_at as "seenAt", closed_at as "closedAt"
     from waypost.alert where closed_at is null order by opened_at, id limit $1`,
    [limit],
  );
  return rows;
}

/** Closes the open alerts of mailboxes, folders and profiles that are not worked on any more: nobody would ever see them work again. */
export async function closeAlertsOfRetired(sql: Sql, now: Date): Promise<void> {
  await sql.query(
    `update waypost.alert set closed_at = $1 where closed_at is null and (
       (scope = 'mailbox' and exists (select from waypost.mailbox where id::text = subject
          and ((starts_with(code, 'approval') and not (approval_required and approval = 2 and approval_source = 'change'))
            or (starts_with(code, 'testing') and incoming_status <> 2 and outgoing_status <> 2)
            or ((starts_with(code, 'receiving') or starts_with(code, 'auditing')) and not (active and incoming_method = 2)) or (starts_with(code, 'sending') and not (active and outgoing_method = 2))
            or (starts_with(code, 'deleting') and delete_since is null) or not active)))
       or (scope = 'folder' and exists (select from waypost.mailbox where starts_with(subject, id::text || '/') and not (active and incoming_method = 2)))
       or (scope = 'profile' and not exists (select from waypost.mailbox where profile = subject and active)))`,
    [now],
  );
}

/**
 * One alert for each mailbox whose address is new to its user or queue and waits to be approved: it stopped without anybody meaning it to. Closed
 * by {@link closeAlertsOfRetired} and by whoever decides.
 */
export async function alertPendingApprovals(sql: Sql, now: Date): Promise<void> {
  const { rows } = await sql.query<{ id: string; address: string }>(
    "select id, address from waypost.mailbox where active and approval_required and approval = 2 and approval_source = 'change'",
  );
  const alerts = rows.map(({ id, address }) => ({ subject: id, ...newToItsOwner(address) }));
  await sql.query(
    `insert into waypost.alert (scope, subject, code, message, remedy, opened_at, seen_at)
     select 'mailbox', subject, 'approval: pending', message, remedy, $2, $2
     from jsonb_to_recordset($1::jsonb) as pending (subject text, message text, remedy text)
     on conflict (scope, subject, code) where closed_at is null do nothing`,
    [storableJson(alerts), now],
  );
}
