import type { Participation } from "../model/decision.ts";
import type { Status } from "../model/email.ts";
import { Failure } from "../model/failure.ts";
import type { RecordRef } from "../model/record.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import { verified } from "./content.ts";

/** Most emails of one page, whatever is asked for. */
export const MAXIMUM_PAGE = 200;

/** Parties shown per email of a list; the whole email has them all. */
const PARTIES_LISTED = 20;

/** Which emails a list shows; all conditions hold together. */
export interface EmailListQuery {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  readonly outgoing?: boolean | undefined;
  readonly statuses?: readonly Status[] | undefined;
  /** Emails regarding this record, or with it among the parties. */
  readonly recordId?: string | undefined;
  /** Emails with an item in this queue. */
  readonly queueId?: string | undefined;
  /** Part of the subject, in any case. */
  readonly subject?: string | undefined;
}

export interface ListedParty {
  readonly participation: Participation;
  readonly name: string;
  readonly address: string;
  readonly record: RecordRef | null;
}

export interface ListedEmail {
  readonly id: string;
  readonly subject: string;
  readonly outgoing: boolean;
  readonly status: Status;
  /** When it was received or sent, else when it was made. */
  readonly at: Date;
  readonly regarding: RecordRef | null;
  readonly trackingToken: string | null;
  readonly correlationMethod: number;
  readonly notifications: number;
  readonly attachmentCount: number;
  readonly lastSendResponse: string | null;
  /** The first of them. */
  readonly parties: readonly ListedParty[];
}

export interface EmailPage {
  /** Newest first. */
  readonly emails: readonly ListedEmail[];
  /** Hand it in as `after`; null on the last page. */
  readonly next: string | null;
}

export interface WholeEmail extends ListedEmail {
  readonly html: string | null;
  readonly text: string | null;
  /** What is new in its text, without what it quotes and the signature; null where that is all of it, or nobody looked. */
  readonly reply: string | null;
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  readonly parentEmailId: string | null;
  readonly correlatedEmailId: string | null;
  readonly owner: RecordRef | null;
  readonly accepting: RecordRef | null;
  readonly submittedBy: string | null;
  readonly senton: Date | null;
  readonly receivedon: Date | null;
  readonly createdon: Date;
  readonly delayedSendTime: Date | null;
  readonly postponedUntil: Date | null;
  readonly attempts: number;
  readonly generation: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly attachments: readonly {
    readonly filename: string;
    readonly mimetype: string;
    readonly contentId: string | null;
    readonly inline: boolean;
    readonly size: number;
    readonly hash: string;
  }[];
  readonly queues: readonly RecordRef[];
}

/** JSON objects of records and parties, null where there is none. */
const REGARDING = `case when email.regardingobjectid is not null then json_build_object('type', email.regardingobjecttypecode, 'id', email.regardingobjectid, 'name', coalesce(email.regardingobjectidname, '')) end`;
const LISTED = `email.activityid as id, email.subject, email.directioncode as outgoing, email.statuscode as status,
  coalesce(email.receivedon, email.senton, email.createdon) as at, ${REGARDING} as regarding, email.trackingtoken as "trackingToken",
  email.correlationmethod as "correlationMethod", email.notifications, email.attachmentcount as "attachmentCount", email.lastsendresponse as "lastSendResponse"`;
const partiesOf = (
  limit: string,
) => `array(select json_build_object('participation', party.participationtypemask, 'name', coalesce(party.addressusedname, party.partyidname, ''),
    'address', coalesce(party.addressused, ''), 'record', case when party.partyid is not null then
      json_build_object('type', party.partyobjecttypecode, 'id', party.partyid, 'name', coalesce(party.partyidname, '')) end)
  from crm.activityparty party where party.activityid = email.activityid order by party.ordinal ${limit}) as parties`;

/** Emails for a list, newest first, a page at a time. Throws Failure when `after` is no position. */
export async function listEmails(sql: Sql, query: EmailListQuery): Promise<EmailPage> {
  const limit = Math.max(1, Math.min(Math.trunc(query.limit), MAXIMUM_PAGE));
  const after = query.after === undefined ? null : positionOf(query.after);
  const { rows } = await sql.query<ListedEmail & { readonly microseconds: string }>(
    `select ${LISTED}, ${partiesOf(`limit ${PARTIES_LISTED}`)}, (extract(epoch from coalesce(email.receivedon, email.senton, email.createdon)) * 1000000)::bigint::text as microseconds
     from crm.email
     where ($1::bigint is null or (coalesce(email.receivedon, email.senton, email.createdon), email.activityid)
         < (timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2::uuid))
       and ($3::boolean is null or email.directioncode = $3)
       and ($4::smallint[] is null or email.statuscode = any($4))
       and ($5::uuid is null or email.activityid in (
         select activityid from crm.email where regardingobjectid = $5 union select activityid from crm.activityparty where partyid = $5))
       and ($6::uuid is null or email.activityid in (select objectid from crm.queueitem where queueid = $6))
       and ($7::text is null or position(lower($7) in lower(email.subject)) > 0)
     order by coalesce(email.receivedon, email.senton, email.createdon) desc, email.activityid desc
     limit $8`,
    [
      after?.microseconds ?? null,
      after?.id ?? null,
      query.outgoing ?? null,
      query.statuses ?? null,
      query.recordId ?? null,
      query.queueId ?? null,
      query.subject === undefined ? null : storableText(query.subject),
      limit + 1,
    ],
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    emails: rows.slice(0, limit).map(({ microseconds: _, ...email }) => email),
    next: last ? `${last.microseconds}.${last.id}` : null,
  };
}

