import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type CalendarDay,
  daysIn,
  type Instance,
  type RecurrenceEnd,
  type RecurrencePattern,
  type RecurrenceRule,
  type Weekday,
  weekdayOf,
} from "../model/recurrence.ts";
import { occursOn, patternOf, ruleOf } from "./recurrence-pattern.ts";

const DAY = 86_400_000;
const YEARS = 9;

const numberOf = ({ year, month, day }: CalendarDay) => Date.UTC(year, month - 1, day) / DAY;
const dayOf = (number: number): CalendarDay => {
  const date = new Date(number * DAY);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
};
const written = ({ year, month, day }: CalendarDay) => `${year}-${month}-${day}`;
const weekOf = (day: CalendarDay, first: Weekday) => Math.floor((numberOf(day) - ((weekdayOf(day) - first + 7) % 7)) / 7);
const monthOf = ({ year, month }: CalendarDay) => year * 12 + month - 1;

/** The days of some years from the start on for which `occurs` holds, the start first, as far as the end goes. */
function daysFrom(start: CalendarDay, end: RecurrenceEnd, occurs: (day: CalendarDay) => boolean): string[] {
  const days: CalendarDay[] = [];
  for (let number = numberOf(start); number < numberOf(start) + YEARS * 366; number++) {
    const day = dayOf(number);
    if (end.kind === "until" && number > numberOf(end.day)) break;
    if (end.kind === "count" && days.length === end.count) break;
    if (number === numberOf(start) || occurs(day)) days.push(day);
  }
  return days.map(written);
}

/** RFC 5545 3.3.10 read literally, day by day: expand the period, take the positions of it. */
function byRule(rule: RecurrenceRule, start: CalendarDay): string[] {
  const { frequency, interval, weekdays, daysOfMonth, months, positions, firstDayOfWeek } = rule;
  const isIn = ({ year, month, day }: CalendarDay) =>
    (months.length === 0 || months.includes(month)) &&
    (daysOfMonth.length === 0 || daysOfMonth.some((one) => (one > 0 ? one : daysIn(year, month) + 1 + one) === day));
  const isNamed = (day: CalendarDay) =>
    weekdays.length === 0 ||
    weekdays.some(({ day: weekday, ordinal }) => {
      if (weekday !== weekdayOf(day)) return false;
      if (ordinal === null) return true;
      const such = monthDays(day).filter((one) => weekdayOf(one) === weekday);
      return such.at(ordinal > 0 ? ordinal - 1 : ordinal)?.day === day.day;
    });
  const isDefault = (day: CalendarDay) => {
    if (weekdays.length + daysOfMonth.length > 0) return true;
    if (frequency === "weekly") return weekdayOf(day) === weekdayOf(start);
    if (frequency === "daily") return true;
    return day.day === start.day && (frequency === "monthly" || months.length > 0 || day.month === start.month);
  };
  const candidate = (day: CalendarDay) => isIn(day) && isNamed(day) && isDefault(day);
  return daysFrom(start, rule.end, (day) => {
    const apart = {
      daily: numberOf(day) - numberOf(start),
      weekly: weekOf(day, firstDayOfWeek) - weekOf(start, firstDayOfWeek),
      monthly: monthOf(day) - monthOf(start),
      yearly: day.year - start.year,
    }[frequency];
    if (apart % interval !== 0 || !candidate(day)) return false;
    if (positions.length === 0) return true;
    const period = frequency === "monthly" ? monthDays(day) : yearDays(day);
    const set = period.filter(candidate);
    return positions.some((position) => {
      const one = set.at(position > 0 ? position - 1 : position);
      return one !== undefined && written(one) === written(day);
    });
  });
}

function monthDays({ year, month }: CalendarDay): CalendarDay[] {
  return Array.from({ length: daysIn(year, month) }, (_, index) => ({ year, month, day: index + 1 }));
}

function yearDays({ year }: CalendarDay): CalendarDay[] {
  return Array.from({ length: 12 }, (_, index) => monthDays({ year, month: index + 1, day: 1 })).flat();
}

