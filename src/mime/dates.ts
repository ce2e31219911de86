/** `date-time` of RFC 5322 3.3 and 4.3, comments already taken out; seconds, zone and the day's name may be missing. */
const MAIL_DATE =
  /^(?:[a-z]{3,9}\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{2,4})[\s,]+(\d{1,2})\s*[:.]\s*(\d{2})(?:\s*[:.]\s*(\d{2})(?:\.\d+)?)?\s*(.*)$/i;

/** `asctime` order, written by some Unix programs: `Tue Jan  2 03:04:05 [zone] 2024`. */
const UNIX_DATE = /^[a-z]{3,9},?\s+([a-z]{3})[a-z]*\s+(\d{1,2})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s+(?:([a-z]{1,5}|[+-]\d{4})\s+)?(\d{4})$/i;

/** RFC 3339, which some programs write where RFC 5322 asks for its own form. */
const ISO_DATE = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})$/i;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Hours east of Greenwich of the zone names in RFC 5322 4.3. The military letters mean `-0000` there: nobody knows. */
const ZONE_NAMES: Readonly<Record<string, number>> = {
  UT: 0,
  UTC: 0,
  GMT: 0,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/** A Date header longer than this is no date. */
const DATE_LENGTH = 200;

/**
 * The moment a Date header names (RFC 5322 3.3, obsolete forms of 4.3 included), or null where it names none. A zone that is
 * missing or unknown counts as UTC, as 4.3 asks. Never throws.
 */
export function parseDate(value: string): Date | null {
  const text = withoutComments(value.slice(0, DATE_LENGTH)).trim();
  const mail = MAIL_DATE.exec(text);
  if (mail) {
    const [, day, month, year, hour, minute, second, zone] = mail;
    return moment(fullYear(year ?? ""), month, day, hour, minute, second, zone);
  }
  const unix = UNIX_DATE.exec(text);
  if (unix) {
    const [, month, day, hour, minute, second, zone, year] = unix;
    return moment(Number(year), month, day, hour, minute, second, zone);
  }
  return ISO_DATE.test(text) ? existing(new Date(text.replace(" ", "T"))) : null;
}

function moment(
  year: number,
  monthName: string | undefined,
  ...[day, hour, minute, second, zone]: readonly (string | undefined)[]
): Date | null {
  const month = MONTHS.indexOf((monthName ?? "").toLowerCase());
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second ?? 0)];
  const local = new Date(Date.UTC(year, month, d, h, m, Math.min(s, 59)));
  const real = year >= 1900 && month >= 0 && local.getUTCMonth() === month && local.getUTCDate() === d && h < 24 && m < 60 && s <= 60;
  return real ? existing(new Date(local.getTime() - zoneMinutes(zone ?? "") * 60_000)) : null;
}

/** RFC 5322 4.3: two digits below 50 are this century's, the others and three digits count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

function zoneMinutes(zone: string): number {
  const offset = /^(?:GMT|UTC?)?\s*([+-])(\d{2}):?(\d{2})/i.exec(zone);
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    // No place on earth is further from Greenwich than 14 hours; 24 allows for carelessness, more is rubbish and counts as UTC.
    return minutes > 24 * 60 ? 0 : offset[1] === "-" ? -minutes : minutes;
  }
  return (ZONE_NAMES[/^[a-z]+/i.exec(zone)?.[0].toUpperCase() ?? ""] ?? 0) * 60;
}

/** RFC 5322 3.3 has no year before 1900. */
function existing(date: Date): Date | null {
  return date.getUTCFullYear() >= 1900 ? date : null;
}

/** The value without its comments (RFC 5322 3.2.2, nested ones included); an unclosed comment runs to the end. */
function withoutComments(value: string): string {
  let depth = 0;
  let kept = "";
  for (const character of value) {
    if (character === "(") depth += 1;
    else if (character === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) kept += character;
  }
  return kept;
}
