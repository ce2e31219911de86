import { cutText, oneLine } from "./one-line.ts";

/** Longest file name that the CRM stores (`activitymimeattachment.filename`, product-behaviour 4.1). */
export const FILENAME_LENGTH = 255;

/** Characters that change the order of the letters around them: `exe.fdp` shown as `pdf.exe` the other way round. */
const ORDER_MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Characters without a shape of their own, the order marks among them. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]/gu;

/** Extensions that nested messages and invitations get beside the names that they bring: without them they do not open as what they are. */
const OPENED_BY: ReadonlySet<string> = new Set(["eml", "ics"]);

/** Characters that Windows does not allow in a file name; the colon opens a hidden stream there. */
const RESERVED = /[<>:"|?*]/g;

/** Names that mail programs know a part by when it brings none. */
const CUSTOMARY: Readonly<Record<string, string>> = {
  "application/pkcs7-mime": "smime.p7m",
  "application/x-pkcs7-mime": "smime.p7m",
  "application/pkcs7-signature": "smime.p7s",
  "application/x-pkcs7-signature": "smime.p7s",
  "application/pgp-signature": "signature.asc",
  "application/pgp-encrypted": "version.asc",
  "application/ms-tnef": "winmail.dat",
};

/** Extensions of types whose subtype is not its own extension. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  "application/ics": "ics",
  "application/msword": "doc",
  "application/octet-stream": "bin",
  "application/vnd.ms-excel": "xls",
  "application/vnd.ms-powerpoint": "ppt",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "audio/mpeg": "mp3",
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "message/delivery-status": "txt",
  "message/disposition-notification": "txt",
  "message/feedback-report": "txt",
  "message/global": "eml",
  "message/rfc822": "eml",
  "text/calendar": "ics",
  "text/plain": "txt",
  "text/rfc822-headers": "txt",
  "text/vcard": "vcf",
  "text/x-vcard": "vcf",
};

/**
 * A file name that is safe to store and to show: no folder, no control or order-changing characters, no dots or blanks at the
 * end (Windows drops them, and `a.exe.` would run as `a.exe`), at most {@link FILENAME_LENGTH} characters with the extension
 * kept. `ordinal` counts the message's attachments from 1 and makes the name where `named` is missing or empty.
 */
export function fileName(named: string | null, mimetype: string, ordinal: number): string {
  const last = (named ?? "").split(/[/\\]/).at(-1) ?? "";
  const clean = withoutTail(oneLine(last).replace(ORDER_MARKS, "").replace(RESERVED, "_").trimStart());
  const name = clean === "" ? inventedName(mimetype, ordinal) : clean;
  const extension = extensionFor(mimetype);
  return shortened(OPENED_BY.has(extension) && extensionOf(name) !== extension ? `${name}.${extension}` : name);
}

/**
 * The extension by which Windows would open a file, in lower case; empty where there is none. Characters that nobody sees do not hide it, and letters in
 * another form (full width, mathematical) count as the plain ones that some programs make of them.
 */
export function extensionOf(filename: string): string {
  const name = withoutTail(filename.normalize("NFKC").replace(UNSEEN, ""));
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
}

function withoutTail(name: string): string {
  let end = name.length;
  while (end > 0 && /[.\s]/.test(name.charAt(end - 1))) end -= 1;
  return name.slice(0, end);
}

function inventedName(mimetype: string, ordinal: number): string {
  return CUSTOMARY[mimetype] ?? `attachment-${ordinal}.${extensionFor(mimetype)}`;
}

function extensionFor(mimetype: string): string {
  const subtype = mimetype.slice(mimetype.indexOf("/") + 1);
  return EXTENSIONS[mimetype] ?? (/^[a-z0-9]{1,8}$/.test(subtype) ? subtype : "bin");
}

function shortened(name: string): string {
  if (name.length <= FILENAME_LENGTH) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && name.length - dot <= 20 ? name.slice(dot) : "";
  return cutText(name.slice(0, name.length - extension.length), FILENAME_LENGTH - extension.length) + extension;
}