/** As Dynamics counts it. */
function byPattern(pattern: RecurrencePattern, start: CalendarDay): string[] {
  return daysFrom(start, pattern.end, (day) => {
    const first = pattern.type === "weekly" ? pattern.firstDayOfWeek : 0;
    const apart =
      pattern.type === "daily"
        ? numberOf(day) - numberOf(start)
        : pattern.type === "weekly"
          ? weekOf(day, first) - weekOf(start, first)
          : null;
    const months = monthOf(day) - monthOf(start);
    const periods = apart ?? (pattern.type.endsWith("monthly") ? months : day.year - start.year);
    return periods % pattern.interval === 0 && occursOn(pattern, day);
  });
}

const weekday = fc.constantFrom<Weekday>(0, 1, 2, 3, 4, 5, 6);
const start = fc.integer({ min: numberOf({ year: 2020, month: 1, day: 1 }), max: numberOf({ year: 2028, month: 12, day: 31 }) }).map(dayOf);
const end = fc.oneof(
  fc.constant<RecurrenceEnd>({ kind: "never" }),
  fc.integer({ min: 1, max: 999 }).map((count): RecurrenceEnd => ({ kind: "count", count })),
  start.map((day): RecurrenceEnd => ({ kind: "until", day })),
);
const few = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant<T[]>([]) }, { weight: 2, arbitrary: fc.array(one, { minLength: 1, maxLength: 3 }) });
const rule: fc.Arbitrary<RecurrenceRule> = fc
  .record({
    frequency: fc.constantFrom("daily", "weekly", "monthly", "yearly"),
    interval: fc.integer({ min: 1, max: 4 }),
    weekdays: few(fc.record({ day: weekday, ordinal: fc.constantFrom(null, null, null, 1, 2, 4, 5, -1, -2) })),
    daysOfMonth: few(fc.constantFrom(1, 2, 15, 28, 29, 30, 31, -1, -2)),
    months: few(fc.constantFrom(1, 2, 4, 12)),
    positions: few(fc.constantFrom(1, 2, -1, 5)),
    firstDayOfWeek: weekday,
    end,
  })
  // What RFC 5545 does not allow, or leaves to days counted through a year.
  .map(({ weekdays, positions, daysOfMonth, months, ...rest }): RecurrenceRule => {
    const inMonths = rest.frequency === "monthly" || rest.frequency === "yearly";
    return {
      ...rest,
      months,
      weekdays: inMonths
        ? rest.frequency === "yearly" && months.length === 0
          ? []
          : weekdays
        : weekdays.map(({ day }) => ({ day, ordinal: null })),
      positions: inMonths && weekdays.length + daysOfMonth.length > 0 ? positions : [],
      daysOfMonth: rest.frequency === "weekly" ? [] : daysOfMonth,
    };
  });
const sorted = (days: readonly Weekday[]) => days.toSorted((one, other) => one - other);
const days = fc.uniqueArray(weekday, { minLength: 1 }).map(sorted);
const knownDays = fc.oneof(
  weekday.map((one) => [one]),
  fc.constantFrom<Weekday[]>([0, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5], [0, 6]),
);
const instance = fc.constantFrom<Instance>(1, 2, 3, 4, "last");
const month = fc.integer({ min: 1, max: 12 });
const common = { interval: fc.integer({ min: 1, max: 4 }), end };
const pattern: fc.Arbitrary<RecurrencePattern> = fc
  .oneof(
    fc.record({ ...common, type: fc.constant("daily" as const) }),
    fc.record({ ...common, type: fc.constant("weekly" as const), days, firstDayOfWeek: weekday }),
    fc.record({ ...common, type: fc.constant("monthly" as const), dayOfMonth: fc.integer({ min: 1, max: 31 }) }),
    fc.record({ ...common, type: fc.constant("nth monthly" as const), instance, days: knownDays }),
    fc.record({ ...common, type: fc.constant("yearly" as const), month, dayOfMonth: fc.integer({ min: 1, max: 31 }) }),
    fc.record({ ...common, type: fc.constant("nth yearly" as const), month, instance, days: knownDays }),
  )
  .map((one) => ({ ...one }));

