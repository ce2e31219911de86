import { isAscii } from "node:buffer";
import { createHash } from "node:crypto";
import MailComposer, { type MailComposerAttachment, type MailComposerOptions } from "nodemailer/lib/mail-composer";
import MimeNode from "nodemailer/lib/mime-node";
import type { Address } from "../model/address.ts";
import type { Attachment } from "../model/message.ts";
import { htmlToText } from "./html-text.ts";
import { dispositionWithName, literalText, looksEncoded, withLiteralNames, writeNamesLiterally } from "./literal-words.ts";
import { isWritableId, refuseUnsendable } from "./sendable.ts";

/** A message to be written, as plain data. Composing the same data again gives the same bytes. */
export interface OutgoingMessage {
  /** Opaque id of the email activity; goes into the X-Waypost-Email header. Null: the message is no email of the CRM. */
  readonly emailId: string | null;
  /** Nobody's program shall answer it: RFC 3834 5, and Exchange's own field. */
  readonly autoSubmitted?: boolean;
  /** Without angle brackets, like all message ids here. */
  readonly messageId: string;
  readonly date: Date;
  readonly from: Address;
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  /** Never written into the message; decides only whether SMTPUTF8 is needed. */
  readonly bcc: readonly Address[];
  readonly subject: string;
  readonly inReplyTo: string | null;
  /** Oldest first. */
  readonly references: readonly string[];
  readonly html: string | null;
  /** Plain text body; made from `html` when there is only that. */
  readonly text: string | null;
  readonly attachments: readonly Attachment[];
  /** `prioritycode`: 0 low, 1 normal, 2 high. */
  readonly importance: 0 | 1 | 2;
  /** Asks the reader's program for a receipt, addressed to the sender (RFC 8098). */
  readonly readReceiptRequested: boolean;
}

export interface Composed {
  /** CRLF line ends, no line above 998 bytes. */
  readonly mime: Buffer;
  /** Some address has a local part outside ASCII: only a server with SMTPUTF8 (RFC 6531) can take the message. */
  readonly needsSmtpUtf8: boolean;
  /** The message holds bytes above 127; then the server must offer 8BITMIME. Only addresses bring them in. */
  readonly has8bit: boolean;
  /** Bytes. */
  readonly size: number;
}

/** References written, besides the first: RFC 5322 sets no limit, but servers refuse headers of some ten kilobytes. */
const REFERENCES_WRITTEN = 30;

const LINE_LENGTH = 998;

const NOT_ASCII = /[^\x20-\x7e]/;

/**
 * Writes a message as MIME. Throws a Failure of scope item for data that must not be written: line breaks or control characters
 * in addresses, names, ids or file names, addresses that are none, a subject too long for a header line.
 *
 * Deterministic, because the message is composed again for the copy in Sent: boundaries come from a hash of the Message-ID and
 * the bodies (so that nobody who writes a body can write its delimiter), the date is given, and no header tells of program or host.
 */
export async function compose(message: OutgoingMessage): Promise<Composed> {
  refuseUnsendable(message);
  const everyone = [message.from, ...message.to, ...message.cc, ...message.bcc];
  const mime = await writeNamesLiterally(new MailComposer(optionsFor(message)).compile()).build();
  return {
    mime,
    needsSmtpUtf8: everyone.some(({ address }) => NOT_ASCII.test(address.slice(0, address.lastIndexOf("@")))),
    has8bit: !isAscii(mime),
    size: mime.length,
  };
}

