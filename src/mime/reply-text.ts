import type { ParsedContent } from "../model/message.ts";
import { htmlToText } from "./html-text.ts";
import {
  ATTRIBUTION_LEADS,
  ATTRIBUTION_VERBS,
  DATE_LABELS,
  FORWARDED_MESSAGE,
  ORIGINAL_MESSAGE,
  OTHER_LABELS,
  SENDER_LABELS,
  SENT_FROM,
  SUBJECT_LABELS,
} from "./reply-words.ts";

/** Longest text that is looked through, in characters. Real replies have some thousand; whoever writes more has attached a document. */
export const REPLY_CHARACTERS = 64 * 1024;

/** Longest line that can say who wrote what is quoted, the lines counted on which it goes on. */
const ATTRIBUTION_LENGTH = 400;
/** Lines that it may take: programs break it where they break all lines. */
const ATTRIBUTION_LINES = 4;

/** How a line begins that says who wrote what is quoted: with a date, or a word in front of one. */
const LED = new RegExp(`^\\s{0,8}-{0,20}\\s?(?:\\d|${ATTRIBUTION_LEADS.join("|")})`, "i");

/** Lines of a quoted head that are looked at. */
const HEAD_LINES = 8;

/** Lines that a signature may have below a separator that is not the one of RFC 3676 4.3. */
const SIGNATURE_LINES = 10;

/** Longest line of a telephone about itself, and the most words that it has: more of them are a sentence of the sender. */
const SENT_FROM_LENGTH = 80;
const SENT_FROM_WORDS = 8;

/** What is new in a message's text as {@link replyText} has it: in the plain one, or in that of its HTML where there is no other. */
export function replyOf({ html, text }: Pick<ParsedContent, "html" | "text">): string | null {
  if (text !== null) return replyText(text);
  return html === null || html.length > REPLY_CHARACTERS ? null : replyText(htmlToText(html));
}

/**
 * What is new in a message's plain text: without what it quotes and without the signature. Null where nothing is to be left out, where nothing would be left,
 * where the message hands another one on, and where the text is longer than {@link REPLY_CHARACTERS}.
 *
 * Our own rules and not a library's: the regular expressions of email-reply-parser need four seconds for 10 KB made for them, with the cube of
 * the length, and those of planer the square. Line by line, each looked at a bounded number of times and at a bounded length; never throws.
 */
export function replyText(text: string): string | null {
  if (text.length > REPLY_CHARACTERS) return null;
  const lines = text.split("\n").map((line) => line.trimEnd());
  const unquoted = withoutQuotation(lines);
  if (unquoted === null) return null;
  const reply = withoutSignature(unquoted, text).join("\n").trim();
  return reply === "" || reply === text.trim() ? null : reply;
}

/** The lines that quote nothing; null where the message is handed on. */
function withoutQuotation(lines: readonly string[]): string[] | null {
  const kept: string[] = [];
  let attributed = false;
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    if (isMarked(line)) {
      const end = markedUntil(lines, at);
      if (attributed || end - at > 1) attributed = true;
      else kept.push(line);
      at = end;
      continue;
    }
    const title = titleOf(line);
    if (title !== null && FORWARDED_MESSAGE.has(title)) return attributed ? kept : null;
    if ((title !== null && ORIGINAL_MESSAGE.has(title)) || beginsHead(lines, at)) return withoutRule(kept);
    const next = attributionEnd(lines, at);
    if (next === null) {
      kept.push(line);
      at += 1;
    } else if (isMarked(firstAfter(lines, next))) {
      attributed = true;
      at = next;
    } else return kept;
  }
  return kept;
}

function isMarked(line: string): boolean {
  return /^ ?>/.test(line);
}

/** Where the marked lines end that begin at `at`. */
function markedUntil(lines: readonly string[], at: number): number {
  let end = at;
  while (end < lines.length && isMarked(lines[end] ?? "")) end += 1;
  return end;
}

/** The first line with anything on it, from `at`, or an empty one; one that is a few lines away belongs to something else. */
function firstAfter(lines: readonly string[], at: number): string {
  return lines.slice(at, at + ATTRIBUTION_LINES).find((line) => line !== "") ?? "";
}

/** The words of a line between dashes (`-----Original Message-----`), or before a colon, in lower case; null where they cannot be a title. */
function titleOf(line: string): string | null {
  // Nearly all lines end the question here.
  if (line.length > 100 || !(line.endsWith(":") || /^\s{0,8}[*_-]/.test(line))) return null;
  const bare = line.replace(/^[\s*_-]+/, "").replace(/[\s*_:-]+$/, "");
  return bare === line.trim() ? null : bare.toLowerCase();
}

/**
 * Whether a message's head is quoted from this line on, as Outlook does: the sender first, or the date; with three lines of a head one of which is the subject,
 * or with two and an address.
 */
