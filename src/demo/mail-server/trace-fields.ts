import type { Submission } from "./smtp-server.ts";

/**
 * The content as an IMAP server can serve it (RFC 3501 section 9): lines end in CRLF, and there is no NUL, which becomes 0x80
 * as in Dovecot.
 */
export function storableMime(mime: Buffer | string): Buffer {
  const bytes = typeof mime === "string" ? Buffer.from(mime, "utf8") : mime;
  const text = bytes.toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is replaced
  return Buffer.from(text.replace(/(?<!\r)\n|\r(?!\n)/g, "\r\n").replace(/\u0000/g, "\u0080"), "latin1");
}

/** The content with what a mail system puts on top at delivery: Return-Path, Delivered-To and Received (RFC 5321 4.4). */
export function withTraceFields(submission: Submission, recipient: string): Buffer {
  const protocol = submission.user === null ? "ESMTP" : "ESMTPA";
  const fields = [
    `Return-Path: <${oneLine(submission.from)}>`,
    `Delivered-To: ${oneLine(recipient)}`,
    `Received: from ${oneLine(submission.client)} by waypost-demo with ${protocol}; ${mailDate(submission.at)}`,
    "",
  ];
  return storableMime(Buffer.concat([Buffer.from(fields.join("\r\n"), "utf8"), submission.mime]));
}

/** What a client said of itself must not begin a header field of its own. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\u0000-\u001f\u007f]/g, "");
}

/** RFC 5322 3.3. */
function mailDate(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}
