import { createHash } from "node:crypto";
import { messageIds } from "../../mime/message-ids.ts";
import { contentHash, partsOf } from "../../model/content-hash.ts";
import { PARTICIPATION, type Participation, type Party } from "../../model/decision.ts";
import { type IncomingEmail, STATE_OF_STATUS, STATUS } from "../../model/email.ts";
import type { Attachment } from "../../model/message.ts";
import { conversationBase } from "../../tracking/conversation.ts";
import type { Request } from "./client/client.ts";
import { conversationHash, storedMessageId } from "./email-row.ts";
import { type Mark, withoutMark, writeMark } from "./mark.ts";
import { cut, storable, storableAddress } from "./storable.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

/** Lengths of columns, the least of all versions (wire 8.1, 8.2). `subject` has 200 before 9.2, which is known by a column that came with it. */
const LENGTH = {
  subject: 800,
  subjectBefore: 200,
  sender: 250,
  torecipients: 500,
  submittedby: 250,
  trackingtoken: 50,
  addressused: 200,
  name: 200,
} as const;

/** Characters that the column takes in this version (wire 8.1). */
export function longestSubject(tables: Tables): number {
  return tables.has("email", "internetmessageheaders") ? LENGTH.subject : LENGTH.subjectBefore;
}

/** Creates the email as a draft with all its parties; `incomplete`: attachments follow, see Mark. */
export function createEmail(tables: Tables, email: IncomingEmail, incomplete: boolean): Request {
  const { placement } = email;
  const base = conversationBase(email.conversationIndex);
  const body = written(
    tables,
    "email",
    "create",
    {
      activityid: email.id,
      subject: cut(storable(email.subject), longestSubject(tables)),
      description: descriptionOf(email),
      directioncode: placement.direction === "outgoing",
      sender: cut(storable(addressesAs(PARTICIPATION.sender, placement.parties)[0] ?? ""), LENGTH.sender) || null,
      torecipients: cut(storable(addressesAs(PARTICIPATION.to, placement.parties).join(";")), LENGTH.torecipients) || null,
      submittedby: cut(storable(email.submittedBy), LENGTH.submittedby),
      messageid: email.messageId === null ? null : storedMessageId(email.messageId),
      trackingtoken: placement.trackingToken === null ? null : cut(storable(placement.trackingToken), LENGTH.trackingtoken),
      notifications: email.notifications,
      prioritycode: email.importance,
      actualend: instant(leftOrReceived(email)),
      baseconversationindexhash: base === null ? null : conversationHash(base),
      activityadditionalparams: writeMark(markOf(email, base, incomplete)),
      isduplicatesenderunresolved: placement.duplicateSenderUnresolved,
    },
    {
      ownerid: placement.ownerId === null ? null : { type: placement.ownerType, id: placement.ownerId },
      regardingobjectid: placement.regarding,
      parentactivityid: emailRef(placement.parentEmailId),
      correlatedactivityid: emailRef(placement.correlatedEmailId ?? email.about?.emailId ?? null),
      acceptingentityid: placement.accepting,
    },
  );
  return {
    method: "POST",
    path: tables.set("email"),
    body: { ...body, email_activity_parties: partiesOf(placement.parties).map((party) => partyJson(tables, party)) },
  };
}

/** What was read of an email that stands incomplete. */
export interface Unfinished {
  readonly version: string;
  /** `activityadditionalparams` */
  readonly parameters: string | null;
}

/**
 * The state in which a delivered email stands: received, or sent where it is mail that somebody sent (product-behaviour 4.1).
 * @param unfinished null: it is created in the same change set
 * @param incomplete something is still missing after that, see Mark
 */
export function finishEmail(tables: Tables, email: IncomingEmail, unfinished: Unfinished | null, incomplete = false): Request {
  const statuscode = email.placement.direction === "outgoing" ? STATUS.sent : STATUS.received;
  const before = unfinished?.parameters ?? null;
  const mark = unfinished && writeMark(markOf(email, conversationBase(email.conversationIndex), incomplete), before);
  // Where the column has no room any more, the older mark goes with what it says is missing, once nothing is.
  const marked = mark ?? (incomplete ? undefined : withoutMark(before));
  return {
    method: "PATCH",
    path: `${tables.set("email")}(${email.id})`,
    headers: { "If-Match": unfinished?.version ?? "*" },
    body: written(tables, "email", "update", {
      ...{ statecode: STATE_OF_STATUS[statuscode], statuscode, activityadditionalparams: marked },
      // Completing an activity ends it at that moment, unless it says when it ended.
      actualend: instant(leftOrReceived(email)),
    }),
  };
}

