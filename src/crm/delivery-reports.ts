import type { Returned } from "../model/delivery-report.ts";
import type { IncomingEmail } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { storableInstant } from "./email-rows.ts";

/** Rows told of one email: a message to a thousand people may bring a thousand reports, and nobody reads more than these. */
const RETURNED_LISTED = 200;

/** Stores what delivery reports among the emails say of the outgoing emails that they are about; those that are gone are passed over. One statement, or none. */
export async function insertDeliveryReports(sql: Sql, emails: readonly IncomingEmail[]): Promise<void> {
  const rows = emails.flatMap(({ id, received, about }) =>
    (about?.recipients ?? []).map(({ address, kind, status, diagnosis }, ordinal) => ({
      reportid: id,
      ordinal,
      emailid: about?.emailId,
      messageid: about?.messageId ?? null,
      recipient: address,
      kind,
      status,
      diagnosis,
      reportedon: storableInstant(received),
    })),
  );
  if (rows.length === 0) return;
  await sql.query(
    `insert into crm.deliveryreport (reportid, ordinal, emailid, messageid, recipient, kind, status, diagnosis, reportedon)
     select reportid, ordinal, emailid, one.messageid, recipient, kind, status, diagnosis, reportedon
     from jsonb_to_recordset($1::jsonb) one (reportid uuid, ordinal int, emailid uuid, messageid text, recipient text, kind text, status text, diagnosis text,
       reportedon timestamptz)
       -- An email that somebody deletes at this moment is not waited for in vain.
       join (select activityid from crm.email where activityid = any($2::uuid[]) order by activityid for key share) sent on sent.activityid = emailid
     on conflict (reportid, ordinal) do nothing`,
    [storableJson(rows), [...new Set(rows.flatMap(({ emailid }) => emailid ?? []))]],
  );
}

/** What came back of these emails, the newest first. */
export async function readReturned(sql: Sql, ids: readonly string[]): Promise<Returned[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql.query<Returned>(
    `select found.* from unnest($1::uuid[]) asked (id) cross join lateral (
       select emailid as "emailId", reportid as "reportId", messageid as "messageId", recipient, kind, status, diagnosis, reportedon as at
       from crm.deliveryreport where emailid = asked.id order by reportedon desc, reportid, ordinal limit $2
     ) found`,
    [ids, RETURNED_LISTED],
  );
  return rows;
}
