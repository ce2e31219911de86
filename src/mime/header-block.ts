/** One header field. The value keeps one byte per character, unfolded; `textOfBytes` and `decodeWords` make text of it. */
export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
  /** True when a limit cut the value, so that its last word may be half a word. */
  readonly cut: boolean;
}

/** Header bytes kept of one message or part. Real headers are 2 to 20 KB; a recipient list of a mass mailing can reach 500 KB. */
export const HEADER_BYTES = 256 * 1024;

/**
 * Bytes kept of one field. Less than {@link HEADER_BYTES}, so that a list of ten thousand recipients does not push out the
 * Message-ID that stands behind it.
 */
export const FIELD_BYTES = 96 * 1024;

/** Header bytes looked at, kept or not. What stands behind is not a header that anybody wrote for reading. */
const SCANNED_BYTES = 4 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** A field name: printable ASCII without the colon; blanks before the colon are the obsolete form of RFC 5322 4.5. */
const FIELD_NAME = /^([!-9;-~]+)[ \t]*$/;

/** Longest field name looked for; the longest in use has about 50 characters. */
const NAME_LENGTH = 200;

interface OpenField {
  readonly name: string;
  readonly pieces: string[];
  bytes: number;
  cut: boolean;
}

/**
 * Splits the header block at the beginning of `block` into its fields, unfolded by RFC 5322 2.2.3: line breaks go, blanks
 * stay. Reads up to the first empty line or the end, with CRLF or LF; lines that are no field are passed over. Never throws;
 * linear in the bytes read. Only fields whose name `wanted` accepts are kept. `truncated` tells that a limit left something out.
 */
export function headerFields(
  block: Buffer,
  wanted: (name: string) => boolean,
): { readonly fields: HeaderField[]; readonly truncated: boolean } {
  const fields: OpenField[] = [];
  const end = Math.min(block.length, SCANNED_BYTES);
  let truncated = false;
  let room = HEADER_BYTES;
  let open: OpenField | null = null;
  let at = 0;
  while (at < end) {
    const line = lineAt(block, at, end);
    if (line.end === at) return { fields: fields.map(closed), truncated };
    let from = at;
    if (!isBlank(block[at])) {
      open = fieldAt(block, at, line.end);
      if (open !== null && wanted(open.name) && room > 0) fields.push(open);
      else {
        truncated ||= open !== null && wanted(open.name);
        open = null;
      }
      from = open === null ? line.end : block.indexOf(":", at) + 1;
    }
    if (open !== null) {
      const take = Math.min(line.end - from, room, FIELD_BYTES - open.bytes);
      open.cut ||= take < line.end - from;
      truncated ||= open.cut;
      open.pieces.push(block.toString("latin1", from, from + take));
      open.bytes += take;
      room -= take;
    }
    at = line.next;
  }
  return { fields: fields.map(closed), truncated: truncated || end < block.length };
}

/** Whether the line from `start` to `end` begins a header field. */
export function beginsField(block: Buffer, start: number, end: number): boolean {
  return fieldAt(block, start, end) !== null;
}

/** Where the line at `at` ends (without its line break) and where the next one begins. */
export function lineAt(bytes: Buffer, at: number, limit: number): { readonly end: number; readonly next: number } {
  const found = bytes.indexOf(LF, at);
  if (found < 0 || found >= limit) return { end: limit, next: limit };
  return { end: found > at && bytes[found - 1] === CR ? found - 1 : found, next: found + 1 };
}

function fieldAt(block: Buffer, start: number, end: number): OpenField | null {
  const label = block.toString("latin1", start, Math.min(end, start + NAME_LENGTH));
  const colon = label.indexOf(":");
  const name = colon < 0 ? undefined : FIELD_NAME.exec(label.slice(0, colon))?.[1];
  return name === undefined ? null : { name: name.toLowerCase(), pieces: [], bytes: 0, cut: false };
}

/** Control characters become blanks: a lone CR or NUL in a value must not become a line of its own anywhere later. */
function closed(field: OpenField): HeaderField {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const value = field.pieces.join("").replace(/[\x00-\x08\x0a-\x1f\x7f]/g, " ");
  return { name: field.name, value: value.trim(), cut: field.cut };
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}
