import type { AuditResult, MailboxReport } from "../engine/operations/audit.ts";
import type { ReplaySenderResult } from "../engine/operations/replay.ts";
import type { Json } from "./json.ts";
import { failureLines, leftLines, moment, plural, printable } from "./print.ts";

/** What came of `waypost audit`, as lines for a person. */
export function auditLines({ reports, left, failures }: Json<AuditResult>): string[] {
  return [...reports.flatMap(reportLines).map(printable), ...leftLines(left), ...failureLines(failures)];
}

function reportLines(report: Json<MailboxReport>): string[] {
  const { mailbox, there, beforeStart, notReadYet, seen, qualified, tracked, deleted, lost, skipped, quarantined, unseen } = report;
  return [
    `${report.missing > report.repaired ? "MISSING" : "whole  "} ${mailbox}: ${plural(there, "message")} in the folders that are read`,
    `  seen ${seen}, qualified ${qualified}, tracked ${tracked}, skipped ${skipped}, quarantined ${quarantined}, missing ${report.missing}`,
    ...(deleted > 0 ? [`  of those qualified, ${plural(deleted, "email")} that somebody deleted in the CRM`] : []),
    ...(beforeStart > 0 ? [`  before the start of reading: ${beforeStart}`] : []),
    ...(notReadYet > 0 ? [`  not read yet: ${notReadYet}`] : []),
    ...(report.missing > 0 ? [`  of those missing, passed by without a decision: ${unseen}; the email is gone: ${lost}`] : []),
    ...(report.repaired > 0 ? [`  read again, and missing no more: ${report.repaired}`] : []),
    ...report.examples.map(
      ({ folder, messageId, received, why }) =>
        `    ${messageId === null ? "no Message-ID" : `<${messageId}>`} in ${folder}, received ${moment(received)}: ${WHY[why]}`,
    ),
    ...(report.examples.length < report.missing ? [`    and ${report.missing - report.examples.length} more`] : []),
    ...report.notCounted.map(
      ({ folder, messages, because, failed }) =>
        `  ${failed ? "FAILED     " : "not counted"} ${folder}${messages === null ? "" : `, ${plural(messages, "message")}`}: ${because}`,
    ),
  ];
}

const WHY = { unseen: "passed by", lost: "its email is gone, and nobody deleted it" } as const;

/** What came of `waypost replay --sender`. */
export function replaySenderLines({ sender, messages, from }: Json<ReplaySenderResult>): string[] {
  if (messages === 0) return [printable(`No mail of ${sender} since ${moment(from)} was skipped because no filter wanted it.`)];
  return [
    printable(
      `${plural(messages, "message")} of ${sender} since ${moment(from)}: decided again. A running service does it at once, else the next \`waypost receive\`.`,
    ),
  ];
}
