import type { Address } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { OutgoingMessage } from "./compose.ts";

/** Longest subject: with its field name it fits one line of 998 bytes (RFC 5322 2.1.1) even where no blank lets it fold. */
export const SENDABLE_SUBJECT_LENGTH = 900;

/** Longest address: local part and domain at their limits (RFC 5321 4.5.3.1). */
const ADDRESS_LENGTH = 320;

/** Longest display name, and longest Message-ID: they stand on a line that cannot always be folded. */
const WORD_LENGTH = 900;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f\u2028\u2029]/;

/**
 * Refuses a message that would be written otherwise than its author sees it: a line break in a header value begins a header of
 * somebody's choice (CWE-93). Throws a Failure of scope item that names the field, never its value.
 */
export function refuseUnsendable(message: OutgoingMessage): void {
  for (const [field, list] of [
    ["From", [message.from]],
    ["To", message.to],
    ["Cc", message.cc],
    ["Bcc", message.bcc],
  ] as const) {
    for (const address of list) checkAddress(field, address);
  }
  checkText("subject", message.subject, SENDABLE_SUBJECT_LENGTH);
  checkText("X-Waypost-Email id", message.emailId ?? "", WORD_LENGTH);
  if (!isWritableId(message.messageId)) refuse("Message-ID", "is empty or holds characters that no id may hold");
  for (const id of [message.inReplyTo ?? "", ...message.references])
    checkText("id in In-Reply-To or References", id, Number.POSITIVE_INFINITY);
  for (const { filename, mimetype, contentId } of message.attachments) {
    checkText("file name of an attachment", filename, WORD_LENGTH);
    if (!/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(mimetype)) refuse("type of an attachment", "is not of the form type/subtype");
    checkText("Content-ID of an attachment", contentId ?? "", WORD_LENGTH);
  }
}

/** Whether a message id or Content-ID can be written between angle brackets on one line: printable ASCII without blanks. */
export function isWritableId(id: string): boolean {
  return /^[!-;=?-~]+$/.test(id) && id.length <= WORD_LENGTH;
}

function checkAddress(field: string, { name, address }: Address): void {
  checkText(`display name in ${field}`, name, WORD_LENGTH);
  checkText(`address in ${field}`, address, ADDRESS_LENGTH);
  if (!/^[^<>]+@[^<>\s@]+$/.test(address)) refuse(`address in ${field}`, "is not of the form name@domain");
}

function checkText(field: string, value: string, limit: number): void {
  if (CONTROL.test(value)) refuse(field, "holds a line break or another control character");
  if (value.length > limit) refuse(field, `has more than ${limit} characters`);
}

function refuse(field: string, fault: string): never {
  throw new Failure({
    scope: "item",
    code: "unsendable header",
    message: `The message was not written: the ${field} ${fault}.`,
    remedy: `Correct the ${field} of the email and send it again.`,
    waitingHelps: false,
  });
}
