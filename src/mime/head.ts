import { hash } from "node:crypto";
import type { Address } from "../model/address.ts";
import type { MessageHead } from "../model/message.ts";
import type { Origin } from "../model/origin.ts";
import { parseAddresses } from "./addresses.ts";
import { textOfBytes } from "./charset.ts";
import { parseDate } from "./dates.ts";
import { decodeWords } from "./encoded-words.ts";
import { type HeaderField, headerFields } from "./header-block.ts";
import { messageIds, references } from "./message-ids.ts";
import { oneLine } from "./one-line.ts";

/** Fields that have a place of their own in a head. */
const OWN_FIELDS = [
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
  "references",
  "thread-index",
] as const;

/** Fields that rules ask about and that stand in `MessageHead.headers`. */
const OTHER_FIELDS = [
  "thread-topic",
  "auto-submitted",
  "precedence",
  "list-id",
  "list-post",
  "list-unsubscribe",
  "list-unsubscribe-post",
  "feedback-id",
  "x-auto-response-suppress",
  "x-autoreply",
  "x-autorespond",
  "x-autoresponder",
  "x-autoreply-from",
  "x-mail-autoreply",
  "x-ms-exchange-generated-message-source",
  "x-fc-machinegenerated",
  "x-loop",
  "x-failed-recipients",
  "return-path",
  "content-type",
  "importance",
  "x-priority",
  "sensitivity",
  "delivered-to",
  "x-original-to",
  "resent-message-id",
  "x-waypost-email",
] as const;

/** Names of the header fields that a source fetches for a head, in lower case. */
export const HEADER_FIELDS: readonly string[] = [...OWN_FIELDS, ...OTHER_FIELDS];

/** Longest subject kept, in characters; Dynamics keeps 400 (`email.subject`), tokens and matching see the whole of these. */
export const SUBJECT_LENGTH = 998;

/** Longest value kept in `MessageHead.headers`, in characters. */
export const HEADER_VALUE_LENGTH = 2000;

/** Entries kept in `MessageHead.headers`; real messages have a dozen. */
export const HEADERS_KEPT = 100;

/** Longest conversation index kept, in base64 characters: 22 bytes and 5 for each answer make room for 150 answers. */
const CONVERSATION_INDEX_LENGTH = 1024;

/** What the mail system tells of a message besides its header. */
export type HeadFacts = Pick<MessageHead, "ref" | "folders" | "received" | "receivedFrom" | "size" | "flags" | "providerId">;

const wanted = new Set(HEADER_FIELDS);
const ORIGIN_FIELDS: ReadonlySet<string> = new Set(["message-id", "from", "date", "subject"]);
const other: ReadonlySet<string> = new Set(OTHER_FIELDS);

/**
 * The head of a message from its raw header block: whole or only the fields of {@link HEADER_FIELDS}, with or without a body
 * behind it. Never throws, whatever the bytes, and takes time linear in them. Of a field that may stand once, the first counts;
 * the lists of several To, Cc and Bcc fields are joined. `truncated` tells that a limit named in this folder left something out.
 */
export function parseHead(block: Buffer, facts: HeadFacts): MessageHead {
  return headFrom(block, facts, wanted);
}

