import { DIAGNOSIS_LENGTH, type ReportedRecipient, type ReportKind } from "../model/delivery-report.ts";
import { textOfBytes } from "./charset.ts";
import { decodeWords } from "./encoded-words.ts";
import { type HeaderField, headerFields, lineAt } from "./header-block.ts";
import { oneLine } from "./one-line.ts";

/** Bytes of one report's fields that are read; a hundred recipients take fifty thousand. */
const FIELDS_READ = 256 * 1024;

/** Groups of fields read of one report: the message's own, and one for each recipient. */
const GROUPS = 300;

/** Longest address kept: local part and domain at their limits (RFC 5321 4.5.3.1). */
const ADDRESS_LENGTH = 64 + 1 + 255;

const STATUS = /(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/;

const ACTIONS: ReadonlySet<string> = new Set(["failed", "delayed", "delivered", "relayed", "expanded"] satisfies ReportKind[]);

/** One group of fields: values by name in lower case, in their order. */
export type FieldGroup = ReadonlyMap<string, readonly string[]>;

/** The groups of fields in a report, parted by empty lines (RFC 3464 2.1). Linear; what is behind the limits is left out. */
export function fieldGroups(body: Buffer): FieldGroup[] {
  const groups: FieldGroup[] = [];
  const end = Math.min(body.length, FIELDS_READ);
  let at = 0;
  while (at < end && groups.length < GROUPS) {
    const start = at;
    let line = lineAt(body, at, end);
    while (line.end > at && line.next < end) {
      at = line.next;
      line = lineAt(body, at, end);
    }
    const fields = headerFields(body.subarray(start, line.next), () => true).fields;
    if (fields.length > 0) groups.push(grouped(fields));
    at = line.next;
  }
  return groups;
}

function grouped(fields: readonly HeaderField[]): FieldGroup {
  const group = new Map<string, string[]>();
  for (const { name, value } of fields) {
    const values = group.get(name);
    if (values === undefined) group.set(name, [value]);
    else values.push(value);
  }
  return group;
}

/** The recipient that a group of a delivery status is about (RFC 3464 2.3), or null when it is about none; `otherwise`: who it is where it names nobody. */
export function recipientOf(group: FieldGroup, otherwise: string | null = null): ReportedRecipient | null {
  const final = addressIn(first(group, "final-recipient"));
  const original = addressIn(first(group, "original-recipient"));
  const address = final ?? original ?? (group.has("action") || group.has("status") ? otherwise : null);
  if (address === null) return null;
  const diagnosis = diagnosisIn(first(group, "diagnostic-code"));
  const status = statusIn(first(group, "status")) ?? statusIn(diagnosis ?? "");
  return {
    address,
    originalAddress: original === null || original === address ? null : original,
    kind: kindOf(first(group, "action"), status),
    status,
    diagnosis,
  };
}

/** The enhanced status code in a text, or null. */
export function statusIn(text: string): string | null {
  return STATUS.exec(text)?.[1] ?? null;
}

/** An address of a report, apart from its type (`rfc822; bob@x.test`) and its brackets; null when there is none. */
export function addressIn(value: string): string | null {
  const text = oneLine(decodeWords(textOfBytes(value)));
  const address = text
    .slice(/^[a-z0-9-]{1,40}\s*;/i.exec(text)?.[0].length ?? 0)
    .replace(/[<>]/g, "")
    .trim();
  return address === "" || address.length > ADDRESS_LENGTH ? null : address;
}

/** The first value of a field, or an empty text. */
export function first(group: FieldGroup, name: string): string {
  return group.get(name)?.[0] ?? "";
}

/** What a server said, on one line and of bearable length, without the type before it (`smtp;`); null when it said nothing. */
export function diagnosisIn(value: string): string | null {
  const text = oneLine(decodeWords(textOfBytes(value)), 4 * DIAGNOSIS_LENGTH).replace(/\s+/g, " ");
  const said = text.slice(/^(?:smtp|x-[a-z0-9-]{1,40})\s?;/i.exec(text)?.[0].length ?? 0).trim();
  return said === "" ? null : oneLine(said, DIAGNOSIS_LENGTH);
}

/** Some servers leave the action out, or write it in words of their own: the class of the status tells then (RFC 3463 3.1). */
function kindOf(action: string, status: string | null): ReportKind {
  const word = /^[a-z]+/.exec(action.trim().toLowerCase())?.[0] ?? "";
  if (isAction(word)) return word;
  return status?.startsWith("4") ? "delayed" : status?.startsWith("2") ? "delivered" : "failed";
}

function isAction(word: string): word is ReportKind {
  return ACTIONS.has(word);
}
