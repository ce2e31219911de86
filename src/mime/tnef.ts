import { ByteReader, CutShort } from "./byte-reader.ts";
import { decodeText } from "./charset.ts";
import { codePageLabel } from "./code-pages.ts";
import { decompressRtf } from "./compressed-rtf.ts";
import { htmlToText } from "./html-text.ts";
import { MAPI, type MapiProperty, propertyNumber, propertyText, readProperties } from "./mapi-properties.ts";
import { rtfText } from "./rtf-text.ts";

/** A file that a winmail.dat holds. */
export interface TnefFile {
  readonly name: string | null;
  readonly mimetype: string | null;
  readonly contentId: string | null;
  /** A view of the bytes, not a copy, except where it is the text of a message inside. */
  readonly body: Buffer;
}

/** What a winmail.dat holds. */
export interface TnefContent {
  readonly subject: string | null;
  readonly html: string | null;
  readonly text: string | null;
  readonly files: readonly TnefFile[];
  /** False where something in it could not be taken out: then it is worth keeping beside what was. */
  readonly whole: boolean;
}

/** Messages inside each other; real ones have two. */
const DEPTH = 5;

/** Files of one winmail.dat, those of the messages inside it counted. Real ones have a dozen. */
export const TNEF_FILES = 500;

/** Longest text or HTML body that is read, in bytes: sixteen times what the CRM stores of one. */
const BODY_BYTES = 16 * 1024 * 1024;

const SIGNATURE = 0x223e9f78;

/** Attributes by their number (MS-OXTNEF 2.1.2); the upper half is the type, and the same for each. */
const ATTRIBUTE = {
  codePage: 0x00069007,
  messageClass: 0x00078008,
  subject: 0x00018004,
  body: 0x0002800c,
  properties: 0x00069003,
  attachmentBegins: 0x00069002,
  attachmentTitle: 0x00018010,
  attachmentData: 0x0006800f,
  attachmentProperties: 0x00069005,
} as const;

/** An ordinary message. Meetings, tasks and contacts hold more than text and files. */
const NOTE = /^(?:ipm\.(?:microsoft mail\.)?note(?:\.|$)|(?:ipm)?$)/i;

/** IID_IMessage, in front of a message inside (MS-OXTNEF 2.1.3.4.2). */
const MESSAGE_INTERFACE = Buffer.from("0703020000000000c000000000000046", "hex");

interface Part {
  title: Buffer | null;
  data: Buffer | null;
  readonly properties: Map<number, MapiProperty>;
}

/** What was read so far; at a fault it is what there is. */
interface Reading {
  readonly depth: number;
  /** Files that may still be added, shared with the messages inside. */
  readonly budget: { files: number };
  readonly parts: Part[];
  readonly properties: Map<number, MapiProperty>;
  codePage: number;
  subject: Buffer | null;
  body: Buffer | null;
  whole: boolean;
}

/** Whether these bytes are a TNEF stream, which mail programs name winmail.dat. */
export function isTnef(bytes: Buffer): boolean {
  return bytes.length >= 6 && bytes.readUInt32LE(0) === SIGNATURE;
}

/**
 * Opens a winmail.dat, in which Outlook and Exchange wrap a message's rich text and its files (MS-OXTNEF). Null where the bytes are none.
 * Never throws and needs time and memory linear in the bytes: where they break off or lie, what came before is answered, and `whole` is false.
 * The sums behind the attributes are not compared: a wrong one takes no file away.
 */
export function openTnef(bytes: Buffer): TnefContent | null {
  return opened(bytes, 0, { files: TNEF_FILES });
}

function opened(bytes: Buffer, depth: number, budget: Reading["budget"]): TnefContent | null {
  if (!isTnef(bytes) || depth > DEPTH) return null;
  const reading: Reading = { depth, budget, parts: [], properties: new Map(), codePage: 1252, subject: null, body: null, whole: true };
  try {
    readAttributes(new ByteReader(bytes.subarray(6)), reading);
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
    reading.whole = false;
  }
  const files = reading.parts.flatMap((part) => filesOf(part, reading));
  return { subject: textOf(reading, MAPI.subject, reading.subject), ...bodiesOf(reading), files, whole: reading.whole };
}

function readAttributes(reader: ByteReader, reading: Reading): void {
  while (reader.left > 0) {
    reader.byte();
    const attribute = reader.long();
    const data = reader.take(reader.long());
    // The last sum is missing in some.
    reader.take(Math.min(2, reader.left));
    keep(attribute, data, reading);
  }
}

