import type { Party } from "../model/decision.ts";
import type { Attachment } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { contentHash } from "./content.ts";

/** A party of an email by its place in the email's list. */
export interface PartyRow {
  readonly emailId: string;
  readonly parties: readonly Party[];
}

/** An email's attachments. Their bodies must be in the content store before. */
export interface AttachmentRow {
  readonly emailId: string;
  readonly attachments: readonly Attachment[];
}

/** Writes the parties of new emails in one statement. A user whose name is not given gets it from the user row. */
export async function insertParties(sql: Sql, emails: readonly PartyRow[]): Promise<void> {
  const rows = emails.flatMap(({ emailId, parties }) =>
    parties.map((party, index) => ({
      activityid: emailId,
      ordinal: index + 1,
      participationtypemask: party.participation,
      partyid: party.record?.id ?? null,
      partyobjecttypecode: party.record?.type ?? null,
      partyidname: party.record?.name || null,
      addressused: party.address.address || null,
      addressusedname: party.address.name || null,
      addressusedemailcolumnnumber: party.column,
    })),
  );
  if (rows.length === 0) return;
  await sql.query(
    `insert into crm.activityparty (activityid, ordinal, participationtypemask, partyid, partyobjecttypecode, partyidname, addressused, addressusedname, addressusedemailcolumnnumber)
     select activityid, ordinal, participationtypemask, partyid, partyobjecttypecode, coalesce(partyidname, fullname), addressused, addressusedname, addressusedemailcolumnnumber
     from jsonb_to_recordset($1::jsonb) one (activityid uuid, ordinal int, participationtypemask smallint, partyid uuid, partyobjecttypecode text,
         partyidname text, addressused text, addressusedname text, addressusedemailcolumnnumber smallint)
       left join crm.systemuser on systemuserid = partyid and partyobjecttypecode = 'systemuser'`,
    [storableJson(rows)],
  );
}

/** Writes the attachment rows of new emails in one statement. */
export async function insertAttachments(sql: Sql, emails: readonly AttachmentRow[]): Promise<void> {
  const rows = emails.flatMap(({ emailId, attachments }) =>
    attachments.map((attachment, index) => ({
      objectid: emailId,
      attachmentnumber: index + 1,
      filename: attachment.filename,
      mimetype: attachment.mimetype,
      attachmentcontentid: attachment.contentId,
      isinline: attachment.inline,
      filesize: attachment.body.length,
      hash: attachmentHash(attachment),
    })),
  );
  if (rows.length === 0) return;
  await sql.query(
    `insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, attachmentnumber, filename, mimetype, attachmentcontentid, isinline, filesize, hash)
     select gen_random_uuid(), one.* from jsonb_to_recordset($1::jsonb) one (objectid uuid, attachmentnumber int, filename text, mimetype text,
       attachmentcontentid text, isinline boolean, filesize bigint, hash text)`,
    [storableJson(rows)],
  );
}

/** The hashes of an email's two text bodies, and of what is new in them, in the content store; null where there is none. */
export interface TextHashes {
  readonly html: string | null;
  readonly text: string | null;
  readonly reply: string | null;
}

/** Bodies and attachments of emails by their hashes, for the content store, and the hashes of the text bodies, in the order of the emails. */
export function contentOf(
  emails: readonly {
    readonly html: string | null;
    readonly text: string | null;
    readonly reply?: string | null;
    readonly attachments: readonly Attachment[];
  }[],
): { readonly bodies: Map<string, Buffer>; readonly hashes: readonly TextHashes[] } {
  const bodies = new Map<string, Buffer>();
  const put = (body: string | null): string | null => {
    if (body === null) return null;
    // UTF-8, where NUL is as good as any other character.
    const bytes = Buffer.from(body, "utf8");
    const hash = contentHash(bytes);
    bodies.set(hash, bytes);
    return hash;
  };
  const hashes = emails.map(({ html, text, reply = null, attachments }) => {
    for (const attachment of attachments) bodies.set(attachmentHash(attachment), attachment.body);
    return { html: put(html), text: put(text), reply: put(reply) };
  });
  return { bodies, hashes };
}

function attachmentHash({ hash, body }: Attachment): string {
  return hash ?? contentHash(body);
}

/** An instant for SQL. Null outside the years 1 to 9999, which PostgreSQL reads in another form than JavaScript writes; only forged dates lie there. */
export function storableInstant(instant: Date | null): string | null {
  const year = instant?.getUTCFullYear() ?? Number.NaN;
  return instant && year >= 1 && year <= 9999 ? instant.toISOString() : null;
}
