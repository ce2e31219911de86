import { beginsField, HEADER_BYTES, headerFields, lineAt } from "./header-block.ts";
import { parameterText, parseStructured, type Structured } from "./parameters.ts";

/** Where reading a message's structure stops. */
export interface PartLimits {
  /** Parts of one message, multiparts counted. Real messages have a dozen, digests some hundred. */
  readonly parts: number;
  /** Multiparts inside each other. Real messages have five. */
  readonly depth: number;
}

/** A part that is no multipart: its description and its body, still encoded. */
export interface Leaf {
  readonly type: Structured;
  readonly disposition: Structured;
  /** Content-Transfer-Encoding in lower case. */
  readonly encoding: string;
  /** Content-ID as written, or null. */
  readonly contentId: string | null;
  /** A view of the message's bytes, not a copy. */
  readonly body: Buffer;
  /** Number of the closest multipart/alternative around it, or null: such leaves show the same thing. */
  readonly alternative: number | null;
  /** Stands in a multipart/related, where a Content-ID makes a part a picture of the body. */
  readonly related: boolean;
}

/** A multipart/signed as it came: what a signature is checked against. */
export interface SignedPart {
  readonly type: Structured;
  /** The header lines that describe it, and its body: views of the message's bytes, not copies. */
  readonly header: Buffer;
  readonly body: Buffer;
}

export interface Parts {
  readonly leaves: readonly Leaf[];
  /** The outermost multipart/signed, in order. */
  readonly signed: readonly SignedPart[];
  /** What a limit or a fault in the message left out, as sentences. */
  readonly remarks: readonly string[];
  /** False: there are more parts than are read. */
  readonly isWhole: boolean;
}

/** Longest boundary looked for. RFC 2046 5.1.1 allows 70 characters; nobody obeys to the letter. */
const BOUNDARY_LENGTH = 1000;

const DASHES = "\n--";

const MBOX_LINE = /^>?From /;

interface Description {
  readonly type: Structured;
  readonly disposition: Structured;
  readonly encoding: string;
  readonly contentId: string | null;
}

interface OpenMultipart {
  readonly boundary: string | null;
  readonly subtype: string;
  readonly alternative: number | null;
  readonly related: boolean;
  readonly headerStart: number;
  readonly bodyStart: number;
  /** How the part itself was described, for when no delimiter of it turns up. */
  readonly description: Description;
  parts: number;
}

interface Delimiter {
  /** Where its line begins; the line break before it belongs to it (RFC 2046 5.1.1). */
  readonly start: number;
  readonly next: number;
  /** Index of the open multipart it belongs to. */
  readonly level: number;
  readonly closes: boolean;
}

interface Walk {
  readonly mime: Buffer;
  readonly limits: PartLimits;
  readonly leaves: Leaf[];
  readonly signed: SignedPart[];
  readonly remarks: Set<string>;
  /** From the outermost to the innermost. */
  readonly open: OpenMultipart[];
  alternatives: number;
}

/**
 * Reads the structure of a message: its leaves in order, each with what the body needs to know of the multiparts around it.
 *
 * Our own reader and not postal-mime, which is an oracle in the tests: a library reads all parts before anybody can stop it, and a count
 * taken beforehand holds only if both find the same boundaries. It also writes unencoded attachments with other line ends, which breaks
 * signatures, and replaces the letters of Latin-1 bodies that name no charset.
 *
 * One pass from line to line with a stack of open boundaries (an outer delimiter ends the inner parts that forgot theirs), so time
 * is linear in the bytes whatever they hold. message/rfc822 is a leaf. Never throws: what stands behind the last part allowed is
 * left out, a multipart too deep is kept whole, one without delimiters is read as text, and `remarks` says so.
 */
