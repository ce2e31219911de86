/** One header field as it stands in the message. Text is latin1: one character a byte, so nothing is lost. */
export interface HeaderField {
  readonly name: string;
  /** The whole field with its folds and the final line break. */
  readonly raw: string;
  /** Unfolded (RFC 5322 2.2.3) and trimmed. */
  readonly value: string;
}

/** Bytes of the header block with the empty line that ends it; the whole buffer when there is none (RFC 5322 2.1). */
export function headerLength(mime: Buffer): number {
  if (mime[0] === 0x0d && mime[1] === 0x0a) return 2;
  const end = mime.indexOf("\r\n\r\n");
  return end < 0 ? mime.length : end + 4;
}

/** The fields of a header block in order. Lines that are no field (no colon) are passed over. */
export function headerFields(block: Buffer): HeaderField[] {
  const fields: HeaderField[] = [];
  let raw = "";
  const finish = () => {
    const colon = raw.indexOf(":");
    if (colon > 0) {
      const value = raw.slice(colon + 1).replace(/\r\n(?=[ \t])/g, "");
      fields.push({ name: raw.slice(0, colon).trimEnd(), raw, value: value.trim() });
    }
    raw = "";
  };
  for (const line of block.toString("latin1").split(/(?<=\r\n)/)) {
    if (line === "\r\n") break;
    if (!/^[ \t]/.test(line)) finish();
    raw += line;
  }
  finish();
  return fields;
}

/** Value of the first field of that name, or null. */
export function headerValue(fields: readonly HeaderField[], name: string): string | null {
  const key = name.toLowerCase();
  return fields.find((field) => field.name.toLowerCase() === key)?.value ?? null;
}
