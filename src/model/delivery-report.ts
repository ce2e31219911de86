import type { Address } from "./address.ts";
import type { MessageHead } from "./message.ts";

/**
 * What a report says became of a message at one recipient, the gravest first: `failed` to `delivered` are the actions of RFC 3464 2.3.3, `complaint` is
 * a feedback report (RFC 5965), `displayed`, `deleted` and `processed` are dispositions (RFC 8098 3.2.6).
 */
export const REPORT_KINDS = [
  "failed",
  "complaint",
  "delayed",
  "expanded",
  "relayed",
  "delivered",
  "displayed",
  "deleted",
  "processed",
] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

/** What became of a message at one of its recipients. Everything in it was written by a stranger. */
export interface ReportedRecipient {
  /** As the reporting server knows it; not seldom another one than was written to. Empty where it names nobody. */
  readonly address: string;
  /** The address that was written to, where the report names it. */
  readonly originalAddress: string | null;
  readonly kind: ReportKind;
  /** Enhanced status code `class.subject.detail` (RFC 3463), or null. */
  readonly status: string | null;
  /** What the server that refused it said, on one line; null when the report does not tell. */
  readonly diagnosis: string | null;
}

/** A message by which a program tells what became of another one: a bounce, a delay, a complaint, a receipt. */
export interface DeliveryReport {
  /** The gravest of the recipients'. */
  readonly kind: ReportKind;
  /** In the order of the report, at most {@link REPORTED_RECIPIENTS}; empty where it names none, as complaints may. */
  readonly recipients: readonly ReportedRecipient[];
  /** Message-IDs, without angle brackets, under which it names the message that it is about; empty when it does not. */
  readonly messageIds: readonly string[];
  /** X-Waypost-Email of that message: the id of the email that it was made of. */
  readonly emailMark: string | null;
}

/** What is known of the content of a message that looks like a delivery report, as far as the rules ask. */
export interface ReportEvidence {
  /** Null when the content is no report, or was not read. */
  readonly report: Pick<DeliveryReport, "kind"> | null;
  /** Message-IDs of the email that it may be about: those that it names, and those under which the email went out whose mark it gives back. */
  readonly about: readonly string[];
  /** Why the content was not read, as a sentence; null when it was. */
  readonly unread: string | null;
}

/** Recipients kept of one report; a server reports on all recipients of one transaction together, a hundred as a rule (RFC 5321 4.5.3.1.8). */
export const REPORTED_RECIPIENTS = 100;

/** Longest diagnosis kept, in characters. */
export const DIAGNOSIS_LENGTH = 500;

const REPORT_TYPE = /^\s*(?:multipart\/report|message\/(?:global-)?delivery-status|message\/feedback-report)\b/i;

/** What mail servers call themselves. */
const SERVER_NAME = /^(?:mailer-daemon|postmaster|mail\.delivery\.system)(?:@|$)/i;

/**
 * Whether a message may be a delivery report as far as its head tells, so that its content is worth a look: its type says so, it names failed
 * recipients, a mail server or nobody wrote it, or it has no return path and answers nothing. Automatic answers have no return path either.
 */
export function looksLikeReport({
  headers,
  from,
  sender,
  inReplyTo,
}: Pick<MessageHead, "headers" | "from" | "sender" | "inReplyTo">): boolean {
  const value = (field: string) => headers.find(([name]) => name === field)?.[1] ?? "";
  if (REPORT_TYPE.test(value("content-type")) || value("x-failed-recipients") !== "") return true;
  const authors = sender === null ? from : [...from, sender];
  if (authors.length === 0 || authors.some(isServer)) return true;
  return isNullPath(value("return-path")) && inReplyTo.length === 0;
}

/** Whether an address is one under which mail servers write (RFC 5321 4.5.1). */
export function isServer({ address }: Address): boolean {
  return SERVER_NAME.test(address.trim());
}

/** A return path that takes no answer (RFC 5321 4.5.5). */
export function isNullPath(returnPath: string): boolean {
  return returnPath.replace(/\s/g, "") === "<>";
}

/** What came back of an outgoing email from one recipient. */
export interface Returned {
  readonly emailId: string;
  /** The email that the report became. */
  readonly reportId: string;
  /** Message-ID under which the report names the email, or null. */
  readonly messageId: string | null;
  /** Empty where the report names nobody. */
  readonly recipient: string;
  readonly kind: ReportKind;
  readonly status: string | null;
  readonly diagnosis: string | null;
  /** When the report was received. */
  readonly at: Date;
}
