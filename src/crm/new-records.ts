import { randomUUID } from "node:crypto";
import { addressKey } from "../model/address.ts";
import { type MadeRecord, type NewRecord, SENDER_ORDER } from "../model/record.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** To the end of the transaction nobody else gives an address to a record: of two who would make one of it, the second finds what the first made. */
export async function holdAddresses(sql: Sql): Promise<void> {
  await sql.query("select pg_advisory_xact_lock(hashtext('waypost records of unresolved senders'))");
}

/**
 * Makes contacts and leads of addresses that no record has, one of each address however many ask at once, and returns by key form of the address whose it
 * is now: the new record, or that of somebody who was faster. An address that only inactive records have stands for nobody and has no entry. Two
 * statements however many. Must run in a transaction, before what it makes or changes of records: they wait for each other here.
 */
export async function makeRecords(sql: Sql, wanted: readonly NewRecord[]): Promise<Map<string, MadeRecord>> {
  if (wanted.length === 0) return new Map();
  const rows = [...new Map(wanted.map((one) => [addressKey(one.address), one])).entries()].map(([key, one]) => ({
    ...one,
    key,
    id: randomUUID(),
  }));
  await holdAddresses(sql);
  const { rows: found } = await sql.query<{ key: string; type: string; id: string; name: string; column: number; made: boolean }>(
    `with wanted as (
       select * from jsonb_to_recordset($1::jsonb) one (key text, id uuid, type text, address text, firstname text, lastname text, topic text, "ownerId" uuid)
     ), known as (
       select distinct on (emailaddress) emailaddress as key, parentobjecttypecode as type, parentobjectid as id, parentobjectname as name, emailcolumnnumber as number, active
       from crm.emailsearch where emailaddress = any(array(select key from wanted))
       order by emailaddress, active desc, coalesce(array_position($2::text[], parentobjecttypecode), $3), parentobjecttypecode, emailcolumnnumber, parentobjectid
     ), missing as (
       select * from wanted where not exists (select from known where known.key = wanted.key)
     ), contacts as (
       insert into crm.contact (contactid, firstname, lastname, emailaddress1, ownerid)
       select id, nullif(firstname, ''), lastname, address, "ownerId" from missing where type = 'contact' returning contactid as id, fullname as name
     ), leads as (
       insert into crm.lead (leadid, firstname, lastname, subject, emailaddress1, ownerid)
       select id, nullif(firstname, ''), lastname, topic, address, "ownerId" from missing where type = 'lead' returning leadid as id, fullname as name
     )
     select key, type, id, name, number as column, false as made from known where active
     union all
     select key, type, id, new.name, 1, true from missing join (select * from contacts union all select * from leads) new using (id)`,
    [storableJson(rows), SENDER_ORDER, SENDER_ORDER.length + 1],
  );
  return new Map(found.map(({ key, type, id, name, column, made }) => [key, { record: { type, id, name }, column, made }]));
}