export function partsOf(mime: Buffer, limits: PartLimits): Parts {
  const walk: Walk = { mime, limits, leaves: [], signed: [], remarks: new Set(), open: [], alternatives: 0 };
  let at: number | null = 0;
  for (let count = 0; at !== null && count < limits.parts; count += 1) at = readPart(walk, at);
  if (at === null) closeDownTo(walk, 0, mime.length);
  else walk.remarks.add(`The message has more than ${limits.parts} parts; what comes after them was left out.`);
  return { leaves: walk.leaves, signed: walk.signed, remarks: [...walk.remarks], isWhole: at === null };
}

/** Reads the part that begins at `start`; answers where the next one begins, or null at the end of the message. */
function readPart(walk: Walk, start: number): number | null {
  const { mime, open } = walk;
  const parent = open.at(-1);
  if (parent) parent.parts += 1;
  const header = headerEnd(mime, start, open);
  const description = describe(mime.subarray(start, header.end), parent?.subtype === "digest" ? NESTED_MESSAGE : PLAIN_TEXT, walk);
  const multipart = opened(walk, description, start, header.bodyStart);
  if (multipart) open.push(multipart);
  const delimiter = header.delimiter ?? nextDelimiter(mime, header.bodyStart, open);
  if (!multipart) keep(walk, description, header.bodyStart, delimiter === null ? mime.length : withoutLineBreak(mime, delimiter.start));
  return afterDelimiter(walk, delimiter);
}

/** The multipart that a part opens, or null for a leaf. */
function opened(walk: Walk, description: Description, headerStart: number, bodyStart: number): OpenMultipart | null {
  const subtype = multipartOf(description);
  if (subtype === undefined) return null;
  const { open, limits } = walk;
  if (open.length >= limits.depth) {
    walk.remarks.add(`A multipart more than ${limits.depth} deep was kept as an attachment, unread.`);
    return null;
  }
  const boundary = (parameterText(description.type, "boundary") ?? "").trimEnd();
  if (subtype === "alternative") walk.alternatives += 1;
  return {
    // Without a boundary (or one of a length that is none) nothing can be a delimiter, and the multipart ends up as text.
    boundary: boundary !== "" && boundary.length <= BOUNDARY_LENGTH ? boundary : null,
    subtype,
    alternative: subtype === "alternative" ? walk.alternatives : (open.at(-1)?.alternative ?? null),
    related: subtype === "related" || (open.at(-1)?.related ?? false),
    headerStart,
    bodyStart,
    description,
    parts: 0,
  };
}

/** Where the part behind a delimiter begins, with all multiparts closed that the delimiter ends. */
function afterDelimiter(walk: Walk, first: Delimiter | null): number | null {
  let delimiter = first;
  while (delimiter !== null) {
    const level = delimiter.closes ? delimiter.level : delimiter.level + 1;
    closeDownTo(walk, level, withoutLineBreak(walk.mime, delimiter.start), delimiter);
    if (!delimiter.closes) return delimiter.next;
    delimiter = nextDelimiter(walk.mime, delimiter.next, walk.open);
  }
  return null;
}

/** Closes the multiparts above `level`, whose last parts end at `end`; the delimiter that closes one of them belongs to that one. */
function closeDownTo(walk: Walk, level: number, end: number, delimiter: Delimiter | null = null): void {
  while (walk.open.length > level) {
    const left = walk.open.pop();
    const closed = delimiter?.closes === true && delimiter.level === walk.open.length;
    if (left !== undefined && left.parts > 0) keepSigned(walk, left, closed ? delimiter.next : end);
    if (left?.parts !== 0) continue;
    walk.remarks.add("A multipart without any part of its own was read as plain text.");
    keep(walk, { ...left.description, type: PLAIN_TEXT }, left.bodyStart, end);
  }
}

/** A signature inside what another one signs is checked together with that. */
function keepSigned(walk: Walk, { subtype, description, headerStart, bodyStart }: OpenMultipart, end: number): void {
  if (subtype !== "signed" || walk.open.some((around) => around.subtype === "signed")) return;
  const { mime } = walk;
  walk.signed.push({ type: description.type, header: mime.subarray(headerStart, bodyStart), body: mime.subarray(bodyStart, end) });
}

