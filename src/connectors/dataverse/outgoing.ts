import { messageIds } from "../../mime/message-ids.ts";
import { PARTICIPATION } from "../../model/decision.ts";
import { type OutgoingAttachment, type OutgoingEmail, type Recipient, STATUS } from "../../model/email.ts";
import { withToken } from "../../tracking/token.ts";
import { anyId } from "./any-of.ts";
import { messageIdOf } from "./email-row.ts";
import { attemptsOf, changedByOthers, GENERATION_COLUMNS, versionOf } from "./generation.ts";
import { latestMark, readKeptMarks } from "./kept-mark.ts";
import { type Mark, readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { addressOf, readParties, recordsOfParties, type StoredParty } from "./outgoing-parties.ts";
import { readAll, readRow } from "./read.ts";
import type { AddressedRecord } from "./record-tables.ts";
import { flagOf, idOf, keyOf, numberOf, type Row, textOf } from "./row.ts";
import { mayActAs } from "./send-as.ts";
import { readSendingNotes } from "./sending-note.ts";
import { type Stand, standOf } from "./stand.ts";
import { notedSubmitter, SUBMITTER_COLUMNS, type Submitter, submitterOf } from "./submitter.ts";

const COLUMNS = [
  "activityid",
  "subject",
  "trackingtoken",
  "description",
  "directioncode",
  "prioritycode",
  "readreceiptrequested",
  "deliveryreceiptrequested",
  "parentactivityid",
  "sendermailboxid",
  ...SUBMITTER_COLUMNS,
  ...GENERATION_COLUMNS,
] as const;

const KINDS: ReadonlyMap<number, Recipient["kind"]> = new Map([
  [PARTICIPATION.to, "to"],
  [PARTICIPATION.cc, "cc"],
  [PARTICIPATION.bcc, "bcc"],
]);

/** The row of an outgoing email, and what Waypost knows of its sending. */
export interface ReadOutgoingRow {
  readonly row: Row;
  readonly mark: Mark;
  readonly stand: Stand;
}

/** An outgoing email with the row that it was read from. */
export interface ReadOutgoing extends ReadOutgoingRow {
  readonly email: OutgoingEmail;
  readonly submitter: Submitter;
}

/** The row of an outgoing email; null when there is none of that id. */
export async function readOutgoingRow(organization: Organization, id: string): Promise<ReadOutgoingRow | null> {
  const tables = await organization.tables();
  const [row, self, router, notes, marks] = await Promise.all([
    readRow(organization.client, tables.set("email"), id, tables.select("email", COLUMNS)),
    organization.self(),
    organization.router(),
    readSendingNotes(organization, [id]),
    readKeptMarks(organization, [id]),
  ]);
  if (row === null || flagOf(row, "directioncode") === false) return null;
  const stand = standOf(row, { self, router, noted: notes.get(id) ?? null, kept: marks.get(id) ?? null });
  return { row, mark: stand.mark, stand };
}

/** An outgoing email with all that composing and permission need, whatever its status; null when there is none of that id. A few exchanges. */
export async function readOutgoing(organization: Organization, id: string): Promise<ReadOutgoing | null> {
  const read = await readOutgoingRow(organization, id);
  if (read === null) return null;
  const { row, mark, stand } = read;
  const { generation } = stand;
  // What a note says of another press of Send counts for that one.
  const note = stand.noted?.note.generation === generation ? stand.noted.note : null;
  const [parties, attachments, answered] = await Promise.all([
    readParties(organization, [id], [PARTICIPATION.sender, PARTICIPATION.to, PARTICIPATION.cc, PARTICIPATION.bcc]),
    readAttachments(organization, id),
    readAnswered(organization, idOf(row, "_parentactivityid_value")),
  ]);
  const its = parties.get(id) ?? [];
  const records = await recordsOfParties(organization, its);
  const recipientOf = (kind: Recipient["kind"], party: StoredParty) =>
    recipient(kind, party, records.get(`${party.record?.type} ${party.record?.id}`));
  const sender = its.find(({ participation }) => participation === PARTICIPATION.sender);
  const trackingToken = textOf(row, "trackingtoken") || note?.token || null;
  const settings = await organization.settings();
  const isBeingSent = stand.status === STATUS.sending;
  const subject = textOf(row, "subject") ?? "";
  const self = await organization.self();
  const noted = [note, stand.kept?.mark, ownMark(row, mark, self)].find(
    (one) => one?.generation === generation && one.submitter !== undefined,
  );
  const submitter =
    noted == null ? submitterOf(row, sender?.record?.type === "systemuser" ? sender.record.id : null, self) : notedSubmitter(noted);
  const email: OutgoingEmail = {
    id: keyOf(row, "activityid"),
    generation,
    version: versionOf(row),
    subject: isBeingSent ? withToken(subject, trackingToken, settings.MaximumSubjectLengthOnMailServer) : subject,
    trackingToken,
    html: textOf(row, "description"),
    text: null,
    from: sender === undefined ? null : recipientOf("to", sender),
    recipients: its.flatMap((party) => {
      const kind = KINDS.get(party.participation);
      return kind === undefined ? [] : [recipientOf(kind, party)];
    }),
    submitterId: submitter.id,
    mayActAsSender: await mayActAs(organization, row, sender?.record ?? null, submitter),
    importance: importanceOf(numberOf(row, "prioritycode")),
    readReceiptRequested: flagOf(row, "readreceiptrequested") ?? false,
    deliveryReceiptRequested: flagOf(row, "deliveryreceiptrequested") ?? false,
    ...answered,
    attempts: note !== null ? note.attempts : attemptsOf(row, mark, generation),
    attachments,
  };
  return { row, mark, stand, email, submitter };
}

/**
 * The mark, where Waypost wrote the row last. Its column is open to everybody who may write the email: who wrote a mark there says nothing true of who pressed Send, and
 * would send in another's name.
 */
function ownMark(row: Row, mark: Mark, self: string): Mark | undefined {
  return changedByOthers(row, self) ? undefined : mark;
}

/**
 * The Message-ID of the email that it answers, and that one's references (RFC 5322 3.6.4). Of one that Waypost sent and could not write on, the note on it knows.
 */
async function readAnswered(organization: Organization, parentId: string | null): Promise<Pick<OutgoingEmail, "inReplyTo" | "references">> {
  const none = { inReplyTo: null, references: [] };
  if (parentId === null) return none;
  const tables = await organization.tables();
  const select = tables.select("email", ["messageid", "inreplyto", "activityadditionalparams"]);
  const [row, notes, marks] = await Promise.all([
    readRow(organization.client, tables.set("email"), parentId, select),
    readSendingNotes(organization, [parentId]),
    readKeptMarks(organization, [parentId]),
  ]);
  if (row === null) return none;
  const note = notes.get(parentId)?.note;
  const inReplyTo = messageIdOf(row) ?? note?.messageId ?? null;
  if (inReplyTo === null) return none;
  const mark = latestMark(readMark(textOf(row, "activityadditionalparams")), marks.get(parentId) ?? null);
  const answered = mark.inReplyTo ?? note?.inReplyTo ?? textOf(row, "inreplyto");
  return { inReplyTo, references: mark.references ?? note?.references ?? messageIds(answered ?? "").ids };
}

async function readAttachments(organization: Organization, emailId: string): Promise<OutgoingAttachment[]> {
  const tables = await organization.tables();
  const select = tables.select("activitymimeattachment", [
    ...["activitymimeattachmentid", "filename", "mimetype", "attachmentcontentid", "filesize", "attachmentnumber"],
  ]);
  const [filter = ""] = anyId("_objectid_value", [emailId]);
  const rows = await readAll(organization.client, [{ set: tables.set("activitymimeattachment"), select, filter }]);
  return rows
    .toSorted((one, other) => (numberOf(one, "attachmentnumber") ?? 0) - (numberOf(other, "attachmentnumber") ?? 0))
    .map((row) => ({
      filename: textOf(row, "filename") ?? "",
      mimetype: textOf(row, "mimetype") ?? "application/octet-stream",
      contentId: textOf(row, "attachmentcontentid"),
      size: numberOf(row, "filesize") ?? 0,
      hash: keyOf(row, "activitymimeattachmentid"),
    }));
}

/** A party whose record was deleted counts as inactive; one that never was a record, as active. */
function recipient(kind: Recipient["kind"], party: StoredParty, record: AddressedRecord | undefined): Recipient {
  const isRecord = party.record !== null;
  return {
    kind,
    address: { name: record?.record.name ?? party.name, address: addressOf(party, record) },
    record: party.record === null ? null : { ...party.record, name: record?.record.name ?? party.record.name },
    doNotEmail: record?.doNotEmail ?? false,
    active: isRecord ? (record?.active ?? false) : true,
  };
}

function importanceOf(value: number | null): 0 | 1 | 2 {
  return value === 0 || value === 2 ? value : 1;
}
