import {
  type CalendarDay,
  daysIn,
  type Instance,
  type RecurrencePattern,
  type RecurrenceRule,
  type Weekday,
  weekdayOf,
} from "../model/recurrence.ts";

/** A rule as Dynamics can hold it, or why it cannot: then the series stays on the server, and its appointments are shown one by one. */
export type Held = { readonly pattern: RecurrencePattern } | { readonly cannot: string };

/** What Dynamics takes (wire 8.3). */
const LONGEST_INTERVAL = 1000;
const MOST_OCCURRENCES = 999;

/** Every month has that many days. */
const SHORTEST_MONTH = 28;
const LONGEST_MONTH = 31;

const EVERY_DAY: readonly Weekday[] = [0, 1, 2, 3, 4, 5, 6];
/** Of which Dynamics knows the so-maniest: one day of the week, any day, a day of work, a day of the week's end. */
const SETS_OF_DAYS: readonly (readonly Weekday[])[] = [...EVERY_DAY.map((day) => [day]), EVERY_DAY, [1, 2, 3, 4, 5], [0, 6]];

type Part = { readonly part: Occurring } | { readonly cannot: string };
type Occurring = DistributiveOmit<RecurrencePattern, "interval" | "end">;
type DistributiveOmit<Whole, Key extends PropertyKey> = Whole extends unknown ? Omit<Whole, Key> : never;

/**
 * The pattern of Dynamics that occurs on exactly the days on which the rule does.
 * @param start the day of the first appointment, which RFC 5545 counts whether the rule names it or not, and Dynamics does not
 */
export function patternOf(rule: RecurrenceRule, start: CalendarDay): Held {
  const { interval, end } = rule;
  if (interval < 1 || interval > LONGEST_INTERVAL)
    return cannot(`its interval is ${interval}, and at most ${LONGEST_INTERVAL} can be held`);
  if (end.kind === "count" && (end.count < 1 || end.count > MOST_OCCURRENCES))
    return cannot(`it occurs ${end.count} times, and at most ${MOST_OCCURRENCES} can be held`);
  const found = PARTS[rule.frequency](rule, start);
  if ("cannot" in found) return found;
  const pattern: RecurrencePattern = { ...found.part, interval, end };
  return occursOn(pattern, start) ? { pattern } : cannot("its first appointment is on a day that its rule does not name");
}

const PARTS: Readonly<Record<RecurrenceRule["frequency"], (rule: RecurrenceRule, start: CalendarDay) => Part>> = {
  daily: ({ interval, weekdays, daysOfMonth, months, positions, firstDayOfWeek }) => {
    if (daysOfMonth.length + months.length + positions.length > 0) return cannot("it occurs daily, but not in every month or on every day");
    if (weekdays.length === 0) return { part: { type: "daily" } };
    if (interval > 1 || hasOrdinal(weekdays)) return cannot("it occurs on every so-maniest day, and on some days of the week only");
    return { part: { type: "weekly", days: daysOf(weekdays), firstDayOfWeek } };
  },
  weekly: ({ weekdays, daysOfMonth, months, positions, firstDayOfWeek }, start) => {
    if (daysOfMonth.length + months.length + positions.length > 0)
      return cannot("it occurs weekly, but not in every month or on every day");
    if (hasOrdinal(weekdays)) return cannot("it occurs weekly, on the so-maniest of a day");
    return { part: { type: "weekly", days: weekdays.length === 0 ? [weekdayOf(start)] : daysOf(weekdays), firstDayOfWeek } };
  },
  monthly: (rule, start) => (rule.months.length > 0 ? cannot("it occurs monthly, but not in every month") : inMonth(rule, start)),
  yearly: (rule, start) => {
    const { weekdays, daysOfMonth, months } = rule;
    if (months.length > 1) return cannot("it occurs in several months of a year");
    if (months.length === 0 && weekdays.length > 0) return cannot("it occurs on days that are counted through the whole year");
    if (months.length === 0 && daysOfMonth.length > 0) return cannot("it occurs in each month of some years");
    const found = inMonth(rule, start);
    if ("cannot" in found) return found;
    const [month = start.month] = months;
    const { part } = found;
    if (part.type === "monthly") return { part: { ...part, type: "yearly", month } };
    return part.type === "nth monthly" ? { part: { ...part, type: "nth yearly", month } } : cannot("it is none of a month");
  },
};

/** The day within a month. */
function inMonth({ weekdays, daysOfMonth, positions }: RecurrenceRule, start: CalendarDay): Part {
  if (weekdays.length > 0 && daysOfMonth.length > 0) return cannot("it occurs only where a day of the month is a certain day of the week");
  if (positions.length > 1) return cannot("it occurs on several days of a month");
  if (weekdays.length > 0) return nthInMonth(weekdays, positions[0] ?? null);
  const days = daysOfMonth.length === 0 ? [start.day] : [...new Set(daysOfMonth)].sort((one, other) => one - other);
  const [position] = positions;
  const dayOfMonth = position === undefined ? onlyOne(days) : lastThatIs(days, position);
  if (dayOfMonth === null) return cannot("it occurs on several days of a month, or on a day that is counted back from its end");
  if (position === undefined && days[0] !== -1 && dayOfMonth > SHORTEST_MONTH)
    return cannot(`months without a day ${dayOfMonth} are left out, and Dynamics takes their last day`);
  return { part: { type: "monthly", dayOfMonth } };
}

