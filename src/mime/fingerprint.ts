import { hash } from "node:crypto";
import type { ParsedContent } from "../model/message.ts";
import { htmlToText } from "./html-text.ts";

/**
 * What a reader sees of a message, as SHA-256 in lower-case hex: its words and the bytes of its attachments. Not the raw bytes, because Exchange
 * writes the MIME anew at each reading (boundaries, encodings, a plain text made of the HTML; reference wire 2.4), and relays recode on the way.
 */
export function contentFingerprint({ html, text, attachments }: Pick<ParsedContent, "html" | "text" | "attachments">): string {
  const shown = html === null ? (text ?? "") : htmlToText(html);
  const words = shown.split(/\s+/).filter((word) => word !== "");
  // A nested message is written anew as well: that there is one must do.
  const files = attachments.map(({ mimetype, body }) => (mimetype === "message/rfc822" ? mimetype : sha256(body))).sort();
  return sha256(JSON.stringify([words, files]));
}

function sha256(bytes: string | Buffer): string {
  return hash("sha256", bytes);
}
