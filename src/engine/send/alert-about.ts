import type { AlertText } from "../../ledger/alerts.ts";
import type { OutboxRow } from "../../ledger/outbox.ts";
import type { Settled, Settlement } from "../../model/email.ts";

/** What people have to know or to do when an email was settled so; null: nothing. */
export function alertAbout(row: OutboxRow, settlement: Settlement, settled: Settled): AlertText | null {
  if (settlement.status === "unknown") return unknownAlert(row, settlement.note);
  if (settlement.status === "retry" && settlement.held) {
    const { code, remedy } = settlement.held;
    return about(row, code, `The email ${row.emailId} is not sent and stays in Pending Send. ${settlement.note}`, remedy);
  }
  if (settled === "stays pending") return staysPendingAlert(row, settlement);
  if (settled === "nobody's") return nobodysAlert(row, settlement);
  if (settled === "taken out" && settlement.status === "sent") {
    const message = `The email ${row.emailId} (Message-ID <${row.messageId}>) was sent, but somebody had taken it out of Sending in the CRM meanwhile: it is not shown as sent there.`;
    return about(row, "taken out", message, "Do not send it again: set it to Completed in the CRM, or delete it.");
  }
  return null;
}

function about(row: OutboxRow, code: string, message: string, remedy: string): AlertText {
  return { scope: "item", subject: row.emailId, code: `sending: ${code}`, message, remedy };
}

/** Of an email that stands in Sending in the CRM, where nothing tells any more whose claim that is. */
function nobodysAlert(row: OutboxRow, settlement: Settlement): AlertText {
  const outcome = {
    sent: `was sent (Message-ID <${row.messageId}>)`,
    retry: "was not sent",
    failed: `was not sent, and will not be: ${settlement.note ?? ""}`,
    unknown: "may have been sent",
  }[settlement.status];
  const message = `The email ${row.emailId} ${outcome}, but it cannot be shown in the CRM: the email stands in Sending there, and nothing on it tells that this Waypost put it there. It stays in Sending.`;
  const remedy =
    settlement.status === "sent"
      ? "Have the administrator of the CRM set its status to Sent."
      : "If no other router works for the organization, have the administrator of the CRM set its status to Failed, and press Send again; or send a copy of it.";
  return about(row, "stays in Sending", message, remedy);
}

/** Of an email that the CRM shows in Pending Send for good. */
function staysPendingAlert(row: OutboxRow, settlement: Settlement): AlertText {
  const isSent = settlement.status === "sent";
  return about(
    row,
    "stays in Pending Send",
    isSent
      ? `The email ${row.emailId} (Message-ID <${row.messageId}>) was sent, but the CRM does not let it be shown as sent: it stays in Pending Send there. Waypost does not send it again.`
      : `The email ${row.emailId} was not sent, and the CRM does not let it be shown as failed: it stays in Pending Send there. Waypost does not try it again. What happened: ${settlement.note ?? ""}`,
    isSent
      ? "Delete it in the CRM, or have its administrator set its status; to send it once more, send a copy of it."
      : "Correct what is wrong and press Send again in the CRM, or delete the email there and send a copy of it.",
  );
}

function unknownAlert(row: OutboxRow, note: string): AlertText {
  return about(
    row,
    "outcome unknown",
    `Nobody knows whether the email ${row.emailId} (Message-ID <${row.messageId}>) left: ${note}`,
    `Ask a recipient, or look for the Message-ID in the mail server's log. Then run \`waypost decide ${row.emailId} sent\`, or \`again\` to send it once more, or \`failed\`.`,
  );
}
