import type { Attachment, ParsedContent } from "../model/message.ts";
import { attachmentOf, fileAttachment, nameOf, signedAttachment } from "./attachments.ts";
import { decodeText, knowsCharset } from "./charset.ts";
import { joinFlowed } from "./flowed.ts";
import { htmlToText, textToHtml } from "./html-text.ts";
import { parameterText } from "./parameters.ts";
import { type Leaf, type PartLimits, partsOf } from "./parts.ts";
import { isTnef, openTnef, type TnefContent } from "./tnef.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

/** Limits of {@link parseContent}; see PartLimits for what real messages have. */
export const CONTENT_LIMITS: PartLimits = { parts: 1000, depth: 50 };

/** Types that a winmail.dat goes by. Some servers on the way give it another, and leave its name. */
const TNEF_TYPES: ReadonlySet<string> = new Set(["application/ms-tnef", "application/vnd.ms-tnef"]);

/** What text that is encrypted or signed inline begins with (RFC 9580 6.2). */
const PGP_ARMOR = "-----BEGIN PGP ";

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
 * in: nested messages, invitations, delivery reports, encrypted parts, inline pictures. What is signed is an attachment as well, byte
 * for byte, beside what can be read of it. A winmail.dat is opened: what it holds stands in its place, and its bodies are used where the
 * message has none in that form.
 */
export async function parseContent(mime: Buffer, limits: PartLimits = CONTENT_LIMITS): Promise<ParsedContent> {
  const { leaves, signed, remarks } = partsOf(mime, limits);
  const texts: BodyText[] = [];
  const attachments: Attachment[] = [];
  const wrapped: TnefContent[] = [];
  const faults = new Set(remarks);
  for (const leaf of leaves) {
    const kind = bodyKind(leaf);
    if (kind === null) attachments.push(...attachmentsOf(leaf, attachments.length, wrapped));
    else texts.push({ kind, text: textOf(leaf, kind, faults), alternative: leaf.alternative });
  }
  attachments.push(...signed.map(signedAttachment));
  const shown = texts.filter(({ text }) => text.trim() !== "");
  return { ...bodiesOf(shown, wrapped), attachments, remarks: [...faults] };
}

/** A part as an attachment, or what is inside where it is a winmail.dat; that one stays as well where it could not be read whole. */
function attachmentsOf(leaf: Leaf, before: number, wrapped: TnefContent[]): Attachment[] {
  const body = decodeTransfer(leaf.body, leaf.encoding);
  const opened = isTnef(body) && mayBeTnef(leaf) ? openTnef(body) : null;
  if (opened === null) return [attachmentOf(leaf, body, before + 1)];
  wrapped.push(opened);
  const files = opened.files.map((file, index) => fileAttachment(file, before + index + 1));
  return opened.whole ? files : [...files, attachmentOf(leaf, body, before + files.length + 1)];
}

function mayBeTnef(leaf: Leaf): boolean {
  return TNEF_TYPES.has(leaf.type.value) || (nameOf(leaf) ?? "").toLowerCase().endsWith(".dat");
}

/**
 * The message's own bodies, and those of its winmail.dat where it has none: Outlook writes the plain text beside it for others and shows the HTML inside. Where the
 * message has several texts, that HTML would be without some of them.
 */
function bodiesOf(shown: readonly BodyText[], wrapped: readonly TnefContent[]): Pick<ParsedContent, "html" | "text"> {
  const inside = wrapped.find((one) => one.html !== null || one.text !== null) ?? { html: null, text: null };
  if (shown.length === 0) return { html: inside.html, text: inside.text };
  const own = { html: bodyOf(shown, "html"), text: bodyOf(shown, "plain") };
  return own.html === null && shown.length === 1 ? { ...own, html: inside.html } : own;
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
  // Joined lines are no longer those that were signed.
  return flowed && !text.includes(PGP_ARMOR) ? joinFlowed(text, leaf.type.parameters.get("delsp")?.toLowerCase() === "yes") : text;
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