function keep(walk: Walk, description: Description, start: number, end: number): void {
  const around = walk.open.at(-1);
  const body = walk.mime.subarray(start, Math.max(start, end));
  walk.leaves.push({ ...description, body, alternative: around?.alternative ?? null, related: around?.related ?? false });
}

const PLAIN_TEXT: Structured = { value: "text/plain", parameters: new Map() };
const NESTED_MESSAGE: Structured = { value: "message/rfc822", parameters: new Map() };

function multipartOf(description: Description): string | undefined {
  return /^multipart\/(.+)$/.exec(description.type.value)?.[1];
}

function describe(header: Buffer, byDefault: Structured, walk: Walk): Description {
  const { fields, truncated } = headerFields(header, (name) => name.startsWith("content-"));
  if (truncated) walk.remarks.add(`A header of more than ${HEADER_BYTES} bytes was read in part.`);
  const first = (name: string): string | undefined => fields.find((field) => field.name === name)?.value;
  const type = first("content-type");
  const parsed = type === undefined ? byDefault : parseStructured(type);
  return {
    type: parsed.value === "" ? { ...parsed, value: byDefault.value } : parsed,
    disposition: parseStructured(first("content-disposition") ?? ""),
    encoding: (first("content-transfer-encoding") ?? "").toLowerCase(),
    contentId: first("content-id") ?? null,
  };
}

/**
 * The end of a part's header: an empty line, a delimiter (then the part has no body), or the end of the message. A part whose
 * first line is no header field has no header; a line of an mbox file (`From ann@...`) is passed over.
 */
function headerEnd(
  mime: Buffer,
  start: number,
  open: readonly OpenMultipart[],
): { readonly end: number; readonly bodyStart: number; readonly delimiter: Delimiter | null } {
  let at = start;
  while (at < mime.length) {
    const line = lineAt(mime, at, mime.length);
    if (line.end === at) return { end: at, bodyStart: line.next, delimiter: null };
    const delimiter = delimiterAt(mime, at, open);
    if (delimiter) return { end: at, bodyStart: at, delimiter };
    if (at === start && !beginsField(mime, at, line.end) && !MBOX_LINE.test(mime.toString("latin1", at, Math.min(line.end, at + 6)))) {
      return { end: at, bodyStart: at, delimiter: null };
    }
    at = line.next;
  }
  return { end: mime.length, bodyStart: mime.length, delimiter: null };
}

function nextDelimiter(mime: Buffer, from: number, open: readonly OpenMultipart[]): Delimiter | null {
  if (open.length === 0) return null;
  let at = from;
  // The first line counts too: a part may be empty, and then the line break before it belongs to its header.
  let candidate = delimiterAt(mime, at, open);
  while (candidate === null) {
    const dashes = mime.indexOf(DASHES, Math.max(0, at - 1), "latin1");
    if (dashes < 0) return null;
    candidate = delimiterAt(mime, dashes + 1, open);
    at = dashes + DASHES.length;
  }
  return candidate;
}

function delimiterAt(mime: Buffer, start: number, open: readonly OpenMultipart[]): Delimiter | null {
  if (open.length === 0 || mime[start] !== 0x2d || mime[start + 1] !== 0x2d) return null;
  // A line too long for a boundary is no delimiter; looking at its beginning only keeps the search linear.
  const line = lineAt(mime, start, Math.min(mime.length, start + 2 * BOUNDARY_LENGTH));
  const text = mime.toString("latin1", start + 2, line.end).trimEnd();
  const ended = text.endsWith("--") ? text.slice(0, -2) : null;
  const level = open.findLastIndex(({ boundary }) => boundary !== null && (boundary === text || boundary === ended));
  return level < 0 ? null : { start, next: line.next, level, closes: open[level]?.boundary !== text };
}

function withoutLineBreak(mime: Buffer, end: number): number {
  if (end === 0 || mime[end - 1] !== 0x0a) return end;
  return end > 1 && mime[end - 2] === 0x0d ? end - 2 : end - 1;
}
