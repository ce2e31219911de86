import type { AuthorizationOffer, AuthorizationResult } from "../engine/authorizations.ts";
import type { CheckStep } from "../engine/check/check-step.ts";
import type { CheckEvent, MailboxCheck } from "../engine/operations/check.ts";
import type { Explanation, IncomingExplanation } from "../engine/operations/explain.ts";
import type { LeftMailbox, MailboxFailure, RunResult } from "../engine/operations/run-now.ts";
import type { DirectionStatus, FolderStatus, MailboxStatus, Status, TokenStatus } from "../engine/operations/status.ts";
import type { TestState } from "../engine/operations/test-state.ts";
import type { Counts } from "../engine/receive/reading.ts";
import type { SendCounts } from "../engine/send/send-mailbox.ts";
import type { QuarantineRow } from "../ledger/quarantine.ts";
import type { Json } from "./json.ts";

/** Texts for people, as lines. What strangers wrote is shown without control characters, which could rewrite the screen. */

export function statusLines(status: Json<Status>): string[] {
  return [
    ...status.mailboxes.flatMap(mailboxLines),
    summary(status),
    ...status.unknownEmails.flatMap((one) => [
      `UNKNOWN since ${moment(one.since)}: whether the email ${one.emailId} left`,
      `  Message-ID: <${one.messageId}>`,
      ...(one.note ? [`  what is known: ${one.note}`] : []),
    ]),
    ...status.limits.map((one) => {
      const whose = one.account === "" ? "" : ` for ${one.account}`;
      return `LIMIT of ${one.host}${whose}, learned: ${plural(one.connections, "connection")} at a time; one more is tried after ${moment(one.until)}`;
    }),
    ...status.alerts.flatMap((alert) => [
      `ALERT since ${moment(alert.openedAt)}, ${alert.times === 1 ? "seen once" : `seen ${alert.times} times, last ${moment(alert.seenAt)}`}`,
      `  ${alert.message}`,
      ...(alert.serverSaid ? [`  the server said: ${alert.serverSaid}`] : []),
      `  what to do: ${alert.remedy}`,
    ]),
  ].map(printable);
}

function mailboxLines(mailbox: Json<Status>["mailboxes"][number]): string[] {
  const { tracked, skipped, duplicate, quarantined } = mailbox.messages;
  return [
    `${mailbox.address}  (${mailbox.profile})`,
    ...directionLines("receiving", mailbox.receiving),
    ...directionLines("sending", mailbox.sending),
    ...openedLines(mailbox.opened),
    ...(mailbox.token === null ? [] : tokenLines(mailbox.token)),
    `  test:      ${testWords(mailbox.test)}`,
    ...(mailbox.test.because === null ? [] : [`    ${mailbox.test.because}`]),
    `  messages:  ${tracked} tracked, ${skipped} skipped, ${duplicate} duplicate, ${quarantined} in quarantine`,
    ...(mailbox.deleting === null ? [] : [`  deleting:  ${deletingWords(mailbox.deleting)}`]),
    `  start:     mail received since ${moment(mailbox.startDate)} is looked at`,
    ...folderLines(mailbox.folders),
    ...(mailbox.notWatchedBecause === null ? [] : [`  not watched: ${mailbox.notWatchedBecause}`]),
    ...mailbox.weaknesses.map((weakness) => `  weakness:  ${weakness}`),
    "",
  ];
}

function deletingWords({ since, deleted, lastAt, kept }: NonNullable<Json<MailboxStatus>["deleting"]>): string {
  const done = `${plural(deleted, "processed message")} deleted${lastAt === null ? "" : `, last ${moment(lastAt)}`}`;
  const stay =
    kept === 0 ? "" : `; ${plural(kept, "message")} kept, not proven to be in the CRM (\`waypost explain <Message-ID>\` says why)`;
  return `${since === null ? "off; " : ""}${done}${stay}`;
}

function summary(status: Json<Status>): string {
  return [
    `${plural(status.pendingEmails, "email")} pending`,
    `${plural(status.unknownEmails.length, "email")} with unknown outcome`,
    `${plural(status.quarantined, "message")} in quarantine`,
    plural(status.alerts.length, "open alert"),
  ].join(", ");
}

function directionLines(name: "receiving" | "sending", one: Json<DirectionStatus>): string[] {
  const label = `  ${`${name}:`.padEnd(11)}`;
  if (one.state === "works") return [`${label}works, last ${moment(one.lastSuccess)}`];
  if (one.state === "new") return [`${label}nothing done yet`];
  if (one.state === "off") return [`${label}off. ${one.because}`];
  return [
    `${label}FAILING. ${one.because}`,
    ...(one.error?.serverSaid ? [`    the server said: ${one.error.serverSaid}`] : []),
    ...(one.error ? [`    what to do: ${one.error.remedy}`] : []),
    `    next try ${moment(one.next)}; last success ${moment(one.lastSuccess)}`,
  ];
}

