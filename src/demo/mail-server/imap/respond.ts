/** What goes to a client: text as latin1, one character a byte, and messages as the bytes they are. */
export type Chunk = string | Buffer;

/** Quoted string, or a literal where quotes cannot hold it (RFC 3501 section 9). The text is latin1. */
export function imapString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: quoted strings hold no line breaks, NUL or 8-bit characters
  if (/[\u0000\r\n\u0080-\u00ff]/.test(text) || text.length > 1000) return `{${text.length}}\r\n${text}`;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

export function nstring(text: string | null): string {
  return text === null ? "NIL" : imapString(text);
}

/** A list of strings, `NIL` when there are none. */
export function stringsOrNil(texts: readonly string[]): string {
  return texts.length === 0 ? "NIL" : `(${texts.map(imapString).join(" ")})`;
}

export function literal(bytes: Buffer): Chunk[] {
  return [`{${bytes.length}}\r\n`, bytes];
}

export function flagList(flags: Iterable<string>): string {
  return `(${[...flags].join(" ")})`;
}
