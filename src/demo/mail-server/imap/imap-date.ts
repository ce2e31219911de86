const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A calendar day as milliseconds since 1970 of its midnight in UTC, without any time zone's say. */
export type Day = number;

/** `date-time` of RFC 3501 section 9, in UTC: ` 7-Feb-2026 09:00:00 +0000`. */
export function formatDateTime(date: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = String(date.getUTCDate()).padStart(2, " ");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  return `${day}-${MONTHS[date.getUTCMonth()]}-${year} ${time} +0000`;
}

/** Reads a `date-time`; null when it is none. */
export function parseDateTime(text: string): Date | null {
  const match = /^([ \d]\d-[a-z]{3}-\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/i.exec(text);
  if (!match) return null;
  const [, date = "", hours, minutes, seconds, sign, zoneHours, zoneMinutes] = match;
  const day = parseDay(date.trim());
  if (day === null || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) return null;
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -1 : 1);
  return new Date(day + ((Number(hours) * 60 + Number(minutes) - zone) * 60 + Number(seconds)) * 1000);
}

/** Reads a `date` (`7-Feb-2026`); null when there is no such day. */
export function parseDay(text: string): Day | null {
  const match = /^(\d{1,2})-([a-z]{3})-(\d{4})$/i.exec(text);
  return match ? dayOf(Number(match[1]), match[2] ?? "", Number(match[3])) : null;
}

export function dayOfDate(date: Date): Day {
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
}

/** The day that a Date header names, its time and zone left aside (RFC 3501 6.4.4, SENTON); null when it names none. */
export function dayOfHeader(value: string): Day | null {
  const match = /(?:^|[\s,])(\d{1,2})\s+([a-z]{3})[a-z]*\s+(\d{4})(?=\s|$)/i.exec(value);
  return match ? dayOf(Number(match[1]), match[2] ?? "", Number(match[3])) : null;
}

function dayOf(day: number, monthName: string, year: number): Day | null {
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName.toLowerCase());
  // Date.UTC reads years below 100 as 19xx; no mail is that old.
  if (month < 0 || year < 100) return null;
  const time = Date.UTC(year, month, day);
  return new Date(time).getUTCDate() === day ? time : null;
}
