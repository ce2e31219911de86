/** Longer waits than this are no throttling any more. */
const LONGEST_WAIT = 24 * 60 * 60 * 1000;

/**
 * When a server wants to be asked again: seconds (RFC 9110 10.2.3), also with a fraction as Dataverse and Graph have it, or a date. Never before `now`
 * and never more than a day later; undefined where it names no time.
 */
export function retryAfter(value: string | undefined, now: Date): Date | undefined {
  if (value === undefined) return undefined;
  const given = value.trim();
  const time = /^\d{1,9}(\.\d{1,9})?$/.test(given) ? now.getTime() + Number(given) * 1000 : dateOf(given);
  return Number.isNaN(time) ? undefined : new Date(Math.min(Math.max(time, now.getTime()), now.getTime() + LONGEST_WAIT));
}

/** Only what looks like a date: the platform takes "-1" for a year. */
function dateOf(text: string): number {
  return /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
}
