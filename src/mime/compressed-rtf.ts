import { ByteReader, CutShort } from "./byte-reader.ts";

/** What every dictionary begins with (MS-OXRTFCP 2.1.2.1). */
const BEGINNING = Buffer.from(
  "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx",
  "latin1",
);
const DICTIONARY = 4096;

const COMPRESSED = 0x75465a4c;
const UNCOMPRESSED = 0x414c454d;

/** Longest RTF that is read, in bytes: sixteen times what the CRM stores of a body. Two compressed bytes become at most seventeen. */
export const RTF_BYTES = 16 * 1024 * 1024;

/**
 * The RTF inside a PR_RTF_COMPRESSED (MS-OXRTFCP), at most {@link RTF_BYTES}; null where it is none. One that breaks off gives what
 * came before. The sums are not compared: a wrong one takes no text away. Never throws.
 */
export function decompressRtf(bytes: Buffer): Buffer | null {
  try {
    const reader = new ByteReader(bytes);
    reader.long();
    const size = Math.min(reader.long(), RTF_BYTES);
    const kind = reader.long();
    reader.long();
    if (kind === UNCOMPRESSED) return reader.take(Math.min(size, reader.left));
    return kind === COMPRESSED ? inflated(reader, size) : null;
  } catch (error) {
    if (error instanceof CutShort) return null;
    throw error;
  }
}

/** MS-OXRTFCP 3.1.4: runs of eight tokens, each a byte or a reference into the last 4096 bytes; a reference to the next place is the end. */
function inflated(reader: ByteReader, size: number): Buffer {
  const dictionary = Buffer.alloc(DICTIONARY);
  BEGINNING.copy(dictionary);
  let place = BEGINNING.length;
  const rtf = Buffer.allocUnsafe(Math.min(size, reader.left * 9));
  let length = 0;
  const put = (byte: number): void => {
    dictionary[place] = byte;
    place = (place + 1) % DICTIONARY;
    rtf[length++] = byte;
  };
  while (reader.left > 0) {
    const control = reader.byte();
    for (let bit = 0; bit < 8; bit += 1) {
      const isReference = ((control >> bit) & 1) === 1;
      if (reader.left < (isReference ? 2 : 1) || length === rtf.length) return rtf.subarray(0, length);
      if (!isReference) {
        put(reader.byte());
        continue;
      }
      const reference = (reader.byte() << 8) | reader.byte();
      const from = reference >> 4;
      if (from === place) return rtf.subarray(0, length);
      for (let copied = 0; copied < (reference & 15) + 2 && length < rtf.length; copied += 1)
        put(dictionary[(from + copied) % DICTIONARY] ?? 0);
    }
  }
  return rtf.subarray(0, length);
}