function openedLines({ receiving, sending }: Json<Status>["mailboxes"][number]["opened"]): string[] {
  const label = "  opened:    ";
  if (receiving !== null && receiving.words === sending?.words) return [`${label}${receiving.words}`];
  return [
    ...(receiving === null ? [] : [`${label}to receive ${receiving.words}`]),
    ...(sending === null ? [] : [`${label}to send ${sending.words}`]),
  ];
}

function tokenLines({ state, expiresAt, renewable, error }: Json<TokenStatus>): string[] {
  const label = "  token:     ";
  if (state === "missing" && error === null) return [`${label}none yet`];
  const until = expiresAt === null ? "" : `, ${renewable ? "renewed by itself before" : "good until"} ${moment(expiresAt)}`;
  if (error === null) return [`${label}works${until}`];
  return [
    `${label}FAILING. ${error.message}`,
    ...(error.serverSaid ? [`    the service said: ${error.serverSaid}`] : []),
    `    what to do: ${error.remedy}`,
  ];
}

/** What somebody has to do so that Waypost may open a mailbox. */
export function offerLines(offer: Json<AuthorizationOffer>): string[] {
  if (offer.address === null) return ["Nobody has to sign in; the application asks for its own token."];
  const where = offer.kind === "device" ? "Open this address on any device" : "Open this address in a browser on this machine";
  return [
    `${where} and sign in (until ${moment(offer.expiresAt)}):`,
    "",
    `  ${offer.address}`,
    "",
    ...(offer.userCode === null ? [] : [`and enter the code  ${offer.userCode}`, ""]),
  ].map(printable);
}

export function authorizedLines({ target, expiresAt, renewable, mailboxes }: Json<AuthorizationResult>): string[] {
  const until = expiresAt === null ? "" : ` It is good until ${moment(expiresAt)}`;
  const after = renewable
    ? " and renewed by itself."
    : ` and NOT renewable: somebody has to authorize ${target} again then (docs/oauth.md).`;
  return [
    `Authorized: ${target}.${until === "" ? "" : `${until}${after}`}`,
    ...mailboxes.flatMap((one) => [
      `  ${one.mailbox}: ${one.message}`,
      ...(one.serverSaid ? [`    the server said: ${one.serverSaid}`] : []),
      ...(one.remedy ? [`    what to do: ${one.remedy}`] : []),
    ]),
    isTakenByServers({ mailboxes })
      ? "A running service goes on by itself; without one, `waypost check` and `waypost receive` are next."
      : "The token is stored. `waypost check` shows each step to the mail server.",
  ].map(printable);
}

/** No mailbox speaks against the token, and one for it where there are any. */
export function isTakenByServers({ mailboxes }: Pick<Json<AuthorizationResult>, "mailboxes">): boolean {
  return !mailboxes.some((one) => one.result === "failed") && (mailboxes.length === 0 || mailboxes.some((one) => one.result === "ok"));
}

function folderLines(folders: readonly Json<FolderStatus>[]): string[] {
  return folders.map((one) => {
    const count = one.messages === null ? "unknown number of messages" : plural(one.messages, "message");
    const remark = one.remark === null ? "" : `${one.read ? "." : ""} ${one.remark}`;
    return `  folder:    ${one.name} (${count}) ${one.read ? "is read" : `is not read. ${one.because}`}${remark}`;
  });
}

export function explanationLines(explanation: Json<Explanation>): string[] {
  return [
    ...explanation.incoming.flatMap((one) => [
      headingOf(one),
      `  Received ${moment(one.received)} in ${one.mailbox}${one.folders.length > 0 ? `, now in ${one.folders.join(" and ")}` : ""}.`,
      ...one.sentences.map((sentence) => `  ${sentence}`),
      ...(one.emailId ? [`  Email in the CRM: ${one.emailId}`] : []),
    ]),
    ...explanation.outgoing.flatMap((one) => [
      `Email ${one.emailId} sent as <${one.messageId}>`,
      `  Send was pressed ${one.generation === 1 ? "once" : `${one.generation} times`}; ${plural(one.attempts, "attempt")}; last change ${moment(one.changedAt)}.`,
      ...one.sentences.map((sentence) => `  ${sentence}`),
    ]),
    ...explanation.mailboxes.flatMap((one) => [`Mailbox ${one.mailbox}`, ...one.sentences.map((sentence) => `  ${sentence}`)]),
    ...(explanation.pending === null ? [] : [`Email ${explanation.pending.emailId} has not left. ${explanation.pending.because}`]),
  ].map(printable);
}

/** What is said of a key of which nothing is known: where the message could lie without having been seen. */
export function nothingKnownLines(key: string, { notRead }: Json<Explanation>): string[] {
  return [
    `Nothing is known of ${key}. Either no mailbox that is read has seen it, or its folder is not read: \`waypost status\` names those.`,
    ...notRead.map((one) => `Not read at all: ${one.because}`),
  ].map(printable);
}

