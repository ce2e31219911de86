import { randomUUID } from "node:crypto";
import { type Address, addressKey } from "../model/address.ts";
import { PARTICIPATION, type Participation, type Party } from "../model/decision.ts";
import type { Attachment } from "../model/message.ts";
import type { AddressMatch, RecordRef } from "../model/record.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { recordsByAddress } from "./address-index.ts";
import { putContent } from "./content.ts";
import { contentOf, insertAttachments, insertParties, storableInstant, type TextHashes } from "./email-rows.ts";

/** Somebody on a draft: a record, which is written to at its own address, or an address. */
export type DraftParty = { readonly record: RecordRef } | { readonly address: Address };

/** An outgoing email to be made. What is left out is empty or Dynamics' default. */
export interface DraftEmail {
  readonly id?: string;
  readonly subject: string;
  readonly html?: string | null;
  readonly text?: string | null;
  /** A user or a queue, or the address of one. */
  readonly from: DraftParty;
  readonly to?: readonly DraftParty[];
  readonly cc?: readonly DraftParty[];
  readonly bcc?: readonly DraftParty[];
  readonly regarding?: RecordRef | null;
  /** The email that it answers. */
  readonly parentEmailId?: string | null;
  readonly attachments?: readonly Attachment[];
  readonly importance?: 0 | 1 | 2;
  readonly readReceiptRequested?: boolean;
  readonly deliveryReceiptRequested?: boolean;
  /** Not to be sent before this. */
  readonly delayedSendTime?: Date | null;
}

/**
 * Makes drafts of outgoing emails and returns their ids, in their order. An address that exactly one active record bears is resolved to
 * it (From: only to users and queues); the others stay unresolved. Six statements however many. Must run in a transaction.
 */
export async function createEmails(sql: Sql, drafts: readonly DraftEmail[]): Promise<string[]> {
  if (drafts.length === 0) return [];
  const matches = await recordsByAddress(sql, [...new Set(drafts.flatMap(addressesOf))]);
  const emails = drafts.map((draft) => ({
    id: draft.id ?? randomUUID(),
    draft,
    parties: partiesOf(draft, matches),
    html: draft.html ?? null,
    text: draft.text ?? null,
    attachments: draft.attachments ?? [],
  }));
  const { bodies, hashes } = contentOf(emails);
  await putContent(sql, bodies);
  await insertDrafts(sql, emails, hashes);
  await insertParties(
    sql,
    emails.map(({ id, parties }) => ({ emailId: id, parties })),
  );
  await insertAttachments(
    sql,
    emails.map(({ id, attachments }) => ({ emailId: id, attachments })),
  );
  return emails.map(({ id }) => id);
}

interface NewEmail {
  readonly id: string;
  readonly draft: DraftEmail;
  readonly parties: readonly Party[];
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly Attachment[];
}

async function insertDrafts(sql: Sql, emails: readonly NewEmail[], hashes: readonly TextHashes[]): Promise<void> {
  const rows = emails.map(({ id, draft, parties, attachments }, index) => {
    const from = parties.find((party) => party.participation === PARTICIPATION.sender);
    return {
      activityid: id,
      subject: draft.subject,
      descriptionhash: hashes[index]?.html ?? null,
      plaintexthash: hashes[index]?.text ?? null,
      sender: from?.address.address || null,
      parentactivityid: draft.parentEmailId ?? null,
      regardingobjectid: draft.regarding?.id ?? null,
      regardingobjecttypecode: draft.regarding?.type ?? null,
      regardingobjectidname: draft.regarding?.name ?? null,
      prioritycode: draft.importance ?? 1,
      readreceiptrequested: draft.readReceiptRequested ?? false,
      deliveryreceiptrequested: draft.deliveryReceiptRequested ?? false,
      attachmentcount: attachments.length,
      ownerid: from?.record?.type === "systemuser" ? from.record.id : null,
      owneridtype: from?.record?.type === "systemuser" ? "systemuser" : null,
      delayedemailsendtime: storableInstant(draft.delayedSendTime ?? null),
    };
  });
  await sql.query(
    `insert into crm.email (activityid, subject, descriptionhash, plaintexthash, sender, parentactivityid, regardingobjectid, regardingobjecttypecode,
       regardingobjectidname, prioritycode, readreceiptrequested, deliveryreceiptrequested, attachmentcount, ownerid, owneridtype, delayedemailsendtime)
     select * from jsonb_to_recordset($1::jsonb) one (activityid uuid, subject text, descriptionhash text, plaintexthash text, sender text,
       parentactivityid uuid, regardingobjectid uuid, regardingobjecttypecode text, regardingobjectidname text, prioritycode smallint,
       readreceiptrequested boolean, deliveryreceiptrequested boolean, attachmentcount int, ownerid uuid, owneridtype text, delayedemailsendtime timestamptz)
     order by activityid`,
    [storableJson(rows)],
  );
}

function partiesOf(draft: DraftEmail, matches: ReadonlyMap<string, readonly AddressMatch[]>): Party[] {
  const regarding = draft.regarding
    ? [{ participation: PARTICIPATION.regarding, address: NO_ADDRESS, record: draft.regarding, column: null }]
    : [];
  return [...listsOf(draft).flatMap(([participation, parties]) => parties.map((one) => party(participation, one, matches))), ...regarding];
}

const NO_ADDRESS: Address = { name: "", address: "" };

function party(participation: Participation, one: DraftParty, matches: ReadonlyMap<string, readonly AddressMatch[]>): Party {
  if ("record" in one) return { participation, address: NO_ADDRESS, record: one.record, column: null };
  const suitable = (matches.get(addressKey(one.address.address)) ?? []).filter(
    ({ active, record }) => active && (participation !== PARTICIPATION.sender || record.type === "systemuser" || record.type === "queue"),
  );
  const [first] = suitable;
  const single = first && suitable.every(({ record }) => record.id === first.record.id) ? first : null;
  return { participation, address: one.address, record: single?.record ?? null, column: single?.column ?? null };
}

function addressesOf(draft: DraftEmail): string[] {
  return listsOf(draft).flatMap(([, parties]) => parties.flatMap((one) => ("address" in one ? [addressKey(one.address.address)] : [])));
}

function listsOf(draft: DraftEmail): readonly (readonly [Participation, readonly DraftParty[]])[] {
  return [
    [PARTICIPATION.sender, [draft.from]],
    [PARTICIPATION.to, draft.to ?? []],
    [PARTICIPATION.cc, draft.cc ?? []],
    [PARTICIPATION.bcc, draft.bcc ?? []],
  ];
}
