import type { Explanation } from "../engine/operations/explain.ts";
import type { MailboxCheck } from "../engine/operations/operations.ts";
import type { MailboxFailure } from "../engine/operations/run-now.ts";
import type { DirectionStatus, Status } from "../engine/operations/status.ts";
import type { QuarantineRow } from "../ledger/quarantine.ts";
import type { Json } from "./json.ts";

/** Texts for people, as lines. What strangers wrote is shown without control characters, which could rewrite the screen. */

export function statusLines(status: Json<Status>): string[] {
  const lines: string[] = [];
  for (const mailbox of status.mailboxes) {
    const { tracked, skipped, duplicate, quarantined } = mailbox.messages;
    lines.push(`${mailbox.address}  (${mailbox.profile})`);
    lines.push(`  receiving: ${direction(mailbox.receiving)}`);
    lines.push(`  sending:   ${direction(mailbox.sending)}`);
    lines.push(
      `  messages:  ${tracked} tracked, ${skipped} skipped, ${duplicate} duplicate, ${quarantined} in quarantine; from ${mailbox.startDate} on`,
    );
    lines.push(...folderLines(mailbox.folders));
    for (const weakness of mailbox.weaknesses) lines.push(`  weakness:  ${weakness}`);
  }
  lines.push(
    `${plural(status.pendingEmails, "email")} pending, ${plural(status.unknownEmails.length, "email")} with unknown outcome, ${plural(status.quarantined, "message")} in quarantine, ${plural(status.alerts.length, "open alert")}`,
  );
  for (const one of status.unknownEmails)
    lines.push(`unknown since ${one.since}: email ${one.emailId} <${one.messageId}> ${one.note ?? ""}`);
  for (const alert of status.alerts) {
    lines.push(`ALERT since ${alert.openedAt} (${alert.times} times): ${alert.message}`);
    if (alert.serverSaid) lines.push(`  the server said: ${alert.serverSaid}`);
    lines.push(`  what to do: ${alert.remedy}`);
  }
  return lines.map(printable);
}

function direction(one: Json<DirectionStatus>): string {
  if (one.state === "works") return `works, last ${one.lastSuccess}`;
  if (one.state === "new") return "no run yet";
  if (one.state === "off") return `off. ${one.because}`;
  return `FAILING. ${one.because} ${one.error?.remedy ?? ""} Next try ${one.next}; last success ${one.lastSuccess ?? "never"}`;
}

function folderLines(folders: Json<Status>["mailboxes"][number]["folders"]): string[] {
  return folders.map(
    (one) => `  folder:    ${one.name} (${one.messages ?? "?"} messages) ${one.read ? "is read" : `is not read: ${one.because}`}`,
  );
}

export function explanationLines(explanation: Json<Explanation>): string[] {
  const lines: string[] = [];
  for (const one of explanation.incoming) {
    lines.push(
      `Message <${one.messageId ?? "without id"}> from ${one.from ?? "nobody"}, received ${one.received} in ${one.mailbox}${one.folders.length > 0 ? `, now in ${one.folders.join(" and ")}` : ""}`,
    );
    lines.push(...one.sentences.map((sentence) => `  ${sentence}`));
    if (one.emailId) lines.push(`  Email in the CRM: ${one.emailId}`);
  }
  for (const one of explanation.outgoing) {
    lines.push(
      `Email ${one.emailId} sent as <${one.messageId}> (Send pressed ${one.generation === 1 ? "once" : `${one.generation} times`}, ${plural(one.attempts, "attempt")}), last change ${one.changedAt}`,
    );
    lines.push(...one.sentences.map((sentence) => `  ${sentence}`));
  }
  return lines.map(printable);
}

export function quarantineLines(rows: readonly Json<QuarantineRow>[]): string[] {
  if (rows.length === 0) return ["Nothing is in quarantine."];
  return rows
    .flatMap((row) => [
      `${row.id}  ${row.mailbox}  <${row.messageId ?? "without id"}> from ${row.sender ?? "nobody"}, received ${row.received}: failed to ${row.step} ${plural(row.attempts, "time")}, last ${row.triedAt}`,
      `    ${row.message}${row.serverSaid ? ` (${row.serverSaid})` : ""}`,
      `    what to do: ${row.remedy}`,
    ])
    .map(printable);
}

export function checkLines(checks: readonly Json<MailboxCheck>[]): string[] {
  return checks
    .flatMap((check) => [
      check.mailbox,
      ...check.steps.flatMap((step) => [
        `  ${step.result === "ok" ? "ok     " : step.result === "warning" ? "WARNING" : "FAILED "} ${step.name}: ${step.message}`,
        ...(step.serverSaid ? [`          the server said: ${step.serverSaid}`] : []),
        ...(step.remedy ? [`          what to do: ${step.remedy}`] : []),
      ]),
      ...folderLines(check.folders),
    ])
    .map(printable);
}

export function failureLines(failures: readonly Json<MailboxFailure>[]): string[] {
  return failures
    .flatMap((one) => [`${one.message}${one.serverSaid ? ` The server said: ${one.serverSaid}` : ""}`, `  what to do: ${one.remedy}`])
    .map(printable);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Without C0 and C1 control characters and bidirectional overrides: subjects and server texts come from strangers. */
export function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\uFFFD");
}