describe("the pattern of a rule", () => {
  test("occurs on exactly the days on which the rule does, where Dynamics can hold it", (context) => {
    let [held, all] = [0, 0];
    fc.assert(
      fc.property(rule, start, (one, from) => {
        all += 1;
        const found = patternOf(one, from);
        if ("cannot" in found) return;
        held += 1;
        assert.deepEqual(byPattern(found.pattern, from), byRule(one, from));
      }),
      { numRuns: 400 },
    );
    context.diagnostic(`${held} of ${all} held`);
    assert.ok(held > all / 20 && held < all / 2, "both happen often");
  });

  test("is the one from which a rule was made, and that rule occurs when it does", () => {
    fc.assert(
      fc.property(pattern, start, (one, near) => {
        // The first day from there on which the pattern names.
        const from = Array.from({ length: YEARS * 366 }, (_, index) => dayOf(numberOf(near) + index)).find((day) => occursOn(one, day));
        assert.ok(from);
        assert.deepEqual(patternOf(ruleOf(one), from), { pattern: one });
        assert.deepEqual(byRule(ruleOf(one), from), byPattern(one, from));
      }),
      { numRuns: 400 },
    );
  });
});

describe("a rule that Dynamics cannot hold says why", () => {
  const plain: RecurrenceRule = {
    ...{ frequency: "monthly", interval: 1, weekdays: [], daysOfMonth: [], months: [], positions: [], firstDayOfWeek: 1 },
    end: { kind: "never" },
  };
  const first = { year: 2026, month: 12, day: 1 };
  const cases: readonly (readonly [why: RegExp, rule: Partial<RecurrenceRule>, from?: CalendarDay])[] = [
    [/its interval is 1001, and at most 1000/, { frequency: "daily", interval: 1001 }],
    [/it occurs 1000 times, and at most 999/, { end: { kind: "count", count: 1000 } }],
    [/several months of a year/, { frequency: "yearly", months: [1, 7] }],
    [/counted through the whole year/, { frequency: "yearly", weekdays: [{ day: 1, ordinal: 20 }] }],
    [/months without a day 31 are left out/, { daysOfMonth: [31] }, { year: 2026, month: 12, day: 31 }],
    [/on several days of a month/, { daysOfMonth: [1, 15] }],
    [/only where a day of the month is a certain day of the week/, { daysOfMonth: [13], weekdays: [{ day: 5, ordinal: null }] }],
    [/counted otherwise than from first to fourth, or last/, { weekdays: [{ day: 2, ordinal: 5 }] }],
    [/first appointment is on a day that its rule does not name/, { daysOfMonth: [2] }],
    [/some days of the week only/, { frequency: "daily", interval: 2, weekdays: [{ day: 2, ordinal: null }] }],
  ];
  for (const [why, given, from = first] of cases)
    test(why.source, () => {
      const found = patternOf({ ...plain, ...given }, from);
      assert.match("cannot" in found ? found.cannot : "it was held", why);
    });
});

test("every day of work is a weekly pattern, and the last day of each month is held", () => {
  const end = { kind: "never" } as const;
  const none = { daysOfMonth: [], months: [], positions: [], firstDayOfWeek: 0, end } as const;
  const weekdays = ([1, 2, 3, 4, 5] as const).map((day) => ({ day, ordinal: null }));
  assert.deepEqual(patternOf({ ...none, frequency: "daily", interval: 1, weekdays }, { year: 2026, month: 11, day: 27 }), {
    pattern: { type: "weekly", interval: 1, end, days: [1, 2, 3, 4, 5], firstDayOfWeek: 0 },
  });
  assert.deepEqual(
    patternOf({ ...none, frequency: "monthly", interval: 1, weekdays: [], daysOfMonth: [-1] }, { year: 2026, month: 11, day: 30 }),
    {
      pattern: { type: "monthly", interval: 1, end, dayOfMonth: 31 },
    },
  );
});
