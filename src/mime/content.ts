import type { Attachment, ParsedContent } from "../model/message.ts";
import { decodeText, knowsCharset } from "./charset.ts";
import { fileName } from "./file-names.ts";
import { joinFlowed } from "./flowed.ts";
import { htmlToText, textToHtml } from "./html-text.ts";
import { parameterText } from "./parameters.ts";
import { type Leaf, type PartLimits, partsOf } from "./parts.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

/** Limits of {@link parseContent}; see PartLimits for what real messages have. */
export const CONTENT_LIMITS: PartLimits = { parts: 1000, depth: 50 };

/** Longest Content-ID that the CRM stores (`activitymimeattachment.attachmentcontentid`, product-behaviour 4.1). */
const CONTENT_ID_LENGTH = 250;

/** Longest type that the CRM stores (`activitymimeattachment.mimetype`, product-behaviour 4.1). */
const MIMETYPE_LENGTH = 256;

/** How far into an HTML body its own word on its charset is looked for; HTML asks for it in the first 1024 bytes. */
const META_BYTES = 1024;

interface BodyText {
  readonly kind: "plain" | "html";
  readonly text: string;
  readonly alternative: number | null;
}

/**
 * The bodies and attachments of a raw message. Never rejects, whatever the bytes, and takes time linear in them: what a limit or
 * a fault leaves out stands in `remarks`.
 *
 * Bodies: all text/plain and text/html parts that are not declared attachments, in order; where one of them exists in one form
 * only and the message has both, it is converted, so that neither body misses a part. Everything else is an attachment as it came
 * in: nested messages, invitations, delivery reports, signed and encrypted parts, inline pictures.
 */
export async function parseContent(mime: Buffer, limits: PartLimits = CONTENT_LIMITS): Promise<ParsedContent> {
  const { leaves, remarks } = partsOf(mime, limits);
  const texts: BodyText[] = [];
  const attachments: Attachment[] = [];
  const faults = new Set(remarks);
  for (const leaf of leaves) {
    const kind = bodyKind(leaf);
    if (kind === null) attachments.push(attachmentOf(leaf, attachments.length + 1));
    else texts.push({ kind, text: textOf(leaf, kind, faults), alternative: leaf.alternative });
  }
  const shown = texts.filter(({ text }) => text.trim() !== "");
  return { html: bodyOf(shown, "html"), text: bodyOf(shown, "plain"), attachments, remarks: [...faults] };
}

function bodyKind(leaf: Leaf): BodyText["kind"] | null {
  if (leaf.disposition.value === "attachment") return null;
  if (leaf.type.value === "text/plain") return "plain";
  return leaf.type.value === "text/html" ? "html" : null;
}

function textOf(leaf: Leaf, kind: BodyText["kind"], faults: Set<string>): string {
  const bytes = decodeTransfer(leaf.body, leaf.encoding);
  const label = parameterText(leaf.type, "charset") || (kind === "html" ? metaCharset(bytes) : null);
  if (label !== null && !knowsCharset(label)) {
    faults.add("A text names a character set that does not exist; its letters above ASCII may be wrong.");
  }
  const text = decodeText(bytes, label).replaceAll("\r\n", "\n");
  const flowed = leaf.type.parameters.get("format")?.toLowerCase() === "flowed" && kind === "plain";
  return flowed ? joinFlowed(text, leaf.type.parameters.get("delsp")?.toLowerCase() === "yes") : text;
}

function metaCharset(html: Buffer): string | null {
  return /<meta[^>]{0,200}charset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})/i.exec(html.toString("latin1", 0, META_BYTES))?.[1] ?? null;
}

/**
 * The body in one form, or null where the message has no part in it. Parts of one multipart/alternative show the same thing:
 * of these only the ones in this form count, or, where it has none, the others converted.
 */
function bodyOf(texts: readonly BodyText[], kind: BodyText["kind"]): string | null {
  if (!texts.some((text) => text.kind === kind)) return null;
  const inKind = new Set(texts.filter((text) => text.kind === kind).map((text) => text.alternative));
  const parts = texts.flatMap((text) => {
    if (text.kind === kind) return [text.text];
    if (text.alternative !== null && inKind.has(text.alternative)) return [];
    return [kind === "html" ? textToHtml(text.text) : htmlToText(text.text)];
  });
  return parts.join("\n");
}

function attachmentOf(leaf: Leaf, ordinal: number): Attachment {
  const mimetype = mimetypeOf(leaf);
  const contentId = contentIdOf(leaf);
  return {
    filename: fileName(parameterText(leaf.disposition, "filename") ?? parameterText(leaf.type, "name"), mimetype, ordinal),
    mimetype,
    contentId,
    inline: leaf.disposition.value === "inline" || (leaf.related && contentId !== null && leaf.disposition.value !== "attachment"),
    body: decodeTransfer(leaf.body, leaf.encoding),
  };
}

function mimetypeOf(leaf: Leaf): string {
  const type = leaf.type.value;
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) && type.length <= MIMETYPE_LENGTH ? type : "application/octet-stream";
}

function contentIdOf(leaf: Leaf): string | null {
  const id = (leaf.contentId ?? "").replace(/[<>\s]/g, "");
  return id === "" || id.length > CONTENT_ID_LENGTH ? null : id;
}
