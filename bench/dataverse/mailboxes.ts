import { createHash } from "node:crypto";
import { parseHead } from "../../src/mime/head.ts";
import type { MessageHead } from "../../src/model/message.ts";
import { CONTACT_EVERY, type Expected, type MadeMessage, madeMessage } from "../ingest/messages.ts";
import { type MadeInbox, refOf } from "../mail-in-memory.ts";

/** Of a hundred messages so many come from contacts, and are tracked. */
export type Share = 0 | 25 | 100;

/** A mailbox of made messages, as it is told to another process. */
export interface MadeMailbox {
  readonly address: string;
  /** Number of its first message: those of other mailboxes have others. */
  readonly first: number;
  readonly messages: number;
  readonly share: Share;
  /** Milliseconds between two arrivals; null: all are there at the beginning. */
  readonly every: number | null;
}

const WRITTEN_BY_CONTACTS: Readonly<Record<Share, (number: number) => boolean>> = {
  0: () => false,
  25: (number) => number % CONTACT_EVERY === 0,
  100: () => true,
};

/** The inbox of a mailbox whose first message arrived at `began` (milliseconds of the epoch). */
export function inboxOf(mailbox: MadeMailbox, began: number): MadeInbox {
  const { messages, every } = mailbox;
  return {
    arrived: () => (every === null ? messages : Math.min(messages, Math.floor((Date.now() - began) / every) + 1)),
    mime: (number) => made(mailbox, number).mime,
    head: (number) => headOf(mailbox, number),
  };
}

function made({ address, first, share }: MadeMailbox, number: number): MadeMessage {
  return madeMessage(first + number, address, WRITTEN_BY_CONTACTS[share]);
}

function headOf(mailbox: MadeMailbox, number: number): MessageHead {
  const { mime, received } = made(mailbox, number);
  return parseHead(mime, { ref: refOf(number), folders: ["INBOX"], received, size: mime.length, flags: [], providerId: null });
}

/** What is to become of the messages of a mailbox: what the CRM has to hold, as `html` the one body that Dynamics keeps. */
export function expectedOf(mailbox: MadeMailbox): Expected[] {
  const { first, messages, share } = mailbox;
  return Array.from({ length: messages }, (_, number) => number)
    .filter((number) => WRITTEN_BY_CONTACTS[share](first + number))
    .map((number) => made(mailbox, number))
    .map(({ expected, html, text }) => ({ ...expected, html: sha256(html ?? shownAsHtml(text ?? "")), text: null }));
}

/** As the same messages stand in the embedded CRM where it is reached in process: with both bodies. */
export function expectedInProcess(mailbox: MadeMailbox): Expected[] {
  const { first, messages, share } = mailbox;
  return Array.from({ length: messages }, (_, number) => number)
    .filter((number) => WRITTEN_BY_CONTACTS[share](first + number))
    .map((number) => made(mailbox, number).expected);
}

/** Plain text as a page that shows it as it was written. */
function shownAsHtml(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<div style="white-space: pre-wrap">${escaped}</div>`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
