import { CORRELATION, type CorrelationMethod, REASON, type ReasonCode } from "../model/decision.ts";
import type { Status } from "../model/email.ts";
import { type Html, html } from "./html.ts";

/** Values of the CRM in the words its people know. */
export const STATUS_NAMES: Readonly<Record<Status, string>> = {
  1: "Draft",
  2: "Completed",
  3: "Sent",
  4: "Received",
  5: "Canceled",
  6: "Pending Send",
  7: "Sending",
  8: "Failed",
};

const REASON_NAMES: Readonly<Record<ReasonCode, string>> = {
  [REASON.unknown]: "a rule of its own",
  [REASON.duplicate]: "duplicate",
  [REASON.noCorrelationMatch]: "no correlation match",
  [REASON.correlationMatch]: "correlation match",
  [REASON.noRecipientMatch]: "no recipient match",
  [REASON.internalEmailRejected]: "internal e-mail rejected",
  [REASON.senderMatch]: "sender match",
  [REASON.acceptAll]: "accept all",
  [REASON.invalidSender]: "invalid sender",
};

const CORRELATION_NAMES: Readonly<Record<CorrelationMethod, string>> = {
  [CORRELATION.none]: "none found",
  [CORRELATION.skipped]: "not asked",
  [CORRELATION.inReplyTo]: "In-Reply-To or References",
  [CORRELATION.trackingToken]: "tracking token",
  [CORRELATION.conversationIndex]: "conversation index",
  [CORRELATION.smartMatching]: "smart matching",
};

const RECORD_NAMES: Readonly<Record<string, string>> = {
  account: "Account",
  contact: "Contact",
  lead: "Lead",
  queue: "Queue",
  systemuser: "User",
};

export function reasonName(reason: number): string {
  return Object.entries(REASON_NAMES).find(([code]) => Number(code) === reason)?.[1] ?? `reason ${reason}`;
}

export function correlationName(method: number): string {
  return Object.entries(CORRELATION_NAMES).find(([code]) => Number(code) === method)?.[1] ?? `method ${method}`;
}

export function recordTypeName(type: string): string {
  return RECORD_NAMES[type] ?? type;
}

/** A moment to the minute, in UTC: the page does not know its reader's clock. */
export function moment(date: Date | null): Html {
  if (date === null) return html`<span class="quiet">never</span>`;
  const iso = date.toISOString();
  return html`<time datetime="${iso}" title="${iso}">${iso.slice(0, 16).replace("T", " ")}</time>`;
}

/** A sentence for people, with its `commands` set apart. */
export function prose(sentence: string): Html {
  return html`${sentence.split(/`([^`]+)`/).map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}

export function plural(count: number, noun: string, several = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : several}`;
}

export function bytes(size: number): string {
  if (size < 1024) return plural(size, "byte");
  const [amount, unit] = size < 1024 * 1024 ? [size / 1024, "KB"] : [size / 1024 / 1024, "MB"];
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${unit}`;
}
