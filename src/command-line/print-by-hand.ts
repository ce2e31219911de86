import type { RegardingResult, TouchedMessage, TrackResult, UntrackResult } from "../engine/operations/by-hand.ts";
import type { ContactResult } from "../engine/operations/make-contact.ts";
import type { ResolveResult } from "../engine/operations/resolve.ts";
import type { RecordRef } from "../model/record.ts";
import { commandAbout } from "../tracking/sentence.ts";
import type { Json } from "./json.ts";
import { plural, printable } from "./print.ts";

/** What came of `waypost track`, as lines for a person. */
export function trackLines({ state, messages, emailId, regarding, left }: Json<TrackResult>): string[] {
  const about = regarding === null ? "" : `; it is about ${recordName(regarding)}`;
  if (state === "an email already") return [`${named(messages)}: it is the email ${emailId} already${about}.`].map(printable);
  return [
    `${named(messages)}: it becomes an email${about}. A running service does it at once, else the next \`waypost receive\`.`,
    ...left.map((because) => `off    ${because}`),
  ].map(printable);
}

const EMAIL = {
  deleted: "its email was deleted from the CRM",
  stays: "its email stays in the CRM; `--delete-email` deletes it",
  none: "the CRM has no email of it",
} as const;

/** What came of `waypost untrack`. */
export function untrackLines({ messages, emailId, email }: Json<UntrackResult>): string[] {
  const id = emailId === null ? "" : ` (${emailId})`;
  return [`${named(messages)}: not tracked any more; ${EMAIL[email]}${id}. Nothing but \`waypost track\` brings it back.`].map(printable);
}

/** What came of `waypost regarding`. */
export function regardingLines({ messages, emailId, regarding }: Json<RegardingResult>): string[] {
  return [`${named(messages)}: the email ${emailId} is about ${regarding === null ? "no record" : recordName(regarding)} now.`].map(
    printable,
  );
}

/** What came of `waypost contact`. */
export function contactLines({ address, record, made }: Json<ContactResult>): string[] {
  if (!made) return [`${address} is ${recordName(record)} already: nothing was made.`].map(printable);
  return [
    `${address} is ${recordName(record)} now. Mail to come counts as the contact's.`,
    ...hint("Mail of it that no filter wanted is decided again by", address, (one) => `waypost replay --sender ${one}`),
    ...hint("Emails on which it stands unresolved get the contact by", address, (one) => `waypost resolve ${one} contact:${record.id}`),
  ].map(printable);
}

function hint(what: string, address: string, command: (address: string) => string): string[] {
  const copied = commandAbout(address, command);
  return copied === null ? [] : [`${what} ${copied}.`];
}

const PLACE = {
  column: "It stands in an e-mail column of the record now",
  "beside the columns": "It stands beside the e-mail columns of the record now",
  "there already": "The record had the address already",
} as const;

/** What came of `waypost resolve`. */
export function resolveLines({ address, record, place, emails, spreads, unfinished }: Json<ResolveResult>): string[] {
  const others = spreads ? "" : " Other emails stay as they are: resolvesimilarunresolvedemailaddress is off.";
  return [
    `${address} is ${recordName(record)}. ${PLACE[place]}; it was unresolved on ${plural(emails, "email")} and is the record there.${others}`,
    ...(unfinished ? ["It was interrupted. Run the command again to resolve the rest."] : []),
  ].map(printable);
}

function named(messages: readonly Json<TouchedMessage>[]): string {
  const [first] = messages;
  const mailboxes = [...new Set(messages.map((one) => one.mailbox))].join(", ");
  return `Message ${first?.messageId ? `<${first.messageId}>` : `${first?.decisionId ?? ""}`} in ${mailboxes}`;
}

function recordName({ type, id, name }: Json<RecordRef>): string {
  return `the ${type} ${name} (${id})`;
}
