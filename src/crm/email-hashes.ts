import { STATUS } from "../model/email.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { emailHashes, type Mail, SMART_MATCHING_WINDOW } from "../tracking/smart-matching.ts";
import { readEmails } from "./earlier-emails.ts";

/** Emails hashed at a time when all are. */
const PAGE = 500;

/** Emails that get new hashes when the settings change, the newest: the start waits for it. */
const MAXIMUM_HASHED_ANEW = 100_000;

/** Writes the hashes of emails that stand in the CRM, in one statement; none where smart matching is switched off. Hashes that are there stay. */
export async function insertHashes(
  sql: Sql,
  emails: readonly (Mail & { readonly id: string })[],
  settings: OrganizationSettings,
): Promise<void> {
  const rows = emails.flatMap((email) => emailHashes(email, settings).map((hash) => ({ id: email.id, hash })));
  if (rows.length === 0) return;
  await sql.query(
    `insert into crm.emailhash (activityid, hash, at)
     select activityid, one.hash, coalesce(receivedon, senton, modifiedon)
     from unnest($1::uuid[], $2::bigint[]) one (id, hash) join crm.email on activityid = one.id on conflict do nothing`,
    [rows.map((row) => row.id), rows.map((row) => row.hash)],
  );
}

/** Writes the hashes of emails as they stand in the CRM. Two statements. */
export async function hashStored(sql: Sql, ids: readonly string[], settings: OrganizationSettings): Promise<void> {
  await insertHashes(sql, [...(await readEmails(sql, ids)).values()], settings);
}

/**
 * Gives the emails that smart matching can still find the hashes that belong to these settings, instead of those that they had. Newest first,
 * at most MAXIMUM_HASHED_ANEW. Must run in a transaction.
 */
export async function hashAnew(sql: Sql, settings: OrganizationSettings): Promise<void> {
  await sql.query("delete from crm.emailhash");
  for await (const ids of findableEmails(sql, null)) await hashStored(sql, ids, settings);
}

/** Where a page of emails ends. `at` is in microseconds, which a Date cannot hold. */
interface Findable {
  readonly id: string;
  readonly at: string;
}

/**
 * Ids of the emails that smart matching can find, newest first, a page at a time: at most MAXIMUM_HASHED_ANEW.
 * @param since how far back; null: to where the window of this moment ends
 */
export async function* findableEmails(sql: Sql, since: Date | null): AsyncIterable<readonly string[]> {
  let last: Findable | null = null;
  for (let told = 0; told < MAXIMUM_HASHED_ANEW; told += PAGE) {
    const page: readonly Findable[] = await pageAfter(sql, since, last);
    yield page.map(({ id }) => id);
    if (page.length < PAGE) return;
    last = page.at(-1) ?? null;
  }
}

/** Received emails and those that left or may have left. */
async function pageAfter(sql: Sql, since: Date | null, last: Findable | null): Promise<readonly Findable[]> {
  const { rows } = await sql.query<Findable>(
    `select activityid as id, (extract(epoch from coalesce(receivedon, senton, createdon)) * 1000000)::bigint::text as at
     from crm.email
     where coalesce(receivedon, senton, createdon) >= coalesce($4::timestamptz, now() - $1::bigint * interval '1 millisecond')
       and ($2::bigint is null or (coalesce(receivedon, senton, createdon), activityid) < (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::uuid))
       and statuscode not in (${STATUS.draft}, ${STATUS.canceled}, ${STATUS.pendingSend})
     order by coalesce(receivedon, senton, createdon) desc, activityid desc limit ${PAGE}`,
    [SMART_MATCHING_WINDOW, last?.at ?? null, last?.id ?? null, since],
  );
  return rows;
}
