import { randomUUID } from "node:crypto";
import { parseAddresses } from "../../../mime/addresses.ts";
import { addressKey } from "../../../model/address.ts";
import { type Placement, REASON } from "../../../model/decision.ts";
import type { IncomingEmail } from "../../../model/email.ts";
import type { MessageHead } from "../../../model/message.ts";
import { withMadeRecord } from "../../../tracking/new-record.ts";
import { deliverEmails } from "../../deliver.ts";
import { makeRecords } from "../../new-records.ts";
import { fault } from "../error-codes.ts";
import type { ApiFault } from "../exchange.ts";
import type { OperationCall, OperationParameter } from "../operation.ts";
import { textOf } from "../operation-parameters.ts";
import type { Turn } from "../service.ts";
import { givenContent } from "./given-content.ts";
import type { GivenMessage } from "./given-message.ts";
import type { Judged } from "./judge.ts";

/** Parameters that Deliver has besides those of the head, in the order of the CSDL (wire 7.1). */
export const CONTENT_PARAMETERS: readonly OperationParameter[] = [
  { name: "ReceivedOn", type: "Edm.DateTimeOffset", required: true },
  { name: "SubmittedBy", type: "Edm.String", required: true },
  { name: "Importance", type: "Edm.String", required: true },
  { name: "Body", type: "Edm.String", required: true },
  { name: "Attachments", type: "Collection(mscrm.attachment)", required: true, alsoTypes: ["activitymimeattachment"] },
];

/** When the message was received. */
export function receivedOn(call: OperationCall): Date {
  return new Date(textOf(call, "ReceivedOn") ?? Number.NaN);
}

/** Address of the mailbox in which the message was read; null: none is named. */
export function submittedBy(call: OperationCall): string | null {
  return parseAddresses((textOf(call, "SubmittedBy") ?? "").slice(0, 1_000)).addresses[0]?.address ?? null;
}

/** To the end of the transaction nobody else delivers a message with that Message-ID. */
export async function holdMessageId({ sql }: Turn, { messageId }: MessageHead): Promise<void> {
  if (messageId === null) return;
  await sql.query("select pg_advisory_xact_lock(hashtextextended('waypost message ' || $1, 0))", [messageId]);
}

/**
 * Makes an email of a message that is to be tracked, as the in-process delivery does: parties, owner, regarding, queue items, attachments, a record of
 * its unresolved sender where one is wanted; status Received, or Sent for the sender's copy (product-behaviour 4.1, 5.2). Returns its id. Throws
 * ApiFault 0x8005e20b with the reason where it is not tracked. Must run in a transaction.
 */
export async function deliver(
  { sql }: Turn,
  call: OperationCall,
  message: GivenMessage,
  { decision, settings }: Judged,
  id: string = randomUUID(),
): Promise<string> {
  if (decision.placement === null) throw cannotAccept(decision.reason);
  const { content, notifications } = givenContent(call, settings);
  const { head, sent } = message;
  const placement = await withNewRecord(sql, decision.placement);
  const email: IncomingEmail = {
    id,
    messageId: head.messageId,
    inReplyTo: head.inReplyTo[0] ?? null,
    conversationIndex: head.conversationIndex,
    subject: head.subject,
    received: head.received,
    sent,
    html: content.html,
    text: content.text,
    reply: null,
    attachments: content.attachments,
    notifications,
    importance: importanceOf(textOf(call, "Importance") ?? ""),
    submittedBy: submittedBy(call) ?? "",
    headers: headersOf(head),
    placement,
  };
  const [delivered] = await deliverEmails(sql, [email]);
  if (delivered?.result !== "created") throw cannotAccept(REASON.duplicate);
  return id;
}

async function withNewRecord(sql: Turn["sql"], placement: Placement): Promise<Placement> {
  const { newRecord } = placement;
  if (newRecord === undefined) return placement;
  const made = await makeRecords(sql, [newRecord]);
  return withMadeRecord(placement, newRecord.address, made.get(addressKey(newRecord.address)) ?? null);
}

function headersOf({ headers, references }: MessageHead): IncomingEmail["headers"] {
  return references.length === 0 ? headers : [...headers, ["references", references.map((one) => `<${one}>`).join(" ")]];
}

/** A number as `prioritycode` has it, or the word of the message's header; anything else is normal. */
function importanceOf(text: string): 0 | 1 | 2 {
  const word = text.trim().toLowerCase();
  if (word === "2" || word === "high") return 2;
  return word === "0" || word === "low" ? 0 : 1;
}

/** The message is not taken, and why, as one of the reason codes of a check (wire 7.1). */
function cannotAccept(reason: number): ApiFault {
  return fault("CannotAcceptEmail", null, [String(reason)]);
}