/** Creates one attachment, under an id that is the same whoever does it again. `number`: its place, beginning with 1. */
export function createAttachment(tables: Tables, emailId: string, attachment: Attachment, number: number): Request {
  const owner = tables.navigation("activitymimeattachment", "objectid", "email") === null ? "activitypointer" : "email";
  return {
    method: "POST",
    path: tables.set("activitymimeattachment"),
    body: written(
      tables,
      "activitymimeattachment",
      "create",
      {
        activitymimeattachmentid: attachmentId(emailId, number),
        objecttypecode: "email",
        filename: cut(storable(attachment.filename), 255),
        mimetype: cut(storable(attachment.mimetype), 256),
        attachmentcontentid: attachment.contentId === null ? null : cut(storable(attachment.contentId), 250),
        attachmentnumber: number,
        body: attachment.body.toString("base64"),
      },
      { objectid: { type: owner, id: emailId } },
    ),
  };
}

/** A GUID (RFC 9562 5.8) that follows from the email and the place. */
export function attachmentId(emailId: string, number: number): string {
  return guidOf(`attachment ${number} of ${emailId}`);
}

/** The same GUID for the same text, whoever makes it. */
export function guidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** One party of an email, as deep insert takes it. One whose table cannot be a party stands with its address alone. */
export function partyJson(tables: Tables, { participation, address, record }: Party): Record<string, unknown> {
  return written(
    tables,
    "activityparty",
    "create",
    {
      participationtypemask: participation,
      addressused: cut(storableAddress(address.address), LENGTH.addressused) || undefined,
      unresolvedpartyname: record === null && address.name !== "" ? cut(storable(address.name), LENGTH.name) : undefined,
    },
    { partyid: record },
  );
}

/** Sender and recipients. Regarding and owner are parties that Dynamics makes itself. */
function partiesOf(parties: readonly Party[]): readonly Party[] {
  return parties.filter(({ participation }) => participation <= PARTICIPATION.bcc);
}

/** Addresses of the parties of one kind; a party that is several records stands there once. */
function addressesAs(participation: Participation, parties: readonly Party[]): string[] {
  return [...new Set(parties.filter((party) => party.participation === participation).map((party) => party.address.address))];
}

/** Dynamics keeps one body, as HTML. */
function descriptionOf({ html, text }: IncomingEmail): string | null {
  if (html !== null) return storable(html);
  if (text === null) return null;
  const escaped = storable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<div style="white-space: pre-wrap">${escaped}</div>`;
}

function markOf(email: IncomingEmail, conversation: string | null, incomplete: boolean): Mark {
  const references = email.headers.find(([name]) => name.toLowerCase() === "references")?.[1];
  const { about } = email;
  return {
    incomplete: incomplete ? true : undefined,
    content: contentHash(partsOf(email)),
    files: email.attachments.length,
    inReplyTo: email.inReplyTo ?? undefined,
    references: references === undefined ? undefined : messageIds(references).ids,
    conversation: conversation ?? undefined,
    sent: instant(email.sent) ?? undefined,
    report:
      about === undefined
        ? undefined
        : {
            about: about.emailId,
            messageId: about.messageId,
            recipients: about.recipients.map(({ address, kind, status, diagnosis }) => ({
              ...{ address: storable(address), kind, status: status === null ? null : storable(status) },
              diagnosis: diagnosis === null ? null : storable(diagnosis),
            })),
          },
  };
}

/** The clock of a mail program may go wrong; a copy may be filed long after the message left. */
function leftOrReceived({ placement, sent, received }: IncomingEmail): Date {
  return placement.direction === "outgoing" && sent !== null && sent < received ? sent : received;
}

/** An instant in whole seconds; null outside the years that Dynamics stores, where only forged dates lie. */
export function instant(date: Date | null): string | null {
  const year = date?.getUTCFullYear() ?? Number.NaN;
  return date && year >= 1753 && year <= 9999 ? `${date.toISOString().slice(0, 19)}Z` : null;
}

function emailRef(id: string | null): { readonly type: "email"; readonly id: string } | null {
  return id === null ? null : { type: "email", id };
}
