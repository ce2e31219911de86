/** Sunday is 0, as in Dynamics and JavaScript. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** A day as the calendar of the series has it, without a time: in the zone of the series. */
export interface CalendarDay {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

export type RecurrenceEnd =
  | { readonly kind: "never" }
  | { readonly kind: "count"; readonly count: number }
  /** The last day on which it may occur. */
  | { readonly kind: "until"; readonly day: CalendarDay };

/**
 * The parts of RFC 5545's RRULE (3.3.10) that a calendar's series of appointments has: those with BYHOUR, BYWEEKNO and the like are none that could be held elsewhere.
 */
export interface RecurrenceRule {
  readonly frequency: "daily" | "weekly" | "monthly" | "yearly";
  readonly interval: number;
  /** BYDAY; null: each of these days of the week, else the so-maniest of the period, from its end where negative. */
  readonly weekdays: readonly { readonly day: Weekday; readonly ordinal: number | null }[];
  /** BYMONTHDAY, from the month's end where negative. */
  readonly daysOfMonth: readonly number[];
  /** BYMONTH. */
  readonly months: readonly number[];
  /** BYSETPOS. */
  readonly positions: readonly number[];
  /** WKST: what a week is where not every one counts. */
  readonly firstDayOfWeek: Weekday;
  readonly end: RecurrenceEnd;
}

/** First to fourth, or last. */
export type Instance = 1 | 2 | 3 | 4 | "last";

/** When a series of Dynamics occurs (`recurringappointmentmaster`, wire 8.3): nothing else can be held there. */
export type RecurrencePattern = { readonly interval: number; readonly end: RecurrenceEnd } & (
  | { readonly type: "daily" }
  | { readonly type: "weekly"; readonly days: readonly Weekday[]; readonly firstDayOfWeek: Weekday }
  /** In a month that is too short, on its last day. */
  | { readonly type: "monthly"; readonly dayOfMonth: number }
  | { readonly type: "nth monthly"; readonly instance: Instance; readonly days: readonly Weekday[] }
  | { readonly type: "yearly"; readonly month: number; readonly dayOfMonth: number }
  | { readonly type: "nth yearly"; readonly month: number; readonly instance: Instance; readonly days: readonly Weekday[] }
);

export function weekdayOf({ year, month, day }: CalendarDay): Weekday {
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  if (weekday === 0 || weekday === 1 || weekday === 2 || weekday === 3 || weekday === 4 || weekday === 5) return weekday;
  return 6;
}

export function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