/** One email with everything on it, or null. */
export async function readEmail(sql: Sql, id: string): Promise<WholeEmail | null> {
  const { rows } = await sql.query<
    Omit<WholeEmail, "html" | "text" | "reply"> & {
      htmlHash: string | null;
      html: Buffer | null;
      textHash: string | null;
      text: Buffer | null;
      replyHash: string | null;
      reply: Buffer | null;
    }
  >(
    `select ${LISTED}, ${partiesOf("")}, email.descriptionhash as "htmlHash", html.body as html, email.plaintexthash as "textHash", plain.body as text,
       email.replytexthash as "replyHash", reply.body as reply,
       email.messageid as "messageId", email.inreplyto as "inReplyTo", email.parentactivityid as "parentEmailId", email.correlatedactivityid as "correlatedEmailId",
       case when email.ownerid is not null then json_build_object('type', email.owneridtype, 'id', email.ownerid, 'name', coalesce(owner.name, '')) end as owner,
       case when email.acceptingentityid is not null then
         json_build_object('type', email.acceptingentitytypecode, 'id', email.acceptingentityid, 'name', coalesce(accepting.name, '')) end as accepting,
       email.submittedby as "submittedBy", email.senton, email.receivedon, email.createdon, email.delayedemailsendtime as "delayedSendTime",
       email.postponeemailprocessinguntil as "postponedUntil", email.deliveryattempts as attempts, email.sendgeneration as generation,
       coalesce(email.internetmessageheaders, '[]') as headers,
       array(select json_build_object('filename', filename, 'mimetype', mimetype, 'contentId', attachmentcontentid, 'inline', isinline, 'size', filesize, 'hash', hash)
         from crm.activitymimeattachment where objectid = email.activityid order by attachmentnumber) as attachments,
       array(select json_build_object('type', 'queue', 'id', queue.queueid, 'name', queue.name)
         from crm.queueitem join crm.queue using (queueid) where queueitem.objectid = email.activityid order by queue.name) as queues
     from crm.email
       left join crm.content html on html.hash = email.descriptionhash
       left join crm.content plain on plain.hash = email.plaintexthash
       left join crm.content reply on reply.hash = email.replytexthash
       left join crm.addressee owner on owner.id = email.ownerid and owner.type = email.owneridtype
       left join crm.addressee accepting on accepting.id = email.acceptingentityid and accepting.type = email.acceptingentitytypecode
     where email.activityid = $1`,
    [id],
  );
  const row = rows[0];
  if (!row) return null;
  const { htmlHash, html, textHash, text, replyHash, reply, ...email } = row;
  return { ...email, html: bodyText(htmlHash, html), text: bodyText(textHash, text), reply: bodyText(replyHash, reply) };
}

/** A record with its addresses, or null when the CRM has none of that id. */
export async function readRecord(
  sql: Sql,
  id: string,
): Promise<(RecordRef & { readonly addresses: readonly string[]; readonly active: boolean }) | null> {
  const { rows } = await sql.query<RecordRef & { addresses: string[]; active: boolean }>(
    `select type, id, name, active, array(select address from unnest(addresses) with ordinality found (address, number) where address <> '' order by number) as addresses
     from crm.addressee where id = $1`,
    [id],
  );
  return rows[0] ?? null;
}

function bodyText(hash: string | null, body: Buffer | null): string | null {
  return hash === null || body === null ? null : verified(hash, body).toString("utf8");
}

function positionOf(after: string): { readonly microseconds: string; readonly id: string } {
  const [, microseconds, id] = /^(-?\d{1,18})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(after) ?? [];
  if (microseconds !== undefined && id !== undefined) return { microseconds, id };
  throw new Failure({
    scope: "item",
    code: "no such page",
    message: "This is no position in the list of emails.",
    remedy: "Open the list from its beginning.",
    waitingHelps: false,
  });
}