function headFrom(block: Buffer, facts: HeadFacts, names: ReadonlySet<string>): MessageHead {
  const { fields, truncated } = headerFields(block, (name) => names.has(name));
  const cut: boolean[] = [truncated];
  const first = (name: string): string => fields.find((field) => field.name === name && field.value !== "")?.value ?? "";
  const addresses = (name: string): readonly Address[] => {
    const joined = fields.filter((field) => field.name === name).map(wholeEntries);
    const parsed = parseAddresses(joined.join(", "));
    cut.push(parsed.truncated);
    return parsed.addresses;
  };
  const ids = (name: string, read: typeof messageIds): readonly string[] => {
    const found = read(first(name));
    cut.push(found.truncated);
    return found.ids;
  };
  const subject = oneLine(textIn(first("subject")));
  const others = fields.filter((field) => other.has(field.name));
  cut.push(subject.length > SUBJECT_LENGTH, others.length > HEADERS_KEPT);
  const head = {
    ...facts,
    messageId: ids("message-id", messageIds)[0] ?? null,
    inReplyTo: ids("in-reply-to", messageIds),
    references: ids("references", references),
    subject: oneLine(subject, SUBJECT_LENGTH),
    from: addresses("from"),
    sender: addresses("sender")[0] ?? null,
    replyTo: addresses("reply-to"),
    to: addresses("to"),
    cc: addresses("cc"),
    bcc: addresses("bcc"),
    date: parseDate(first("date")),
    conversationIndex: conversationIndex(first("thread-index")),
    headers: others.slice(0, HEADERS_KEPT).map(header),
    originDigest: originDigest(block),
  };
  return { ...head, truncated: cut.includes(true) };
}

/** What a raw message's own header says of whose message it is, and which. */
export function originOf(mime: Buffer): Origin {
  const nothing = { ref: { stream: "", id: "" }, folders: [], received: new Date(0), size: 0, flags: [], providerId: null };
  const { messageId, from, date, subject } = headFrom(linesOfOrigin(mime), nothing, ORIGIN_FIELDS);
  return { messageId, from, date, subject };
}

/** Header bytes looked through for them; what stands behind was not read as a head either. */
const ORIGIN_BYTES = 1024 * 1024;

const LINE_FEED = 0x0a;

/** How a line of one of them begins; blanks before the colon are the obsolete form of RFC 5322 4.5. */
const ORIGIN_LINE = /^(?:message-id|from|date|subject)[ \t]*:/i;
/** Bytes of a line that are looked at for it: as many as a field's name may have in header-block.ts. */
const LONGEST_LABEL = 200;

/** Of how the fields of {@link Origin} are written: where two blocks have one digest, {@link originOf} need not read both. */
export function originDigest(block: Buffer): string {
  return hash("sha256", linesOfOrigin(block), "base64");
}

/** The header lines of these fields alone: most of a header is what relays wrote, and costs nothing so. */
function linesOfOrigin(mime: Buffer): Buffer {
  const kept: Buffer[] = [];
  let isKept = false;
  for (let at = 0, next: number; at < mime.length && at < ORIGIN_BYTES; at = next) {
    const found = mime.indexOf(LINE_FEED, at);
    next = found < 0 ? mime.length : found + 1;
    const first = String.fromCharCode(mime[at] ?? 0).toLowerCase();
    if (first === "\n" || (first === "\r" && next === at + 2)) break;
    if (first !== " " && first !== "\t")
      isKept = "mfds".includes(first) && ORIGIN_LINE.test(mime.toString("latin1", at, at + LONGEST_LABEL));
    if (isKept) kept.push(mime.subarray(at, next));
  }
  return Buffer.concat(kept);
}

/** The list without its last entry where that was cut in two: half an address is somebody else's address. */
function wholeEntries(list: HeaderField): string {
  return list.cut ? list.value.slice(0, Math.max(0, list.value.lastIndexOf(","))) : list.value;
}

function textIn(value: string): string {
  return decodeWords(textOfBytes(value));
}

/** Values for programs stay as they are; only the topic is text that people wrote. */
function header(field: HeaderField): readonly [string, string] {
  const value = field.name === "thread-topic" ? textIn(field.value) : textOfBytes(field.value);
  return [field.name, oneLine(value, HEADER_VALUE_LENGTH)];
}

function conversationIndex(value: string): string | null {
  const index = value.replace(/\s+/g, "");
  return index !== "" && index.length <= CONVERSATION_INDEX_LENGTH && /^[A-Za-z0-9+/]+={0,2}$/.test(index) ? index : null;
}
