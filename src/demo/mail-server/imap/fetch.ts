import type { StoredMessage } from "../folder.ts";
import { messageParts, type Part, partAt } from "../message/message-parts.ts";
import { bodyStructure } from "./body-structure.ts";
import type { FetchItem, Section, SectionText } from "./command.ts";
import { envelope } from "./envelope.ts";
import { formatDateTime } from "./imap-date.ts";
import { type Chunk, flagList, imapString, literal } from "./respond.ts";

/** One untagged FETCH response (RFC 3501 7.4.2) with these items, in order. */
export function fetchResponse(sequence: number, message: StoredMessage, items: readonly FetchItem[]): Chunk[] {
  const chunks: Chunk[] = [`* ${sequence} FETCH (`];
  for (const [index, item] of items.entries()) {
    if (index > 0) chunks.push(" ");
    chunks.push(...fetchItem(message, item));
  }
  chunks.push(")\r\n");
  return chunks;
}

function fetchItem(message: StoredMessage, item: FetchItem): Chunk[] {
  switch (item.kind) {
    case "UID":
      return [`UID ${message.uid}`];
    case "FLAGS":
      return [`FLAGS ${flagList(message.flags)}`];
    case "INTERNALDATE":
      return [`INTERNALDATE "${formatDateTime(message.internalDate)}"`];
    case "RFC822.SIZE":
      return [`RFC822.SIZE ${message.mime.length}`];
    case "MODSEQ":
      return [`MODSEQ (${message.modseq})`];
    case "ENVELOPE":
      return [`ENVELOPE ${envelope(messageParts(message.mime).fields)}`];
    case "BODYSTRUCTURE":
      return [`BODYSTRUCTURE ${bodyStructure(messageParts(message.mime), true)}`];
    case "BODY":
      return [`BODY ${bodyStructure(messageParts(message.mime), false)}`];
    case "section": {
      const whole = sectionBytes(message.mime, item.section);
      const { offset, length } = item.partial ?? { offset: 0, length: Number.POSITIVE_INFINITY };
      const bytes = whole?.subarray(offset, Math.min(whole.length, offset + length)) ?? null;
      const name = item.legacyName ?? `BODY[${sectionName(item.section)}]${item.partial ? `<${offset}>` : ""}`;
      return bytes === null ? [`${name} NIL`] : [`${name} `, ...literal(bytes)];
    }
  }
}

/** The bytes that a section names (RFC 3501 6.4.5), or null when the message has no such part. */
export function sectionBytes(mime: Buffer, { part: numbers, text }: Section): Buffer | null {
  if (numbers.length === 0 && text === null) return mime;
  const root = messageParts(mime);
  const part = partAt(root, numbers);
  if (!part) return null;
  if (text === null) return part.body;
  if (text.kind === "MIME") return part.header;
  // HEADER and TEXT of a numbered part are those of the message inside it, which only message/rfc822 has.
  const message = numbers.length === 0 ? root : part.message;
  return message ? messageText(message, text) : null;
}

function messageText(message: Part, text: SectionText): Buffer {
  switch (text.kind) {
    case "HEADER":
    case "MIME":
      return message.header;
    case "TEXT":
      return message.body;
    case "HEADER.FIELDS":
    case "HEADER.FIELDS.NOT":
      return chosenFields(message, new Set(text.fields.map((name) => name.toLowerCase())), text.kind === "HEADER.FIELDS");
  }
}

/** The fields in the order and form of the message, and the empty line that ends every header subset. */
function chosenFields(message: Part, names: ReadonlySet<string>, wanted: boolean): Buffer {
  const chosen = message.fields.filter((field) => names.has(field.name.toLowerCase()) === wanted);
  const raw = chosen.map((field) => (field.raw.endsWith("\r\n") ? field.raw : `${field.raw}\r\n`));
  return Buffer.from(`${raw.join("")}\r\n`, "latin1");
}

function sectionName({ part, text }: Section): string {
  const what = text === null ? [] : [sectionTextName(text)];
  return [...part.map(String), ...what].join(".");
}

function sectionTextName(text: SectionText): string {
  if (!("fields" in text)) return text.kind;
  // Names that are no atoms go out quoted, as they must have come in.
  const names = text.fields.map((name) => (/^[\w!#$&'+,\-./;<=>?@^`|~]+$/.test(name) ? name : imapString(name)));
  return `${text.kind} (${names.join(" ")})`;
}
