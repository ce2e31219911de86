import type { AlertText } from "../../ledger/alerts.ts";
import type { AuditReport } from "../../model/audit-report.ts";

/** The code of the alert about messages that are missing in the CRM. */
export const MISSING = "auditing: messages missing";

/** What a person is told when messages of a mailbox are missing in the CRM; null: none is. Pure. */
export function missingAlert(mailbox: string, report: AuditReport): Pick<AlertText, "code" | "message" | "remedy"> | null {
  const missing = report.missing - report.repaired;
  if (missing <= 0) return null;
  const parts = [
    ...(report.unseen > 0 ? [`${report.unseen} passed by without a decision`] : []),
    ...(report.lost > 0 ? [`${report.lost} with an email that is gone, though nobody deleted it`] : []),
  ];
  const repaired = report.repaired > 0 ? ` ${report.repaired} of them could be read again.` : "";
  return {
    code: MISSING,
    message: `Mailbox ${mailbox}: of ${report.there} messages in the folders that are read, ${report.missing} ${report.missing === 1 ? "is" : "are"} missing in the CRM: ${parts.join(", and ")}.${repaired}`,
    remedy: `\`waypost audit ${mailbox}\` names them, and \`waypost audit ${mailbox} --repair\` reads them again and closes this.`,
  };
}
