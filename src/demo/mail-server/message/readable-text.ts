import { headerValue } from "./header-fields.ts";
import type { Part } from "./message-parts.ts";
import { parameter } from "./parameters.ts";

const ENCODED_WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi;

/** A latin1 header value as a person reads it: encoded words decoded (RFC 2047), raw UTF-8 understood (RFC 6532). */
export function readableHeader(value: string): string {
  const joined = value.replace(/(\?=)\s+(?==\?)/g, "$1");
  const decoded = decodeCharset(Buffer.from(joined, "latin1"), "utf-8");
  return decoded.replace(ENCODED_WORD, (_whole, charset: string, encoding: string, text: string) => {
    const isBase64 = encoding.toLowerCase() === "b";
    return decodeCharset(isBase64 ? Buffer.from(text, "base64") : fromQuoted(text.replaceAll("_", " ")), charset);
  });
}

/** All text of a message body, attached messages included, for SEARCH BODY and TEXT (RFC 3501 6.4.4). */
export function readableBody(part: Part): string {
  if (part.children.length > 0) return part.children.map(readableBody).join("\n");
  if (part.message) return readableBody(part.message);
  if (part.type !== "text") return "";
  return decodeCharset(decodedBody(part), parameter(part.contentType, "charset") ?? "utf-8");
}

function decodedBody(part: Part): Buffer {
  const encoding = headerValue(part.fields, "content-transfer-encoding")?.toLowerCase();
  if (encoding === "base64") return Buffer.from(part.body.toString("latin1"), "base64");
  if (encoding === "quoted-printable") return fromQuoted(part.body.toString("latin1").replace(/=[ \t]*\r\n/g, ""));
  return part.body;
}

function fromQuoted(text: string): Buffer {
  const bytes = text.replace(/=([0-9a-f]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1");
}

/** Unknown charsets are read as latin1, where every byte is a character. */
function decodeCharset(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) return bytes.toString("latin1");
    throw error;
  }
}
