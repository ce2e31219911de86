/** The content of a message as SMTP carries it: CRLF line ends, dots doubled, ended by a dot of its own (RFC 5321 2.3.8, 4.5.2). */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** Bytes read at a time: little enough not to hold up other work, enough to fill a connection. */
const BLOCK = 64 * 1024;
/** The worst case is a dot after a bare CR: one byte becomes three. */
const GROWTH = 3;
const LONGEST_END = 5;

export interface ContentFacts {
  /** Octets with CRLF line ends, without doubled dots and the final one: what SIZE= announces (RFC 1870 4). */
  readonly size: number;
  /** Some byte is above 127 (RFC 6152). */
  readonly eightBit: boolean;
}

/** Measures a message without copying it. */
export function contentFacts(mime: Buffer): ContentFacts {
  let size = mime.length;
  let eightBit = false;
  for (let i = 0; i < mime.length; i++) {
    const byte = mime[i] ?? 0;
    if (byte === LF ? mime[i - 1] !== CR : byte === CR && mime[i + 1] !== LF) {
      size++;
    } else if (byte > 0x7f) {
      eightBit = true;
    }
  }
  const last = mime.at(-1);
  return { size: last === undefined || last === LF || last === CR ? size : size + 2, eightBit };
}

/**
 * The bytes to write after 354, in blocks; the last block ends with the final dot. A bare CR or LF becomes CRLF: a server that takes
 * one for a line end would otherwise find an end of the content in the middle of it (SMTP smuggling).
 */
export function* wireContent(mime: Buffer): Generator<Buffer> {
  let lineStart = true;
  let afterCr = false;
  for (let from = 0; from < mime.length || from === 0; from += BLOCK) {
    const block = mime.subarray(from, from + BLOCK);
    const out = Buffer.allocUnsafe(block.length * GROWTH + LONGEST_END);
    let length = 0;
    for (const byte of block) {
      if (afterCr && byte !== LF) {
        out[length++] = LF;
        lineStart = true;
      }
      if (byte === LF && !afterCr) {
        out[length++] = CR;
      } else if (byte === DOT && lineStart) {
        out[length++] = DOT;
      }
      out[length++] = byte;
      afterCr = byte === CR;
      lineStart = byte === LF;
    }
    if (from + BLOCK >= mime.length) {
      length += out.write(`${afterCr ? "\n" : lineStart ? "" : "\r\n"}.\r\n`, length, "latin1");
    }
    yield out.subarray(0, length);
  }
}