function keep(attribute: number, data: Buffer, reading: Reading): void {
  if (attribute === ATTRIBUTE.codePage && data.length >= 4) reading.codePage = data.readUInt32LE(0);
  else if (attribute === ATTRIBUTE.messageClass) reading.whole &&= NOTE.test(data.toString("latin1", 0, 200).replaceAll("\0", ""));
  else if (attribute === ATTRIBUTE.subject) reading.subject = data;
  else if (attribute === ATTRIBUTE.body) reading.body = data;
  else if (attribute === ATTRIBUTE.properties) keepProperties(data, reading.properties, reading);
  else if (attribute === ATTRIBUTE.attachmentBegins) begin(reading);
  else if (attribute === ATTRIBUTE.attachmentTitle) current(reading).title = data;
  else if (attribute === ATTRIBUTE.attachmentData) current(reading).data = data;
  else if (attribute === ATTRIBUTE.attachmentProperties) keepProperties(data, current(reading).properties, reading);
}

/** A fault inside one list ends that list only. */
function keepProperties(data: Buffer, properties: Map<number, MapiProperty>, reading: Reading): void {
  try {
    reading.whole = readProperties(new ByteReader(data), properties) && reading.whole;
  } catch (error) {
    if (!(error instanceof CutShort)) throw error;
    reading.whole = false;
  }
}

function begin(reading: Reading): Part {
  const part: Part = { title: null, data: null, properties: new Map() };
  if (reading.parts.length < TNEF_FILES) reading.parts.push(part);
  else reading.whole = false;
  return part;
}

function current(reading: Reading): Part {
  return reading.parts.at(-1) ?? begin(reading);
}

function filesOf(part: Part, reading: Reading): TnefFile[] {
  const { properties } = part;
  const attached = properties.get(MAPI.attachment)?.value ?? null;
  const title = part.title === null ? null : decodeText(part.title, codePageLabel(reading.codePage));
  const named = (id: number): string | null => propertyText(properties.get(id), reading.codePage);
  const name = named(MAPI.longFileName) ?? named(MAPI.shortFileName) ?? title ?? named(MAPI.displayName);
  if (attached?.subarray(0, 16).equals(MESSAGE_INTERFACE)) return messageFiles(attached.subarray(16), name, reading);
  const body = part.data ?? attached;
  if (body === null || reading.budget.files === 0) {
    reading.whole = false;
    return [];
  }
  reading.budget.files -= 1;
  return [{ name, mimetype: named(MAPI.mimeType)?.toLowerCase() ?? null, contentId: named(MAPI.contentId), body }];
}

/** A message inside becomes a text file and its files: it has no MIME of its own that could be kept. */
function messageFiles(bytes: Buffer, name: string | null, reading: Reading): TnefFile[] {
  const inside = opened(bytes, reading.depth + 1, reading.budget);
  reading.whole &&= inside?.whole === true;
  if (inside === null) return [];
  const text = inside.text ?? (inside.html === null ? null : htmlToText(inside.html));
  if (text === null) return [...inside.files];
  if (reading.budget.files === 0) {
    reading.whole = false;
    return [...inside.files];
  }
  reading.budget.files -= 1;
  const title = (inside.subject ?? name ?? "message").slice(0, 200);
  return [{ name: `${title}.txt`, mimetype: "text/plain", contentId: null, body: Buffer.from(text, "utf8") }, ...inside.files];
}

function bodiesOf(reading: Reading): Pick<TnefContent, "html" | "text"> {
  const text = textOf(reading, MAPI.body, reading.body)?.replaceAll("\r\n", "\n") ?? null;
  const codePage = propertyNumber(reading.properties.get(MAPI.internetCodePage)) ?? reading.codePage;
  const html = propertyText(bounded(reading.properties.get(MAPI.html)), codePage);
  if (html !== null) return { html, text };
  const compressed = reading.properties.get(MAPI.compressedRtf)?.value;
  const rtf = compressed === undefined ? null : decompressRtf(compressed);
  if (rtf === null) return { html: null, text };
  const read = rtfText(rtf);
  const body = read.text.replaceAll("\r\n", "\n");
  return read.kind === "html" ? { html: body, text } : { html: null, text: text ?? body };
}

function textOf(reading: Reading, id: number, attribute: Buffer | null): string | null {
  const property = propertyText(bounded(reading.properties.get(id)), reading.codePage);
  if (property !== null || attribute === null) return property;
  return decodeText(attribute.subarray(0, BODY_BYTES), codePageLabel(reading.codePage)) || null;
}

function bounded(property: MapiProperty | undefined): MapiProperty | undefined {
  return property === undefined ? undefined : { ...property, value: property.value.subarray(0, BODY_BYTES) };
}
