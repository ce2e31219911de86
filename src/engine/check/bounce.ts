import type { MessageHead } from "../../model/message.ts";

/** Longest diagnosis shown, in characters. */
const DIAGNOSIS = 500;

/** A delivery report by its head (RFC 3462, RFC 3834), or a bounce of a server that writes none. */
export function lookedLikeBounce({ headers, from }: MessageHead): boolean {
  const value = (field: string) => headers.find(([name]) => name === field)?.[1] ?? "";
  return (
    /multipart\/report/i.test(value("content-type")) ||
    value("x-failed-recipients") !== "" ||
    /^(mailer-daemon|postmaster)@/i.test(from[0]?.address ?? "")
  );
}

/**
 * What a bounce says about the message with that Message-ID; null when it does not name it. The diagnosis is the Diagnostic-Code of the report
 * (RFC 3464 2.3.6) on one line, else a word of ours. Pure; takes time linear in the bytes.
 */
export function bounceOf(mime: Buffer, messageId: string): string | null {
  const text = mime.toString("latin1");
  if (!text.includes(messageId)) return null;
  const start = text.search(/^diagnostic-code:/im);
  if (start < 0) return "(no diagnosis)";
  const lines = text.slice(start, start + 4 * DIAGNOSIS).split(/\r?\n/);
  const end = lines.findIndex((line, index) => index > 0 && !/^[ \t]/.test(line));
  return lines
    .slice(0, end < 0 ? lines.length : end)
    .join(" ")
    .replace(/^diagnostic-code:\s*(smtp;|x-\S+;)?/i, "")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, DIAGNOSIS);
}
