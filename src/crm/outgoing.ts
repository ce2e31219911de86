import { messageIds } from "../mime/message-ids.ts";
import { PARTICIPATION, type Participation } from "../model/decision.ts";
import type { OutgoingAttachment, OutgoingEmail, Recipient } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { verified } from "./content.ts";

interface EmailRow {
  readonly generation: number;
  readonly version: string;
  readonly subject: string;
  readonly trackingToken: string | null;
  readonly htmlHash: string | null;
  readonly html: Buffer | null;
  readonly textHash: string | null;
  readonly text: Buffer | null;
  readonly submitterId: string | null;
  readonly submitterMaySendAsUser: boolean;
  readonly importance: 0 | 1 | 2;
  readonly readReceiptRequested: boolean;
  readonly deliveryReceiptRequested: boolean;
  readonly attempts: number;
  readonly inReplyTo: string | null;
  readonly parentInReplyTo: string | null;
  readonly parentHeaders: readonly (readonly [string, string])[] | null;
}

interface PartyRow {
  readonly participation: Participation;
  readonly address: string | null;
  readonly displayName: string;
  readonly type: string | null;
  readonly id: string | null;
  readonly name: string;
  readonly active: boolean;
  readonly doNotEmail: boolean;
  readonly sendAsAllowed: boolean;
}

/** An outgoing email with all that composing and permission need, whatever its status; null when there is none of that id. Three statements. */
export async function readOutgoing(sql: Sql, id: string): Promise<OutgoingEmail | null> {
  const email = await readRow(sql, id);
  if (!email) return null;
  const parties = await readParties(sql, id);
  const from = parties.find((party) => party.participation === PARTICIPATION.sender);
  return {
    id,
    generation: email.generation,
    version: email.version,
    subject: email.subject,
    trackingToken: email.trackingToken,
    html: textOf(email.htmlHash, email.html),
    text: textOf(email.textHash, email.text),
    from: from ? recipient("to", from) : null,
    recipients: parties.flatMap((party) => {
      const kind = KINDS.get(party.participation);
      return kind ? [recipient(kind, party)] : [];
    }),
    submitterId: email.submitterId,
    mayActAsSender: mayActAs(from, email),
    importance: email.importance,
    readReceiptRequested: email.readReceiptRequested,
    deliveryReceiptRequested: email.deliveryReceiptRequested,
    inReplyTo: email.inReplyTo,
    references: email.inReplyTo === null ? [] : referencesOf(email.parentHeaders, email.parentInReplyTo),
    attempts: email.attempts,
    attachments: await readAttachments(sql, id),
  };
}

const KINDS: ReadonlyMap<Participation, Recipient["kind"]> = new Map([
  [PARTICIPATION.to, "to"],
  [PARTICIPATION.cc, "cc"],
  [PARTICIPATION.bcc, "bcc"],
]);

async function readRow(sql: Sql, id: string): Promise<EmailRow | undefined> {
  const { rows } = await sql.query<EmailRow>(
    `select email.sendgeneration as generation, email.versionnumber::text as version, email.subject, email.trackingtoken as "trackingToken",
       email.descriptionhash as "htmlHash", html.body as html, email.plaintexthash as "textHash", plain.body as text,
       email.submitterid as "submitterId",
       exists (select from crm.systemuserprivilege where systemuserid = email.submitterid and privilege = 'prvSendAsUser') as "submitterMaySendAsUser",
       email.prioritycode as importance, email.readreceiptrequested as "readReceiptRequested", email.deliveryreceiptrequested as "deliveryReceiptRequested",
       email.deliveryattempts as attempts, parent.messageid as "inReplyTo", parent.inreplyto as "parentInReplyTo", parent.internetmessageheaders as "parentHeaders"
     from crm.email
       left join crm.content html on html.hash = email.descriptionhash
       left join crm.content plain on plain.hash = email.plaintexthash
       left join crm.email parent on parent.activityid = email.parentactivityid
     where email.activityid = $1 and email.directioncode`,
    [id],
  );
  return rows[0];
}

async function readParties(sql: Sql, id: string): Promise<PartyRow[]> {
  const { rows } = await sql.query<PartyRow>(
    `select party.participationtypemask as participation, party.address, coalesce(nullif(party.addressusedname, ''), party.name, '') as "displayName",
       party.partyobjecttypecode as type, party.partyid as id, coalesce(party.name, party.partyidname, '') as name,
       coalesce(party.active, party.partyid is null) as active, coalesce(party.donotemail, false) as "doNotEmail",
       coalesce(settings.issendasallowed, false) as "sendAsAllowed"
     from crm.addressedparty party left join crm.usersettings settings on settings.systemuserid = party.partyid
     where party.activityid = $1 order by party.ordinal`,
    [id],
  );
  return rows;
}

async function readAttachments(sql: Sql, id: string): Promise<OutgoingAttachment[]> {
  const { rows } = await sql.query<OutgoingAttachment>(
    `select filename, mimetype, attachmentcontentid as "contentId", filesize as size, hash from crm.activitymimeattachment where objectid = $1 order by attachmentnumber`,
    [id],
  );
  return rows;
}

/** A party whose record was deleted counts as inactive; one that never was a record, as active. */
function recipient(kind: Recipient["kind"], party: PartyRow): Recipient {
  return {
    kind,
    address: { name: party.displayName, address: party.address ?? "" },
    record: party.type !== null && party.id !== null ? { type: party.type, id: party.id, name: party.name } : null,
    doNotEmail: party.doNotEmail,
    active: party.active,
  };
}

/**
 * "Send as another user" (product-behaviour 4.2). Only users and queues send. An email that nobody pressed Send for was made by a program in
 * the sender's own name.
 */
function mayActAs(from: PartyRow | undefined, email: EmailRow): boolean {
  if (from?.type === "queue") return true;
  if (from?.type !== "systemuser") return false;
  return email.submitterId === null || email.submitterId === from.id || (email.submitterMaySendAsUser && from.sendAsAllowed);
}

/** The references of the email that is answered: its References, else its In-Reply-To (RFC 5322 3.6.4). */
function referencesOf(headers: EmailRow["parentHeaders"], inReplyTo: string | null): readonly string[] {
  const references = headers?.find(([name]) => name.toLowerCase() === "references")?.[1];
  return messageIds(references ?? inReplyTo ?? "").ids;
}

function textOf(hash: string | null, body: Buffer | null): string | null {
  return hash === null || body === null ? null : verified(hash, body).toString("utf8");
}
