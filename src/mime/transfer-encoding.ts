const EQUALS = 0x3d;

/**
 * The bytes of a part's body with its Content-Transfer-Encoding undone (RFC 2045 6). Never throws: what is not valid stays as it
 * is or is passed over; an encoding that nobody knows leaves the body alone.
 */
export function decodeTransfer(body: Buffer, encoding: string): Buffer {
  if (encoding.includes("base64")) return decodeBase64(body);
  return encoding.includes("quoted-printable") ? decodeQuotedPrintable(body) : body;
}

/** Padding may stand in the middle, where a program joined what it had encoded piece by piece; Buffer alone stops there. */
function decodeBase64(body: Buffer): Buffer {
  const text = body.toString("latin1");
  const padding = text.indexOf("=");
  if (padding < 0 || /^[\s=]*$/.test(text.slice(padding))) return Buffer.from(text, "base64");
  return Buffer.concat(text.split(/=+/).map((piece) => Buffer.from(piece, "base64")));
}

/** RFC 2045 6.7. Blanks at the end of a line were added on the way (rule 3) and go; soft line breaks too. */
function decodeQuotedPrintable(body: Buffer): Buffer {
  const decoded = Buffer.allocUnsafe(body.length);
  let length = 0;
  let blanks = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (byte === 0x0d || byte === 0x0a) length -= blanks;
    blanks = byte === 0x20 || byte === 0x09 ? blanks + 1 : 0;
    if (byte !== EQUALS) {
      decoded[length++] = byte;
      continue;
    }
    const [high, low] = [hexDigit(body[at + 1]), hexDigit(body[at + 2])];
    const softEnd = softBreakEnd(body, at + 1);
    if (high >= 0 && low >= 0) {
      decoded[length++] = high * 16 + low;
      at += 2;
    } else if (softEnd !== null) at = softEnd;
    else decoded[length++] = byte;
  }
  return decoded.subarray(0, length);
}

/** The offset of the line feed that a `=` before it takes back, or null when something else stands behind it on the line. */
function softBreakEnd(body: Buffer, from: number): number | null {
  let at = from;
  while (body[at] === 0x20 || body[at] === 0x09) at += 1;
  if (at >= body.length) return at;
  if (body[at] === 0x0d) at += 1;
  return body[at] === 0x0a ? at : null;
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
