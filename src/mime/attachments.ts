import type { Attachment } from "../model/message.ts";
import { fileName } from "./file-names.ts";
import { beginsField, lineAt } from "./header-block.ts";
import { parameterText } from "./parameters.ts";
import type { Leaf, SignedPart } from "./parts.ts";
import type { TnefFile } from "./tnef.ts";

/** Longest Content-ID that the CRM stores (`activitymimeattachment.attachmentcontentid`, product-behaviour 4.1). */
const CONTENT_ID_LENGTH = 250;

/** Longest type that the CRM stores (`activitymimeattachment.mimetype`, product-behaviour 4.1). */
const MIMETYPE_LENGTH = 256;

/** A signed message as an attachment (`Attachment.mimetype`). */
export const SIGNED = "multipart/signed";

/** The header fields that describe a part, and what makes them count (RFC 2045 4). */
const DESCRIBES = /^(?:content-[^:]{0,100}|mime-version)[ \t]{0,9}:/i;

/** A part as an attachment; `body` is its body decoded, `ordinal` counts the message's attachments from 1. */
export function attachmentOf(leaf: Leaf, body: Buffer, ordinal: number): Attachment {
  const mimetype = mimetypeOf(leaf.type.value);
  const contentId = contentIdOf(leaf.contentId);
  return {
    filename: fileName(nameOf(leaf), mimetype, ordinal),
    mimetype,
    contentId,
    inline: leaf.disposition.value === "inline" || (leaf.related && contentId !== null && leaf.disposition.value !== "attachment"),
    body,
  };
}

/** The file name that a part brings, as it stands there. */
export function nameOf(leaf: Leaf): string | null {
  return parameterText(leaf.disposition, "filename") ?? parameterText(leaf.type, "name");
}

/** A file out of a winmail.dat as an attachment. A Content-ID makes it a picture of the body there, as in a multipart/related. */
export function fileAttachment({ name, mimetype: type, contentId: id, body }: TnefFile, ordinal: number): Attachment {
  const mimetype = mimetypeOf(type ?? "");
  const contentId = contentIdOf(id);
  return { filename: fileName(name, mimetype, ordinal), mimetype, contentId, inline: contentId !== null, body };
}

/**
 * A multipart/signed with its description and every byte that was signed, under the name that Exchange and Dynamics give it, so that
 * the signature can be checked from the attachment alone: of the parts decoded it cannot. One signed by PGP is named so that a mail
 * program opens it.
 */
export function signedAttachment({ type, header, body }: SignedPart): Attachment {
  const isPgp = (parameterText(type, "protocol") ?? "").toLowerCase().includes("pgp");
  return {
    filename: isPgp ? "signed.eml" : "smime.p7m",
    mimetype: SIGNED,
    contentId: null,
    inline: false,
    body: Buffer.concat([...describingLines(header), Buffer.from("\r\n"), body]),
  };
}

/** The lines of a header that describe the part, byte for byte: who wrote it to whom is no part of what was signed. */
function describingLines(header: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let describes = false;
  for (let at = 0; at < header.length; ) {
    const line = lineAt(header, at, header.length);
    if (beginsField(header, at, line.end)) describes = DESCRIBES.test(header.toString("latin1", at, Math.min(line.end, at + 200)));
    if (describes && line.end > at) lines.push(header.subarray(at, line.next));
    at = line.next;
  }
  return lines;
}

function mimetypeOf(type: string): string {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) && type.length <= MIMETYPE_LENGTH ? type : "application/octet-stream";
}

function contentIdOf(written: string | null): string | null {
  const id = (written ?? "").replace(/[<>\s]/g, "");
  return id === "" || id.length > CONTENT_ID_LENGTH ? null : id;
}
