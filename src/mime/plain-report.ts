import { DIAGNOSIS_LENGTH, REPORTED_RECIPIENTS, type ReportedRecipient, type ReportKind } from "../model/delivery-report.ts";
import type { MessageHead } from "../model/message.ts";
import { oneLine } from "./one-line.ts";
import { addressIn, fieldGroups, recipientOf, statusIn } from "./report-fields.ts";
import { type ReturnedHeader, returnedHeader } from "./returned-message.ts";

/** Characters looked at of a report in plain words, and lines of what it tells before it gives the message back. */
const TEXT_READ = 256 * 1024;
const LINES_READ = 500;
const LINE_LENGTH = 1000;

/** Fields of which a header that is given back has two at least. */
const TELLING_FIELD = /^(from|to|subject|date|message-id)[ \t]{0,3}:/i;

const STATUS_FIELD = /^(?:final|original)-recipient[ \t]{0,3}:/im;

/** Each part is bounded, so that a line takes time in proportion to its length. */
const ADDRESS = /[^\s<>()[\]",;:*]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?/gi;
const BEGINS_WITH_ADDRESS = /^[ \t*-]{0,12}<?[^\s<>()[\]",;:*]{1,64}@[a-z0-9][a-z0-9.-]{0,254}/i;

/** How servers say that it failed. One of these, or the code of an answer, has to stand in the report or its subject. */
const FAILURE = [
  /\b(?:not|never|n't|unable|error|fail\w{0,4}|problems?)\b.{0,60}\b(?:deliver|reach|receiv)/i,
  /\bdeliver.{0,60}\b(?:fail|error|problem|reject)/i,
  /\b(?:undeliver|returned (?:mail|message)|failure (?:notice|reasons))/i,
  /\b(?:mailbox (?:is )?(?:full|exceeds)|user unknown|unknown user|no such user)\b/i,
];
const REPLY_CODE = /(?:^|[\s:])[45]\d\d[\s-]/m;

const DELAY = /\b(?:delayed|will be retried|still being retried|warning only|not yet been delivered|keep trying)\b/i;

/** What a report in plain words tells. */
export interface PlainReport {
  readonly recipients: readonly ReportedRecipient[];
  readonly returned: ReturnedHeader | null;
}

interface Told {
  /** What the server itself says, before it gives the message back. */
  readonly lines: readonly string[];
  readonly returned: ReturnedHeader | null;
}

/**
 * Reads a report of a server that writes none of the standard forms: some words, the recipients, what the other server said, and behind that the message
 * or its header. Null where it does not say that mail failed, names no recipient, or gives nothing back; `isReturned` tells that the message comes along
 * as a part of its own.
 */
export function plainReport(head: MessageHead, text: string, isReturned: boolean): PlainReport | null {
  const { lines, returned } = parted(text.slice(0, TEXT_READ).toWellFormed());
  const told = lines.join("\n");
  const listed = STATUS_FIELD.test(told) ? fieldGroups(Buffer.from(told, "utf8")).flatMap((group) => recipientOf(group) ?? []) : [];
  if (listed.length > 0) return { recipients: listed.slice(0, REPORTED_RECIPIENTS), returned };
  const named = namedInHeader(head);
  const saysSo =
    named.length > 0 || REPLY_CODE.test(told) || [head.subject, ...lines].some((line) => FAILURE.some((one) => one.test(line)));
  const givesBack = isReturned || returned !== null || named.length > 0;
  if (!saysSo || !givesBack) return null;
  const addresses = named.length > 0 ? named : namedInText(head, lines);
  if (addresses.length === 0) return null;
  const kind: ReportKind = [head.subject, ...lines].some((line) => DELAY.test(line)) ? "delayed" : "failed";
  return { recipients: recipientsIn(lines, addresses.slice(0, REPORTED_RECIPIENTS), kind), returned };
}

/** Parts what the server says from the header that it gives back: the first paragraph that has two of the fields every header has. */
function parted(text: string): Told {
  const lines: string[] = [];
  let at = 0;
  while (at < text.length && lines.length < LINES_READ) {
    const paragraph = paragraphAt(text, at);
    const begins = paragraph.lines.findIndex((line) => TELLING_FIELD.test(line));
    const names = new Set(paragraph.lines.flatMap((line) => TELLING_FIELD.exec(line)?.[1]?.toLowerCase() ?? []));
    if (begins >= 0 && names.size >= 2) return { lines, returned: returnedHeader(Buffer.from(paragraph.lines.join("\n"), "utf8")) };
    for (const line of paragraph.lines) lines.push(line.slice(0, LINE_LENGTH));
    lines.push("");
    at = paragraph.next;
  }
  return { lines: lines.slice(0, LINES_READ), returned: null };
}

function paragraphAt(text: string, start: number): { readonly lines: readonly string[]; readonly next: number } {
  const lines: string[] = [];
  let at = start;
  while (at < text.length) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const line = text.slice(at, end).trimEnd();
    at = end + 1;
    if (line === "") break;
    lines.push(line);
  }
  return { lines, next: at };
}

/** Exim and Gmail name the recipients in a field of the header. */
function namedInHeader({ headers }: MessageHead): string[] {
  const values = headers.filter(([name]) => name === "x-failed-recipients").map(([, value]) => value);
  return distinct(
    values
      .join(",")
      .split(",")
      .flatMap((one) => addressIn(one) ?? [])
      .filter((one) => one.includes("@")),
  );
}

/** Those that begin a line; where none does, all that are neither whom the report is for nor who wrote it. */
function namedInText(head: MessageHead, lines: readonly string[]): string[] {
  const concerned = new Set([...head.to, ...head.cc, ...head.from].map(({ address }) => address.toLowerCase()));
  const named = (some: readonly string[]) => distinct(some.flatMap(addressesOf).filter((one) => !concerned.has(one.toLowerCase())));
  const first = named(lines.flatMap((line) => BEGINS_WITH_ADDRESS.exec(line)?.[0] ?? []));
  return first.length > 0 ? first : named(lines);
}

function addressesOf(line: string): string[] {
  return line.match(ADDRESS) ?? [];
}

/** What is said of each recipient: the lines from where it is named to where the next one is. */
function recipientsIn(lines: readonly string[], addresses: readonly string[], kind: ReportKind): ReportedRecipient[] {
  const wanted = new Set(addresses.map((one) => one.toLowerCase()));
  const named = lines.map((line) => new Set(addressesOf(line.toLowerCase()).filter((one) => wanted.has(one))));
  return addresses.map((address) => {
    const key = address.toLowerCase();
    const from = Math.max(
      0,
      named.findIndex((those) => those.has(key)),
    );
    const next = named.findIndex((those, index) => index > from && those.size > 0 && !those.has(key));
    return recipientIn(lines.slice(from, next < 0 ? undefined : next), address, kind);
  });
}

function recipientIn(about: readonly string[], address: string, kind: ReportKind): ReportedRecipient {
  const spoken = about.findIndex((line) => statusIn(line) !== null || REPLY_CODE.test(line));
  const said = spoken < 0 ? about.filter((line) => line !== "").slice(0, 2) : paragraphFrom(about, spoken);
  const diagnosis = oneLine(said.join(" ").replace(/\s+/g, " "), DIAGNOSIS_LENGTH);
  return { address, originalAddress: null, kind, status: statusIn(said.join(" ")), diagnosis: diagnosis === "" ? null : diagnosis };
}

function paragraphFrom(lines: readonly string[], start: number): readonly string[] {
  const end = lines.indexOf("", start);
  return lines.slice(start, end < 0 ? undefined : end);
}

function distinct(addresses: readonly string[]): string[] {
  return [...new Map(addresses.map((one) => [one.toLowerCase(), one])).values()];
}
