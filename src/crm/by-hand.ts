import { addressKey } from "../model/address.ts";
import { PARTICIPATION } from "../model/decision.ts";
import type { RecordName, RecordRef } from "../model/record.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";
import type { Relation } from "../ports.ts";

/** Tables whose records an email can be about. */
const TABLES = ["contact", "account", "lead"];

/** Records of one address that are listed; nobody means more of them. */
const MOST_RECORDS = 10;

/** The records that a person means: one of that type and id, in whatever state; or those active ones that have the address. */
export async function recordsNamed(sql: Sql, named: RecordName): Promise<RecordRef[]> {
  const { rows } =
    "address" in named
      ? await sql.query<RecordRef>(
          `select distinct parentobjecttypecode as type, parentobjectid as id, parentobjectname as name from crm.emailsearch
           where emailaddress = $1 and active and parentobjecttypecode = any($2::text[]) order by 1, 2 limit ${MOST_RECORDS}`,
          [storableText(addressKey(named.address)), TABLES],
        )
      : await sql.query<RecordRef>("select type, id, name from crm.addressee where type = $1 and id = $2 and type = any($3::text[])", [
          named.type,
          named.id,
          TABLES,
        ]);
  return rows;
}

/** Those of these emails that are there. */
export async function standingEmails(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ id: string }>(
    // Id by id: for hundreds of them the planner would rather go through all emails.
    "select one.id from unnest($1::uuid[]) one (id) cross join lateral (select from crm.email where activityid = one.id offset 0) email",
    [ids],
  );
  return new Set(rows.map((row) => row.id));
}

/** Those of these emails that are not there because somebody deleted them; what is gone in another way leaves no such trace. */
export async function deletedEmails(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ id: string }>("select activityid as id from crm.deletedemail where activityid = any($1::uuid[])", [
    ids,
  ]);
  return new Set(rows.map((row) => row.id));
}

/**
 * Sets what an email is about, with the party of that kind; null: nothing. False where there is no such email. Must run in a transaction.
 */
export async function setRegarding(sql: Sql, id: string, regarding: RecordRef | null): Promise<boolean> {
  const { rows } = await sql.query(
    "update crm.email set regardingobjectid = $2, regardingobjecttypecode = $3, regardingobjectidname = $4 where activityid = $1 returning activityid",
    [id, regarding?.id ?? null, regarding?.type ?? null, regarding?.name ?? null],
  );
  if (rows.length === 0) return false;
  await setRegardingParties(sql, [id]);
  return true;
}

/**
 * Sets what emails are about that are about `from` still, or `to` already, with the party of that kind; returns their ids. Three statements however many.
 * Must run in a transaction.
 */
export async function relateEmails(sql: Sql, relations: readonly Relation[]): Promise<ReadonlySet<string>> {
  if (relations.length === 0) return new Set();
  const { rows } = await sql.query<{ id: string; changed: boolean }>(
    `with asked as (
       select id, from_type, from_id, to_type, to_id, to_name
       from jsonb_to_recordset($1::jsonb) one (id uuid, from_type text, from_id uuid, to_type text, to_id uuid, to_name text)),
     found as (
       select email.activityid, asked.*, (regardingobjecttypecode, regardingobjectid) is distinct from (to_type, to_id) as changed
       from asked join crm.email on email.activityid = asked.id
       where (regardingobjecttypecode, regardingobjectid) is not distinct from (from_type, from_id)
         or (regardingobjecttypecode, regardingobjectid) is not distinct from (to_type, to_id)
       order by email.activityid for update of email),
     written as (
       update crm.email set regardingobjectid = to_id, regardingobjecttypecode = to_type, regardingobjectidname = to_name
       from found where email.activityid = found.activityid and changed)
     select activityid as id, changed from found`,
    [
      storableJson(
        relations.map(({ id, from, to }) => ({
          id,
          from_type: from?.type ?? null,
          from_id: from?.id ?? null,
          to_type: to?.type ?? null,
          to_id: to?.id ?? null,
          to_name: to?.name || null,
        })),
      ),
    ],
  );
  const changed = rows.flatMap((row) => (row.changed ? [row.id] : []));
  await setRegardingParties(sql, changed);
  return new Set(rows.map((row) => row.id));
}

/** Makes the party of that kind say what the emails say. Must run in a transaction. */
export async function setRegardingParties(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql.query("delete from crm.activityparty where activityid = any($1::uuid[]) and participationtypemask = $2", [
    ids,
    PARTICIPATION.regarding,
  ]);
  await sql.query(
    `insert into crm.activityparty (activityid, ordinal, participationtypemask, partyid, partyobjecttypecode, partyidname)
     select activityid, coalesce((select max(ordinal) from crm.activityparty where activityid = email.activityid), 0) + 1, $2,
       regardingobjectid, regardingobjecttypecode, regardingobjectidname
     from crm.email where activityid = any($1::uuid[]) and regardingobjectid is not null`,
    [ids, PARTICIPATION.regarding],
  );
}

/** The newest emails that this address takes part in, at most `limit`. Goes through all parties: seldom asked for. */
export async function emailsOfAddress(sql: Sql, address: string, limit: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select activityid as id from crm.email where activityid in (select activityid from crm.activityparty where crm.address_key(addressused) = $1)
     order by coalesce(receivedon, senton, createdon) desc, activityid limit $2`,
    [storableText(addressKey(address)), limit],
  );
  return rows.map((row) => row.id);
}

/**
 * Deletes an email with its parties, attachments and queue items, and remembers that; bodies that no other email has are purged later (purgeLeftContent).
 * Emails that named it as the one they belong to stay what they are, and name none. False where there is no such email. Must run in a transaction.
 */
export async function removeEmail(sql: Sql, id: string): Promise<boolean> {
  await sql.query(
    `update crm.email set correlatedactivityid = nullif(correlatedactivityid, $1), parentactivityid = nullif(parentactivityid, $1)
     where correlatedactivityid = $1 or parentactivityid = $1`,
    [id],
  );
  const { rows } = await sql.query(
    `with gone as (delete from crm.email where activityid = $1 returning activityid)
     insert into crm.deletedemail (activityid, deletedon) select activityid, now() from gone
     on conflict (activityid) do update set deletedon = excluded.deletedon returning activityid`,
    [id],
  );
  return rows.length > 0;
}
