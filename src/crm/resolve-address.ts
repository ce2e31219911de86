import { addressKey } from "../model/address.ts";
import { PARTICIPATION } from "../model/decision.ts";
import type { RecordRef } from "../model/record.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import type { AddedAddress, ResolvedParties, Resolving } from "../ports.ts";
import { holdAddresses } from "./new-records.ts";

/** Tables with three e-mail columns, to which an address can be added. */
const TABLES: ReadonlySet<string> = new Set(["contact", "account", "lead"]);

/**
 * Makes an address stand for a record: in its first free e-mail column, or, where none is free or none is to be written, beside the columns. What stands
 * for it already stays as it is. Null where there is no such record. Must run in a transaction.
 */
export async function addAddress(
  sql: Sql,
  { type, id }: RecordRef,
  address: string,
  where: "column" | "beside",
): Promise<AddedAddress | null> {
  if (!TABLES.has(type)) return null;
  await holdAddresses(sql);
  const { rows } = await sql.query<{ columns: (string | null)[] }>(
    `select array[emailaddress1, emailaddress2, emailaddress3] as columns from crm.${type} where ${type}id = $1 for update`,
    [id],
  );
  const [record] = rows;
  if (record === undefined) return null;
  const { rows: before } = await sql.query<{ column: number }>(
    `select emailcolumnnumber as column from crm.emailsearch where parentobjectid = $1 and emailaddress = $2 order by 1 limit 1`,
    [id, storableText(addressKey(address))],
  );
  const [stands] = before;
  if (stands !== undefined) return { column: stands.column, place: "there already" };
  const free = where === "beside" ? -1 : record.columns.findIndex((one) => (one ?? "").trim() === "");
  const change = free < 0 ? "aliases = aliases || $2::text" : `emailaddress${free + 1} = $2`;
  await sql.query(`update crm.${type} set ${change}, modifiedon = now() where ${type}id = $1`, [id, storableText(address.trim())]);
  const { rows: after } = await sql.query<{ column: number }>(
    `select emailcolumnnumber as column from crm.emailsearch where parentobjectid = $1 and emailaddress = $2 limit 1`,
    [id, storableText(addressKey(address))],
  );
  return { column: after[0]?.column ?? free + 1, place: free < 0 ? "beside the columns" : "column" };
}

/**
 * Resolves parties that are unresolved and have that address to the record, at most `limit` of them; nothing else of their emails changes but the mark that
 * the sender is unresolved. One statement, by index. Must run in a transaction.
 */
export async function resolveParties(sql: Sql, { address, record, column, emailId, limit }: Resolving): Promise<ResolvedParties> {
  const { rows } = await sql.query<ResolvedParties>(
    `with chosen as (
       select activityid, ordinal from crm.activityparty
       where partyid is null and length(addressused) <= 200 and crm.address_key(addressused) = $1
         and participationtypemask in (${PARTICIPATION.sender}, ${PARTICIPATION.to}, ${PARTICIPATION.cc}, ${PARTICIPATION.bcc})
         and ($6::uuid is null or activityid = $6)
       -- Unordered, so that only the index is asked; who comes at once takes others, and nobody waits crosswise.
       limit $7 for update skip locked
     ), changed as (
       update crm.activityparty party set partyid = $2, partyobjecttypecode = $3, partyidname = nullif($4, ''), addressusedemailcolumnnumber = $5
       from chosen where party.activityid = chosen.activityid and party.ordinal = chosen.ordinal
       returning party.activityid, participationtypemask
     ), marks as (
       update crm.email set isduplicatesenderunresolved = false
       where isduplicatesenderunresolved and activityid in (select activityid from changed where participationtypemask = ${PARTICIPATION.sender})
     )
     select count(*)::int as parties, count(distinct activityid)::int as emails from changed`,
    [storableText(addressKey(address)), record.id, record.type, storableText(record.name), column, emailId, limit],
  );
  return rows[0] ?? { parties: 0, emails: 0 };
}
