import type { ByteReader } from "./byte-reader.ts";
import { decodeText } from "./charset.ts";
import { codePageLabel } from "./code-pages.ts";

/** A property of a message or an attachment in Outlook's terms: its type and the bytes of its first value. */
export interface MapiProperty {
  readonly type: number;
  readonly value: Buffer;
}

/** The properties that are asked for (MS-OXPROPS), by what they hold. */
export const MAPI = {
  body: 0x1000,
  compressedRtf: 0x1009,
  html: 0x1013,
  displayName: 0x3001,
  subject: 0x0037,
  attachment: 0x3701,
  shortFileName: 0x3704,
  longFileName: 0x3707,
  mimeType: 0x370e,
  contentId: 0x3712,
  internetCodePage: 0x3fde,
} as const;

const ASKED_FOR: ReadonlySet<number> = new Set(Object.values(MAPI));

const SEVERAL = 0x1000;
const OBJECT = 0x0d;
const BYTE_STRING = 0x1e;
const WIDE_STRING = 0x1f;
const BINARY = 0x102;
/** Types whose values tell their own length. */
const OF_ANY_LENGTH: ReadonlySet<number> = new Set([OBJECT, BYTE_STRING, WIDE_STRING, BINARY]);
/** Bytes of the values of the other types, filled up to four (MS-OXTNEF 2.1.3.1, MS-OXCDATA 2.11.1). */
const LENGTHS: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 2, 20: 8, 64: 8, 72: 16 };

/** Properties with this number or a higher one are named, and bring their names along. */
const NAMED = 0x8000;

/**
 * The list of properties that a TNEF attribute holds (MS-OXTNEF 2.1.3.1): those of {@link MAPI}, added to `found` one by one, so that what came before
 * a fault is kept. Answers false where a type is met that nobody knows, behind which nothing can be read. Throws CutShort.
 */
export function readProperties(reader: ByteReader, found: Map<number, MapiProperty>): boolean {
  for (let left = reader.long(); left > 0; left -= 1) {
    const type = reader.short();
    const id = reader.short();
    if (id >= NAMED) passName(reader);
    const value = firstValue(reader, type);
    if (value === null) return false;
    if (ASKED_FOR.has(id) && !found.has(id)) found.set(id, { type, value });
  }
  return true;
}

/** A GUID, and a number or a text. */
function passName(reader: ByteReader): void {
  reader.take(16);
  const isText = reader.long() === 1;
  if (isText) reader.takePadded(reader.long());
  else reader.long();
}

function firstValue(reader: ByteReader, type: number): Buffer | null {
  const single = type & ~SEVERAL;
  const measured = OF_ANY_LENGTH.has(single);
  const fixed = LENGTHS[single];
  if (!measured && fixed === undefined) return null;
  let count = measured || (type & SEVERAL) !== 0 ? reader.long() : 1;
  let first: Buffer = Buffer.alloc(0);
  // A value without bytes could be announced for ever without one: nothing is there to be read.
  if (!measured && fixed === 0) return first;
  for (let index = 0; count > 0; count -= 1, index += 1) {
    const value = reader.takePadded(measured ? reader.long() : (fixed ?? 0));
    if (index === 0) first = value;
  }
  return first;
}

/** The text of a property; bytes are read in that code page. */
export function propertyText(property: MapiProperty | undefined, codePage: number): string | null {
  if (property === undefined) return null;
  const { type, value } = property;
  if (type === WIDE_STRING) return withoutEnd(decodeText(value, "utf-16le"));
  return type === BYTE_STRING || type === BINARY ? withoutEnd(decodeText(value, codePageLabel(codePage))) : null;
}

/** The number of a property. */
export function propertyNumber(property: MapiProperty | undefined): number | null {
  return property?.value.length === 4 ? property.value.readUInt32LE(0) : null;
}

/** decodeText has left out the NUL at the end of a text. An empty text is none. */
function withoutEnd(text: string): string | null {
  return text === "" ? null : text;
}
