import { contentHash } from "../model/content-hash.ts";
import { NOTIFICATIONS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";

/**
 * Those of these emails that are there with all that their message held, with the hash of their content. An email from which somebody took an
 * attachment is not whole. One look-up; bodies stay where they are, for the content store knows them by their hashes.
 */
export async function wholeEmails(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql.query<{ id: string; html: string | null; text: string | null; attachments: string[] }>(
    `select activityid as id, descriptionhash as html, plaintexthash as text, coalesce(hashes, '{}') as attachments
     from crm.email left join lateral (
       select array_agg(hash) as hashes, count(*) as files from crm.activitymimeattachment where objectid = activityid) attached on true
     where activityid = any($1::uuid[]) and notifications = ${NOTIFICATIONS.none} and attachmentcount = files`,
    [ids],
  );
  return new Map(rows.map(({ id, ...parts }) => [id, contentHash(parts)]));
}
