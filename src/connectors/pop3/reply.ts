/** POP3 status lines (RFC 1939 3, RFC 2449 8). Pure: bytes in, replies out. */

/** The first line of an answer. */
export interface Reply {
  /** `+OK`, against `-ERR`. */
  readonly ok: boolean;
  /** Response code in upper case (RFC 2449 8.1, RFC 3206), such as `IN-USE` or `SYS/TEMP`; null without one. */
  readonly code: string | null;
  /** What follows the indicator, code included, printable. */
  readonly text: string;
}

/** RFC 1939 3 allows 512 octets; servers write long texts with links. Beyond this it is no mail server. */
export const MAXIMUM_LINE = 8 * 1024;

/** Enough for a person to understand it, and for a store to keep it. */
const MAXIMUM_SHOWN = 1000;

const STATUS = /^(\+OK|-ERR)(?:[ \t](.*))?$/is;
/** RFC 2449 8.1.1: no blanks, brackets or parentheses in it, and it stands first. */
const CODE = /^\[([^\][()\s]{1,64})\]/;

/** The reply on a line (without its line end), or null when the line is none. */
export function parseReply(line: Buffer): Reply | null {
  const match = STATUS.exec(decoded(line));
  if (!match) return null;
  const text = printable(match[2] ?? "");
  return { ok: match[1]?.startsWith("+") === true, code: CODE.exec(text)?.[1]?.toUpperCase() ?? null, text };
}

/** What a server wants to hear in the middle of AUTH (RFC 5034 4), still in base64; null when the line is no such challenge. */
export function parseChallenge(line: Buffer): string | null {
  const text = line.toString("latin1");
  return text === "+" || text.startsWith("+ ") ? text.slice(2) : null;
}

/** A line in words that can be shown, whatever it is. */
export function shown(line: Buffer): string {
  return printable(decoded(line.subarray(0, MAXIMUM_SHOWN)));
}

/** RFC 6856 has UTF-8; older servers write what they like. */
function decoded(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}

/** Control characters would play tricks in logs and terminals. */
function printable(text: string): string {
  const short = text.slice(0, MAXIMUM_SHOWN);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
}