function beginsHead(lines: readonly string[], at: number): boolean {
  const first = labelOf(lines[at] ?? "");
  if (first === null || !(SENDER_LABELS.has(first) || DATE_LABELS.has(first))) return false;
  const labels = new Set<string>();
  let address = false;
  for (const line of lines.slice(at, at + HEAD_LINES)) {
    const label = labelOf(line);
    if (label !== null && isHeadLabel(label)) {
      labels.add(label);
      address ||= line.includes("@");
    } else if (line === "" && labels.size > 0) break;
  }
  return (labels.size >= 3 && [...labels].some((label) => SUBJECT_LABELS.has(label))) || (labels.size >= 2 && address);
}

function isHeadLabel(label: string): boolean {
  return SENDER_LABELS.has(label) || DATE_LABELS.has(label) || OTHER_LABELS.has(label) || SUBJECT_LABELS.has(label);
}

/** What stands before the colon of a line, without the stars of bold letters, in lower case. */
function labelOf(line: string): string | null {
  const start = line.slice(0, 40);
  if (!start.includes(":") && !start.includes("：")) return null;
  const found = /^[ \t]{0,8}\*{0,2}([^\s:：*][^:：*]{0,19}?)\s?\*{0,2}[:：]/u.exec(line);
  return found?.[1]?.trim().toLowerCase() ?? null;
}

/** Where a quotation begins behind the lines that say whose it is, or null where this line begins no such thing. */
function attributionEnd(lines: readonly string[], at: number): number | null {
  const first = lines[at] ?? "";
  // A line that begins otherwise can only be meant alone, in front of marked lines: what stands before it is the reply.
  if (!LED.test(first)) return isAttribution(first, true) && isMarked(firstAfter(lines, at + 1)) ? at + 1 : null;
  let joined = "";
  for (let next = at; next < Math.min(lines.length, at + ATTRIBUTION_LINES); next += 1) {
    const line = lines[next] ?? "";
    if (line === "" || isMarked(line)) return null;
    joined = joined === "" ? line.trim() : `${joined} ${line.trim()}`;
    if (joined.length > ATTRIBUTION_LENGTH) return null;
    if (isAttribution(joined, next === at && isMarked(firstAfter(lines, next + 1)))) return next + 1;
  }
  return null;
}

/** "On 3 April 2012, Ann <ann@example.test> wrote:", in many languages: with a date or an address, and a verb. */
function isAttribution(line: string, marksFollow: boolean): boolean {
  if (line.length > ATTRIBUTION_LENGTH || !/[\d@]/.test(line)) return false;
  const bare = line
    .trim()
    .replace(/^-{1,20}\s?/, "")
    .replace(/\s?-{1,20}$/, "")
    .toLowerCase();
  const ends = /[:：]$/.test(bare);
  const verb = ATTRIBUTION_VERBS.some((one) => bare.endsWith(one) || (ends && bare.includes(one)));
  return verb || (/^\d{4}[-/.]\d/.test(bare) && (bare.endsWith(">:") || (marksFollow && bare.endsWith(">"))));
}

/** Without the line of underscores or dashes that Outlook draws above a quoted head. */
function withoutRule(kept: string[]): string[] {
  let end = kept.length;
  while (end > 0 && /^[\s_-]*$/.test(kept[end - 1] ?? "")) end -= 1;
  return kept.slice(0, end);
}

/** The separator has a blank at its end, which is gone from `lines`: where `text` has it so, what follows is a signature however long. */
function withoutSignature(lines: readonly string[], text: string): string[] {
  const hasSeparator = /^-- $/m.test(text);
  const at = lines.findIndex((line, index) => line === "--" && (hasSeparator || lines.length - index - 1 <= SIGNATURE_LINES));
  const body = at < 0 ? [...lines] : lines.slice(0, at);
  const rule = body.findLastIndex((line) => /^(?:_{2,4}|_{20,100}|-{20,100})$/.test(line));
  const ruled = rule >= 0 && body.length - rule - 1 <= SIGNATURE_LINES ? body.slice(0, rule) : body;
  return withoutLastLine(ruled);
}

/** A telephone's line about itself, or a name behind a dash. */
function withoutLastLine(lines: readonly string[]): string[] {
  const last = lines.findLastIndex((line) => line !== "");
  const line = (lines[last] ?? "").trim();
  const isSignature = isSentFrom(line) || /^-[\p{Lu}][\p{L}.]{0,30}(?: [\p{Lu}][\p{L}.]{0,30}){0,3}$/u.test(line);
  return isSignature ? lines.slice(0, last) : [...lines];
}

function isSentFrom(line: string): boolean {
  if (line.length > SENT_FROM_LENGTH || line.split(/\s+/).length > SENT_FROM_WORDS || /[,;!?.]\s|[.!?]$/.test(line)) return false;
  const lower = line.toLowerCase();
  return SENT_FROM.some((beginning) => lower.startsWith(beginning)) || /^von meinem .* gesendet$/.test(lower);
}