function optionsFor(message: OutgoingMessage): MailComposerOptions {
  const text = message.text ?? (message.html === null ? "" : htmlToText(message.html));
  const options: MailComposerOptions = {
    from: mailbox(message.from),
    // A message to blind copies only still needs a destination field for servers that insist on one (RFC 822 did).
    to: message.to.length + message.cc.length > 0 ? message.to.map(mailbox) : "undisclosed-recipients:;",
    cc: message.cc.map(mailbox),
    subject: literalText(message.subject),
    messageId: `<${message.messageId}>`,
    references: referenceIds(message).map((id) => `<${id}>`),
    date: message.date,
    // Never empty: a single attachment without any body would become the message itself.
    text: unixLines(text) || "\n",
    attachments: message.attachments.map((attachment) => attachmentOptions(attachment, message.html)),
    headers: extraHeaders(message),
    baseBoundary: boundarySeed(message),
    boundaryPrefix: "--waypost",
    newline: "win",
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  if (message.html !== null) options.html = unixLines(message.html);
  if (message.inReplyTo !== null && isWritableId(message.inReplyTo)) options.inReplyTo = `<${message.inReplyTo}>`;
  return options;
}

function mailbox(address: Address): { name: string; address: string } {
  return { name: address.name, address: address.address };
}

/** Ids that strangers made and that cannot be written are left out: the reply must go, and the others still find the thread. */
function referenceIds(message: OutgoingMessage): string[] {
  const ids = message.references.filter(isWritableId);
  return ids.length <= REFERENCES_WRITTEN + 1 ? ids : [...ids.slice(0, 1), ...ids.slice(-REFERENCES_WRITTEN)];
}

function extraHeaders(message: OutgoingMessage): { key: string; value: string | { prepared: true; foldLines: true; value: string } }[] {
  const headers: ReturnType<typeof extraHeaders> = message.emailId === null ? [] : [{ key: "X-Waypost-Email", value: message.emailId }];
  if (message.autoSubmitted) {
    headers.push({ key: "Auto-Submitted", value: "auto-generated" }, { key: "X-Auto-Response-Suppress", value: "All" });
  }
  const priority = ({ 0: ["5 (Lowest)", "Low"], 1: null, 2: ["1 (Highest)", "High"] } as const)[message.importance];
  if (priority) {
    headers.push({ key: "X-Priority", value: priority[0] }, { key: "X-MSMail-Priority", value: priority[1] });
    headers.push({ key: "Importance", value: priority[1] });
  }
  if (message.readReceiptRequested) {
    // Prepared, because the library writes addresses only in the fields that it knows for addresses.
    const value = withLiteralNames(MimeNode.encodeHeaderValue("From", mailbox(message.from)));
    headers.push({ key: "Disposition-Notification-To", value: { prepared: true, foldLines: true, value } });
  }
  return headers;
}

/**
 * A picture that the body shows goes beside it (multipart/related); one that it does not show would be hidden there. A message
 * that must not be encoded (RFC 2046 5.2.1) but is not fit for every way goes as a file, so that it arrives byte for byte.
 */
function attachmentOptions(attachment: Attachment, html: string | null): MailComposerAttachment {
  const { filename, mimetype, contentId, body } = attachment;
  const travels = !/^(message|multipart)\//i.test(mimetype) || (/^message\//i.test(mimetype) && fitsEveryWay(body));
  const options: MailComposerAttachment = { content: body, contentType: travels ? mimetype : "application/octet-stream" };
  const shown = contentId !== null && html !== null && mimetype.startsWith("image/") && showsPicture(html, contentId);
  const disposition = shown ? "inline" : "attachment";
  return {
    ...options,
    ...(shown && { cid: contentId }),
    // Without a name of its own the part has it in this field only: the other place, `name` of Content-Type, would hold it undisguised.
    ...(looksEncoded(filename)
      ? { filename: false, contentDisposition: dispositionWithName(disposition, filename) }
      : { filename, contentDisposition: disposition }),
  };
}

function showsPicture(html: string, contentId: string): boolean {
  return isWritableId(contentId) && (html.includes(`cid:${contentId}`) || html.includes(`cid:${encodeURIComponent(contentId)}`));
}

/** ASCII in lines of at most 998 bytes that all end in CRLF. */
function fitsEveryWay(body: Buffer): boolean {
  const text = body.toString("latin1");
  return (
    /^[\t\r\n\x20-\x7e]*$/.test(text) && !/\r(?!\n)|(?<!\r)\n/.test(text) && text.split("\r\n").every((line) => line.length <= LINE_LENGTH)
  );
}

function boundarySeed(message: OutgoingMessage): string {
  const source = JSON.stringify([message.messageId, message.html, message.text]);
  return createHash("sha256").update(source).digest("hex").slice(0, 32);
}

function unixLines(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}