function onlyOne(days: readonly number[]): number | null {
  const [day] = days;
  if (day === undefined || days.length > 1) return null;
  // The last day of whatever month is what Dynamics means by the 31st.
  return day === -1 ? LONGEST_MONTH : day > 0 ? day : null;
}

/** "The last of 28, 29, 30" is the 30th, or the last day of a shorter month: this is what Dynamics means by 30. */
function lastThatIs(days: readonly number[], position: number): number | null {
  const last = days.at(-1);
  const isRow = days.every((day, index) => day === SHORTEST_MONTH + index);
  return position === -1 && last !== undefined && isRow ? last : null;
}

function nthInMonth(weekdays: RecurrenceRule["weekdays"], position: number | null): Part {
  const days = daysOf(weekdays);
  const [first] = weekdays;
  if (hasOrdinal(weekdays) && (position !== null || weekdays.length > 1)) return cannot("it occurs on several days of a month");
  const instance = instanceOf(position ?? first?.ordinal ?? null);
  if (instance === null)
    return cannot("it occurs on all such days of a month, or on one that is counted otherwise than from first to fourth, or last");
  const isKnown = SETS_OF_DAYS.some((set) => set.length === days.length && set.every((day) => days.includes(day)));
  return isKnown ? { part: { type: "nth monthly", instance, days } } : cannot("it occurs on the so-maniest of several days of the week");
}

function instanceOf(ordinal: number | null): Instance | null {
  if (ordinal === -1) return "last";
  return ordinal === 1 || ordinal === 2 || ordinal === 3 || ordinal === 4 ? ordinal : null;
}

function hasOrdinal(weekdays: RecurrenceRule["weekdays"]): boolean {
  return weekdays.some(({ ordinal }) => ordinal !== null);
}

function daysOf(weekdays: RecurrenceRule["weekdays"]): Weekday[] {
  return EVERY_DAY.filter((day) => weekdays.some((one) => one.day === day));
}

function cannot(because: string): { readonly cannot: string } {
  return { cannot: `Dynamics cannot hold this series: ${because}.` };
}

/** Whether a pattern names a day, counted from a period that it begins with. */
export function occursOn(pattern: RecurrencePattern, day: CalendarDay): boolean {
  switch (pattern.type) {
    case "daily":
      return true;
    case "weekly":
      return pattern.days.includes(weekdayOf(day));
    case "monthly":
      return day.day === Math.min(pattern.dayOfMonth, daysIn(day.year, day.month));
    case "nth monthly":
      return isInstance(day, pattern.days, pattern.instance);
    case "yearly":
      return day.month === pattern.month && day.day === Math.min(pattern.dayOfMonth, daysIn(day.year, day.month));
    case "nth yearly":
      return day.month === pattern.month && isInstance(day, pattern.days, pattern.instance);
  }
}

function isInstance({ year, month, day }: CalendarDay, days: readonly Weekday[], instance: Instance): boolean {
  const such = Array.from({ length: daysIn(year, month) }, (_, index) => index + 1).filter((one) =>
    days.includes(weekdayOf({ year, month, day: one })),
  );
  return day === (instance === "last" ? such.at(-1) : such[instance - 1]);
}

/** The rule of RFC 5545 for a pattern of Dynamics: `patternOf` gives the pattern again. */
export function ruleOf(pattern: RecurrencePattern): RecurrenceRule {
  const { interval, end } = pattern;
  const rule = { interval, end, weekdays: [], daysOfMonth: [], months: [], positions: [], firstDayOfWeek: 0 } as const;
  switch (pattern.type) {
    case "daily":
      return { ...rule, frequency: "daily" };
    case "weekly":
      return { ...rule, frequency: "weekly", weekdays: eachOf(pattern.days), firstDayOfWeek: pattern.firstDayOfWeek };
    case "monthly":
      return { ...rule, frequency: "monthly", ...dayOfMonth(pattern.dayOfMonth) };
    case "nth monthly":
      return { ...rule, frequency: "monthly", ...nth(pattern) };
    case "yearly":
      return { ...rule, frequency: "yearly", months: [pattern.month], ...dayOfMonth(pattern.dayOfMonth) };
    case "nth yearly":
      return { ...rule, frequency: "yearly", months: [pattern.month], ...nth(pattern) };
  }
}

function dayOfMonth(day: number): Pick<RecurrenceRule, "daysOfMonth" | "positions"> {
  if (day <= SHORTEST_MONTH) return { daysOfMonth: [day], positions: [] };
  return { daysOfMonth: Array.from({ length: day - SHORTEST_MONTH + 1 }, (_, index) => SHORTEST_MONTH + index), positions: [-1] };
}

function nth({
  days,
  instance,
}: {
  readonly days: readonly Weekday[];
  readonly instance: Instance;
}): Pick<RecurrenceRule, "weekdays" | "positions"> {
  const ordinal = instance === "last" ? -1 : instance;
  // What calendars write themselves, and all of them read.
  if (days.length === 1) return { weekdays: days.map((day) => ({ day, ordinal })), positions: [] };
  return { weekdays: eachOf(days), positions: [ordinal] };
}

function eachOf(days: readonly Weekday[]): RecurrenceRule["weekdays"] {
  return days.map((day) => ({ day, ordinal: null }));
}
