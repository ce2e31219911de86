import type { OutboxRow } from "../../ledger/outbox.ts";
import { compose } from "../../mime/compose.ts";
import type { OutgoingEmail } from "../../model/email.ts";
import type { Crm } from "../../ports.ts";
import type { Permitted } from "../../sending/permit.ts";
import { referencesFor } from "../../sending/references.ts";

/** The message of an email activity. The same email and outbox row give the same bytes, so that the copy filed in Sent is the message that left. */
export async function composeOutgoing(
  crm: Crm,
  email: OutgoingEmail,
  permission: Permitted,
  row: OutboxRow,
): Promise<{ mime: Buffer; needsSmtpUtf8: boolean }> {
  const attachments = [];
  for (const one of email.attachments) {
    attachments.push({
      filename: one.filename,
      mimetype: one.mimetype,
      contentId: one.contentId,
      inline: one.contentId !== null,
      body: await crm.attachment(one.hash),
    });
  }
  return compose({
    emailId: email.id,
    messageId: row.messageId,
    date: row.composedAt,
    subject: email.subject,
    from: permission.from,
    to: permission.to,
    cc: permission.cc,
    bcc: permission.bcc,
    html: email.html,
    text: email.text,
    inReplyTo: email.inReplyTo,
    references: referencesFor(email),
    importance: email.importance,
    readReceiptRequested: email.readReceiptRequested,
    attachments,
  });
}
