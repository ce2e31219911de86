import { type Address, addressKey } from "../model/address.ts";
import type { OutgoingEmail, Recipient } from "../model/email.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import type { Envelope } from "../ports.ts";
import { hasLineBreak, isSendable, needsSmtpUtf8 } from "./address-syntax.ts";

export type Permission = Permitted | Refusal;

/** The email may leave, to these and nobody else. */
export interface Permitted {
  readonly ok: true;
  readonly envelope: Envelope;
  /** For the headers, each address once per field. Blind copies stand in the envelope only. */
  readonly from: Address;
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly bcc: readonly Address[];
}

/** Why an email may not leave. Waiting does not help, but where it is `held`: whether it may is not known, and a person can settle that. */
export interface Refusal {
  readonly ok: false;
  readonly held?: true;
  /** Dynamics' error code where it has one (product-behaviour 5.7), else a stable word. */
  readonly code: string;
  readonly message: string;
  /** The next step for a person. */
  readonly remedy: string;
}

type SendSettings = Pick<OrganizationSettings, "allowunresolvedpartiesonemailsend">;

/**
 * Whether an email may leave the CRM, and to whom exactly (product-behaviour 4.2). Every address is checked before anything is sent, so
 * that no recipient gets what another could not be sent. Whether the mailbox is active and approved is for the engine to ask.
 */
export function permit(email: OutgoingEmail, settings: SendSettings): Permission {
  const { from, recipients } = email;
  if (from === null) return refuse("no sender", "The email has no sender.", "Choose a user or queue as From and send it again.");
  const people = [from, ...recipients];
  const refusal =
    refuseSender(email, from) ??
    refuseEmptyList(recipients) ??
    refuseLineBreaks(people) ??
    refuseBadAddresses(people) ??
    refuseUnresolved(recipients, settings) ??
    refuseUnwilling(recipients);
  if (refusal !== null) return refusal;
  return {
    ok: true,
    envelope: envelopeOf(from, recipients),
    from: trimmed(from.address),
    to: addressesOf(recipients, "to"),
    cc: addressesOf(recipients, "cc"),
    bcc: addressesOf(recipients, "bcc"),
  };
}

function refuseSender(email: OutgoingEmail, from: Recipient): Refusal | null {
  if (email.mayActAsSender === true) return null;
  if (email.mayActAsSender === "not known") return holdForSender(from);
  const remedy =
    'Give the submitter the privilege "Send Email as Another User", and let that user tick "Allow other users to send email on your behalf" in the personal options.';
  return refuse("80040220", `Whoever pressed Send may not send as ${named(from)}.`, remedy);
}

function holdForSender(from: Recipient): Refusal {
  const message = `Who pressed Send is not known: ${named(from)} wrote the email or may have sent it, but somebody else changed it last, and ${named(from)} lets nobody else send.`;
  const remedy =
    'If the email is to leave, let that user tick "Allow other users to send email on your behalf" in the personal options: it is looked at again each hour. Else delete the email, or send a copy of it.';
  return { ...refuse("submitter not known", message, remedy), held: true };
}

function refuseEmptyList(recipients: readonly Recipient[]): Refusal | null {
  if (recipients.length > 0) return null;
  return refuse("80040B04", "The email has no recipient.", "Add at least one recipient to To, Cc or Bcc and send it again.");
}

function refuseLineBreaks(people: readonly Recipient[]): Refusal | null {
  const bad = people.filter(({ address }) => hasLineBreak(address.address) || hasLineBreak(address.name));
  if (bad.length === 0) return null;
  const remedy = "Correct the name and address of the record, then send the email again.";
  return refuse("line break in address", `The name or address holds a line break: ${listing(bad)}.`, remedy);
}

function refuseBadAddresses(people: readonly Recipient[]): Refusal | null {
  const bad = people.filter(({ address }) => !isSendable(address.address.trim()));
  if (bad.length === 0) return null;
  const remedy = "Correct the email address or remove the recipient, then send the email again.";
  return refuse("invalid address", `This is no address that mail can be sent to or from: ${listing(bad)}.`, remedy);
}

function refuseUnresolved(recipients: readonly Recipient[], settings: SendSettings): Refusal | null {
  const bad = settings.allowunresolvedpartiesonemailsend ? [] : recipients.filter((one) => one.record === null);
  if (bad.length === 0) return null;
  const remedy = "Resolve the recipient to a record, or switch allowunresolvedpartiesonemailsend on, then send the email again.";
  return refuse("unresolved recipient", `No record of the CRM, and allowunresolvedpartiesonemailsend is off: ${listing(bad)}.`, remedy);
}

function refuseUnwilling(recipients: readonly Recipient[]): Refusal | null {
  const bad = recipients.filter((one) => one.doNotEmail);
  if (bad.length === 0) return null;
  const remedy = "Remove the recipient, or allow email on the record, then send the email again.";
  return refuse("do not email", `The record does not allow emails: ${listing(bad)}.`, remedy);
}

function envelopeOf(from: Recipient, recipients: readonly Recipient[]): Envelope {
  const sender = from.address.address.trim();
  const addresses = once(recipients).map((one) => one.address);
  return { from: sender, recipients: addresses, needsSmtpUtf8: [sender, ...addresses].some(needsSmtpUtf8) };
}

function addressesOf(recipients: readonly Recipient[], kind: Recipient["kind"]): readonly Address[] {
  return once(recipients.filter((one) => one.kind === kind));
}

/** Their addresses, each once: the first spelling counts. */
function once(recipients: readonly Recipient[]): readonly Address[] {
  const byKey = new Map<string, Address>();
  for (const { address } of recipients) {
    const key = addressKey(address.address);
    if (!byKey.has(key)) byKey.set(key, trimmed(address));
  }
  return [...byKey.values()];
}

function trimmed({ name, address }: Address): Address {
  return { name: name.trim(), address: address.trim() };
}

function refuse(code: string, message: string, remedy: string): Refusal {
  return { ok: false, code, message, remedy };
}

/** Names in one message; more of them help nobody. */
const NAMED = 5;

function listing(people: readonly Recipient[]): string {
  const names = people.slice(0, NAMED).map(named);
  return people.length > NAMED ? `${names.join(", ")} and ${people.length - NAMED} more` : names.join(", ");
}

function named({ record, address }: Recipient): string {
  const text = address.address.trim() === "" ? "without an address" : `<${shown(address.address)}>`;
  const name = shown(record?.name ?? address.name);
  return name === "" ? text : `${name} ${text}`;
}

/** On one line and of bearable length, for a sentence. */
function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.slice(0, 120);
}
