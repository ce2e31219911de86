import { parseDate } from "../../mime/dates.ts";
import { type HeaderField, headerFields } from "../../mime/header-block.ts";
import type { MessageHead } from "../../model/message.ts";

/** The times that every store and format can hold, as for the dates in messages. */
const EARLIEST = Date.UTC(1970, 0, 1);

/**
 * When a message was received: POP3 does not tell. Every server on the way puts a line on top (`Received`, RFC 5321 4.4), so the topmost one
 * is of the mailbox's own server, and the sender cannot write above it. Without any there is only the date that the sender wrote, and without
 * that the moment of reading. What lies ahead of our clock counts as now.
 */
export function receivedOf(block: Buffer, now: Date): Pick<MessageHead, "received" | "receivedFrom"> {
  const { fields } = headerFields(block, (name) => name === "received" || name === "date");
  const traced = firstDate(fields, "received", (value) => value.slice(value.lastIndexOf(";") + 1), now);
  if (traced !== null) return { received: traced, receivedFrom: "trace" };
  const written = firstDate(fields, "date", (value) => value, now);
  return written !== null ? { received: written, receivedFrom: "sender" } : { received: now, receivedFrom: "reading" };
}

/** Only the topmost field counts: whatever stands below may be anybody's. */
function firstDate(fields: readonly HeaderField[], name: string, dateIn: (value: string) => string, now: Date): Date | null {
  const field = fields.find((one) => one.name === name);
  const date = field === undefined || field.cut ? null : parseDate(dateIn(field.value).trim());
  if (date === null || date.getTime() < EARLIEST) return null;
  return date > now ? now : date;
}
