import { createHash, hash } from "node:crypto";
import type { ParsedContent } from "../model/message.ts";
import { SIGNED } from "./attachments.ts";
import { htmlToText } from "./html-text.ts";

/**
 * What a reader sees of a message, as SHA-256 in lower-case hex: its words and the bytes of its attachments. Not the raw bytes, because Exchange
 * writes the MIME anew at each reading (boundaries, encodings, a plain text made of the HTML; reference wire 2.4), and relays recode on the way.
 */
export function contentFingerprint({ html, text, attachments }: Pick<ParsedContent, "html" | "text" | "attachments">): string {
  const shown = html === null ? (text ?? "") : htmlToText(html);
  // A nested message is written anew as well: that there is one must do.
  // What was signed says nothing that the rest does not say.
  const kept = attachments.filter(({ mimetype }) => mimetype !== SIGNED);
  const files = kept.map(({ mimetype, body }) => (mimetype === "message/rfc822" ? mimetype : sha256(body))).sort();
  // The hash of [words, files] as JSON, which is never put together: the words of a long text would take many times its size.
  const sum = createHash("sha256").update("[[");
  let separator = "";
  for (const [word] of shown.matchAll(/\S+/g)) {
    sum.update(`${separator}${JSON.stringify(word)}`);
    separator = ",";
  }
  return sum.update(`],${JSON.stringify(files)}]`).digest("hex");
}

function sha256(bytes: string | Buffer): string {
  return hash("sha256", bytes);
}
