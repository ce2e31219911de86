import { hash } from "node:crypto";
import type { ParsedContent } from "./message.ts";

/** What a CRM keeps of a message's content, each part by its SHA-256 in lower-case hex. */
export interface ContentParts {
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly string[];
}

/**
 * One SHA-256, in lower-case hex, over the parts of a content that count: both bodies and the attachments as a CRM keeps them. Not over the raw bytes:
 * each relay writes header lines of its own, and some mail systems write the MIME anew at each reading (reference wire 2.4). The order of attachments
 * does not count.
 */
export function contentHash({ html, text, attachments }: ContentParts): string {
  return sha256(JSON.stringify([html, text, attachments.toSorted()]));
}

/** The parts of a content that was read, with the same hashes as the content store has of them. */
export function partsOf({ html, text, attachments }: Pick<ParsedContent, "html" | "text" | "attachments">): ContentParts {
  return {
    html: html === null ? null : sha256(html),
    text: text === null ? null : sha256(text),
    attachments: attachments.map((one) => one.hash ?? hash("sha256", one.body)),
  };
}

function sha256(text: string): string {
  return hash("sha256", Buffer.from(text, "utf8"));
}
