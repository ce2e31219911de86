import type { Attachment, ParsedContent } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { extensionOf } from "./file-names.ts";
import { cutText } from "./one-line.ts";

/** Characters of a body (`description`): Dynamics' usual limit of that column. */
export const MAXIMUM_BODY_LENGTH = 1_048_576;

/** The limits that the CRM sets. Sizes: `maxuploadfilesize` in kilobytes of the decoded file, `maximumBodyLength` in characters. */
export interface StorageLimits extends Pick<OrganizationSettings, "maxuploadfilesize" | "blockedattachments"> {
  readonly maximumBodyLength: number;
}

/** Attachments left out that are named each; of the others only the number is told. */
const NAMED = 20;

export interface Storable {
  /** Its `remarks` name what was left out or cut as well. */
  readonly content: ParsedContent;
  /** `email.notifications`: 0 nothing left out, 1 some attachments were, 2 the body was cut (also when both happened: it weighs more). */
  readonly notifications: 0 | 1 | 2;
  readonly dropped: readonly { readonly filename: string; readonly why: string }[];
}

/**
 * What of a message's content the CRM may store (product-behaviour 4.15): attachments with a blocked extension or above the
 * size limit are left out and named in `dropped` and in the remarks; a body too long is cut, never inside a character nor inside an HTML tag.
 */
export function storable(content: ParsedContent, limits: StorageLimits): Storable {
  const blocked = blockedExtensions(limits.blockedattachments);
  const judged = content.attachments.map((attachment) => ({ attachment, why: objection(attachment, blocked, limits.maxuploadfilesize) }));
  const dropped = judged.flatMap(({ attachment, why }) => (why === null ? [] : [{ filename: attachment.filename, why }]));
  const html = content.html === null ? null : cutHtml(content.html, limits.maximumBodyLength);
  const text = content.text === null ? null : cutText(content.text, limits.maximumBodyLength);
  const cut = html !== content.html || text !== content.text;
  const remarks = [...content.remarks, ...remarksOn(dropped), ...(cut ? [cutAt(limits.maximumBodyLength)] : [])];
  return {
    content: { ...content, remarks, html, text, attachments: judged.flatMap(({ attachment, why }) => (why === null ? [attachment] : [])) },
    notifications: cut ? 2 : dropped.length > 0 ? 1 : 0,
    dropped,
  };
}

function remarksOn(dropped: Storable["dropped"]): string[] {
  const named = dropped.slice(0, NAMED).map(({ filename, why }) => `The attachment "${filename}" was left out. ${why}`);
  return dropped.length > NAMED ? [...named, `So were ${dropped.length - NAMED} more.`] : named;
}

function cutAt(limit: number): string {
  return `The body is longer than the ${limit.toLocaleString("en")} characters that the CRM stores, and was cut.`;
}

/** The list that was read last: messages by the thousand are judged by the same one. */
let remembered: { readonly list: string; readonly extensions: ReadonlySet<string> } = { list: "", extensions: new Set() };

function blockedExtensions(list: string): ReadonlySet<string> {
  if (remembered.list === list) return remembered.extensions;
  const extensions = new Set(list.split(";").map((extension) => extension.trim().replace(/^\./, "").toLowerCase()));
  extensions.delete("");
  remembered = { list, extensions };
  return extensions;
}

function objection(attachment: Attachment, blocked: ReadonlySet<string>, maximumKilobytes: number): string | null {
  const extension = extensionOf(attachment.filename);
  if (blocked.has(extension)) return `Files of type .${extension} are blocked by the setting blockedattachments.`;
  if (attachment.body.length > maximumKilobytes * 1024) {
    const kilobytes = Math.ceil(attachment.body.length / 1024);
    return `It has ${kilobytes} KB; the setting maxuploadfilesize allows ${maximumKilobytes} KB.`;
  }
  return null;
}

/** A tag cut in two would swallow the text behind it or show up as text itself. */
function cutHtml(html: string, limit: number): string {
  if (html.length <= limit) return html;
  const cut = cutText(html, limit);
  const tag = cut.lastIndexOf("<");
  return tag > cut.lastIndexOf(">") ? cut.slice(0, tag) : cut;
}