export function quarantineLines(rows: readonly Json<QuarantineRow>[]): string[] {
  if (rows.length === 0) return ["Nothing is in quarantine."];
  return rows
    .flatMap((row) => [
      `${row.id}  ${row.mailbox}: message ${messageId(row.messageId)} from ${row.sender ?? "nobody"}, received ${moment(row.received)}`,
      `    ${row.message}`,
      ...(row.serverSaid ? [`    the server said: ${row.serverSaid}`] : []),
      `    failed to ${row.step} ${plural(row.attempts, "time")}, last ${moment(row.triedAt)}${row.retry ? "; will be tried again" : ""}`,
      `    what to do: ${row.remedy}`,
    ])
    .map(printable);
}

const DIRECTION_NAMES = { receive: "incoming", send: "outgoing", "both ways": "both ways", CRM: "CRM" } as const;
const RESULT_NAMES = { ok: "ok     ", warning: "WARNING", failed: "FAILED " } as const;

/** What happened while mailboxes are tested. */
export function checkEventLines(event: Json<CheckEvent>): string[] {
  if ("step" in event) return checkStepLines(event.step);
  return "done" in event ? checkEndLines(event.done) : [printable(event.mailbox)];
}

/** One step, as soon as it is done. */
function checkStepLines(step: Json<CheckStep>): string[] {
  return [
    `  ${RESULT_NAMES[step.result]} ${DIRECTION_NAMES[step.direction]}, ${step.name}: ${step.message}`,
    ...(step.serverSaid ? [`          the server said: ${step.serverSaid}`] : []),
    ...(step.remedy ? [`          what to do: ${step.remedy}`] : []),
  ].map(printable);
}

/** What is told of a mailbox when all steps are done. */
function checkEndLines(check: Json<MailboxCheck>): string[] {
  return [
    ...check.untouched.map(({ direction, because }) => `  not tried ${DIRECTION_NAMES[direction]}: ${because}`),
    `  test:      ${testWords(check.test)}`,
    ...folderLines(check.folders),
    "",
  ].map(printable);
}

const TEST_WORDS = { 0: "Not Run", 1: "Success", 2: "Failure" } as const;

function testWords(test: Json<TestState>): string {
  const words = `incoming ${TEST_WORDS[test.incomingemailstatus]}, outgoing ${TEST_WORDS[test.outgoingemailstatus]}`;
  return test.testmailboxaccesscompletedon === null ? words : `${words}, last run ${moment(test.testmailboxaccesscompletedon)}`;
}

export function receivedLines({ mailboxes, counts, failures, left }: Json<RunResult<Counts>>): string[] {
  const { received, tracked, skipped, duplicate, quarantined, moved } = counts;
  return [
    `${plural(mailboxes - left.length - failures.length, "mailbox")} read: ${plural(received, "message")}, ${tracked} tracked, ${skipped} skipped, ${duplicate} duplicate, ${quarantined} quarantined, ${moved} moved`,
    ...leftLines(left),
    ...failureLines(failures),
  ];
}

export function sentLines({ counts, failures, left }: Json<RunResult<SendCounts>>): string[] {
  const { sent, failed, waiting, unknown } = counts;
  return [
    `${plural(sent, "email")} sent, ${failed} failed, ${waiting} to be tried again, ${unknown} unknown`,
    ...leftLines(left),
    ...failureLines(failures),
  ];
}

/** Mailboxes that were not touched. */
export function leftLines(left: readonly Json<LeftMailbox>[]): string[] {
  return left.map(({ mailbox, state, because }) => printable(`${state === "waits" ? "WAITS" : "off  "}  ${mailbox}: ${because}`));
}

export function failureLines(failures: readonly Json<MailboxFailure>[]): string[] {
  return failures
    .flatMap((one) => [
      `FAILED ${one.message}`,
      ...(one.serverSaid ? [`  the server said: ${one.serverSaid}`] : []),
      `  what to do: ${one.remedy}`,
    ])
    .map(printable);
}

export function plural(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun}${noun.endsWith("x") ? "es" : "s"}`;
}

/** Without C0 and C1 control characters and bidirectional overrides: subjects and server texts come from strangers. */
export function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\uFFFD");
}

/** A line broken at spaces for a screen of that width; what follows is indented below it. A word longer than the screen is left whole, to be copied. */
export function folded(line: string, width: number): string[] {
  const indent = `${/^ */.exec(line)?.[0] ?? ""}  `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const start = lines.length === 0 ? indent.length - 2 : indent.length;
    const inside = rest.lastIndexOf(" ", width);
    const at = inside > start ? inside : rest.indexOf(" ", Math.max(width, start));
    if (at < 0) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = `${indent}${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}

/** An instant to the second, in UTC as in the sentences about decisions. */
export function moment(iso: string | null): string {
  return iso === null ? "never" : `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

/** Of what is private or purged, nothing but its number is told. */
function headingOf({ messageId: id, from, decisionId }: Json<IncomingExplanation>): string {
  const name = id === null ? `number ${decisionId}` : `<${id}>`;
  return `Message ${name}${from === null ? "" : ` from ${from}`}`;
}

function messageId(id: string | null): string {
  return id === null ? "without Message-ID" : `<${id}>`;
}
