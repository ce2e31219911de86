import { NOTIFICATIONS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";

/** Those of these emails that are there with all that their message held. An email from which somebody took an attachment has not. */
export async function wholeEmails(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await sql.query<{ id: string }>(
    `select activityid as id from crm.email where activityid = any($1::uuid[]) and notifications = ${NOTIFICATIONS.none}
       and attachmentcount = (select count(*) from crm.activitymimeattachment where objectid = activityid)`,
    [ids],
  );
  return new Set(rows.map((row) => row.id));
}
