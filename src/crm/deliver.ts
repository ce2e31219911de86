import { addressKey } from "../model/address.ts";
import { PARTICIPATION, type Participation, type Party } from "../model/decision.ts";
import { type Delivered, type IncomingEmail, STATUS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { conversationBase } from "../tracking/conversation.ts";
import type { Mail } from "../tracking/smart-matching.ts";
import { insertContent, missingContent } from "./content.ts";
import { insertDeliveryReports } from "./delivery-reports.ts";
import { insertHashes } from "./email-hashes.ts";
import { contentOf, insertAttachments, insertParties, storableInstant, type TextHashes } from "./email-rows.ts";
import { readSettings } from "./settings.ts";

/**
 * Makes emails of messages, with parties, bodies, attachments and queue items. An email whose id exists already is left as it is. One
 * answer per email given, in their order; the same id twice is created once.
 *
 * Seven statements for ordinary pages, one more with smart matching and one where delivery reports are among them (more only by volume, see content.ts), asked for in three goes. Rows go in by hash and then by id in every
 * transaction, so that two deliveries of the same emails wait for each other instead of deadlocking; the second then finds them.
 */
export async function deliverEmails(sql: Sql, emails: readonly IncomingEmail[]): Promise<Delivered[]> {
  const created = await create(sql, byId(emails));
  return emails.map(({ id }) => ({ id, result: created.delete(id) ? "created" : "existed" }));
}

/** Each once, in the order of their ids. */
function byId(emails: readonly IncomingEmail[]): IncomingEmail[] {
  const once = new Map(emails.toReversed().map((email) => [email.id, email]));
  return [...once.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function create(sql: Sql, emails: readonly IncomingEmail[]): Promise<Set<string>> {
  if (emails.length === 0) return new Set();
  const { bodies, hashes } = contentOf(emails);
  const [missing, { settings }] = await Promise.all([missingContent(sql, bodies), readSettings(sql)]);
  const [, ids] = await Promise.all([insertContent(sql, missing), insertEmails(sql, emails, hashes)]);
  const created = emails.filter(({ id }) => ids.has(id));
  await Promise.all([
    insertParties(
      sql,
      created.map((email) => ({ emailId: email.id, parties: partiesOf(email) })),
    ),
    insertAttachments(
      sql,
      created.map((email) => ({ emailId: email.id, attachments: email.attachments })),
    ),
    insertQueueItems(sql, created),
    insertHashes(sql, created.map(mailOf), settings),
    insertDeliveryReports(sql, created),
  ]);
  return ids;
}

async function insertEmails(sql: Sql, emails: readonly IncomingEmail[], hashes: readonly TextHashes[]): Promise<Set<string>> {
  const { rows } = await sql.query<{ id: string }>(
    // What was deleted and is made again is not deleted any more.
    `with again as (delete from crm.deletedemail where activityid = any($2::uuid[]))
     insert into crm.email (activityid, subject, descriptionhash, plaintexthash, replytexthash, directioncode, statuscode, sender, torecipients, submittedby, messageid, inreplyto,
       conversationindex, baseconversationindex, trackingtoken, correlationmethod, correlatedactivityid, parentactivityid, regardingobjectid,
       regardingobjecttypecode, regardingobjectidname, acceptingentityid, acceptingentitytypecode, isduplicatesenderunresolved, internetmessageheaders,
       notifications, prioritycode, attachmentcount, ownerid, owneridtype, senton, receivedon, actualend)
     select activityid, subject, descriptionhash, plaintexthash, replytexthash, directioncode, statuscode, sender, torecipients, submittedby, messageid, inreplyto,
       conversationindex, baseconversationindex, trackingtoken, correlationmethod, correlatedactivityid, parentactivityid, regardingobjectid,
       regardingobjecttypecode, regardingobjectidname, acceptingentityid, acceptingentitytypecode, isduplicatesenderunresolved, internetmessageheaders,
       notifications, prioritycode, attachmentcount, ownerid, owneridtype, senton, receivedon, actualend
     from jsonb_to_recordset($1::jsonb) one (activityid uuid, subject text, descriptionhash text, plaintexthash text, replytexthash text, directioncode boolean, statuscode smallint, sender text, torecipients text,
       submittedby text, messageid text, inreplyto text, conversationindex text, baseconversationindex text, trackingtoken text,
       correlationmethod smallint, correlatedactivityid uuid, parentactivityid uuid, regardingobjectid uuid, regardingobjecttypecode text,
       regardingobjectidname text, acceptingentityid uuid, acceptingentitytypecode text, isduplicatesenderunresolved boolean,
       internetmessageheaders jsonb, notifications smallint, prioritycode smallint, attachmentcount int, ownerid uuid, owneridtype text,
       senton timestamptz, receivedon timestamptz, actualend timestamptz)
     order by activityid
     on conflict (activityid) do nothing returning activityid as id`,
    [storableJson(emails.map((email, index) => emailRow(email, hashes[index]))), emails.map(({ id }) => id)],
  );
  return new Set(rows.map((row) => row.id));
}

function emailRow(email: IncomingEmail, hashes: TextHashes | undefined): Record<string, unknown> {
  const { placement } = email;
  return {
    activityid: email.id,
    subject: email.subject,
    descriptionhash: hashes?.html ?? null,
    plaintexthash: hashes?.text ?? null,
    replytexthash: hashes?.reply ?? null,
    sender: addressesAs(PARTICIPATION.sender, placement.parties)[0] ?? null,
    torecipients: addressesAs(PARTICIPATION.to, placement.parties).join(";"),
    submittedby: email.submittedBy,
    messageid: email.messageId,
    inreplyto: email.inReplyTo,
    conversationindex: email.conversationIndex,
    baseconversationindex: conversationBase(email.conversationIndex),
    trackingtoken: placement.trackingToken,
    correlationmethod: placement.correlationMethod,
    correlatedactivityid: placement.correlatedEmailId,
    parentactivityid: placement.parentEmailId,
    regardingobjectid: placement.regarding?.id ?? null,
    regardingobjecttypecode: placement.regarding?.type ?? null,
    regardingobjectidname: placement.regarding?.name ?? null,
    acceptingentityid: placement.accepting?.id ?? null,
    acceptingentitytypecode: placement.accepting?.type ?? null,
    isduplicatesenderunresolved: placement.duplicateSenderUnresolved,
    internetmessageheaders: email.headers,
    notifications: email.notifications,
    prioritycode: email.importance,
    attachmentcount: email.attachments.length,
    ownerid: placement.ownerId,
    owneridtype: placement.ownerId === null ? null : placement.ownerType,
    ...stateOf(email),
  };
}

/** What was sent from a mailbox stands in the CRM like what the CRM sent (product-behaviour 4.1). */
function stateOf({ placement, sent, received }: IncomingEmail): Record<string, unknown> {
  const at = storableInstant(received);
  if (placement.direction !== "outgoing")
    return { directioncode: false, statuscode: STATUS.received, senton: storableInstant(sent), receivedon: at, actualend: at };
  // The clock of a mail program may go wrong; a copy may be filed long after the message left.
  const left = storableInstant(sent !== null && sent < received ? sent : received);
  return { directioncode: true, statuscode: STATUS.sent, senton: left, receivedon: null, actualend: left };
}

/** What smart matching compares of an email. */
function mailOf({ id, subject, placement: { parties, trackingToken } }: IncomingEmail): Mail & { readonly id: string } {
  const participants = parties.map((party) => addressKey(party.address.address)).filter((key) => key !== "");
  return { id, subject, trackingToken, senderAddress: addressesAs(PARTICIPATION.sender, parties)[0] ?? null, participants };
}

/** Addresses of the parties of one kind; a party that is several records stands there once. */
function addressesAs(participation: Participation, parties: readonly Party[]): string[] {
  return [...new Set(parties.filter((party) => party.participation === participation).map((party) => party.address.address))];
}

/** The parties as placed, and regarding and owner, which Dynamics lists as parties too, where the placement does not. */
function partiesOf({ placement }: IncomingEmail): Party[] {
  const implied: Party[] = [];
  const imply = (participation: Participation, record: Party["record"]) => {
    if (placement.parties.some((party) => party.participation === participation)) return;
    implied.push({ participation, address: { name: "", address: "" }, record, column: null });
  };
  if (placement.regarding) imply(PARTICIPATION.regarding, placement.regarding);
  if (placement.ownerId) imply(PARTICIPATION.owner, { type: placement.ownerType, id: placement.ownerId, name: "" });
  return [...placement.parties, ...implied];
}

/** One item in each queue; a queue that was deleted in the meantime gets none. */
async function insertQueueItems(sql: Sql, emails: readonly IncomingEmail[]): Promise<void> {
  const rows = emails.flatMap(({ id, subject, placement }) =>
    placement.queueIds.map((queueid) => ({ queueid, objectid: id, title: subject })),
  );
  if (rows.length === 0) return;
  await sql.query(
    `insert into crm.queueitem (queueitemid, queueid, objectid, title)
     select gen_random_uuid(), queueid, objectid, title from jsonb_to_recordset($1::jsonb) one (queueid uuid, objectid uuid, title text) join crm.queue using (queueid)
     on conflict (queueid, objectid) do nothing`,
    [storableJson(rows)],
  );
}
