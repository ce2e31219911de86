/** A span of time: `from` included, `to` excluded; null: open. */
export interface Span {
  readonly from: Date | null;
  readonly to: Date | null;
}

type Unit = "Minutes" | "Hours" | "Days" | "Weeks" | "Months" | "Years";

/** Most units that are counted: more lead out of the calendar. */
const MOST_UNITS = 10_000;
const COUNTED = /^(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)$/;

/**
 * The span of a query function that takes no value: Today, LastWeek, Next7Days, … Days are those of UTC, weeks begin on Sunday. Null: there is no such
 * function. (Dynamics counts days in the time zone of the user; users of the embedded CRM have none.)
 */
export function namedSpan(name: string, now: Date): Span | null {
  const today = startOf("day", now);
  const found = /^(Last|This|Next)(Week|Month|Year)$/.exec(name);
  if (found) {
    const [steps, unit] = [{ Last: -1, This: 0, Next: 1 }[found[1] ?? ""] ?? 0, `${found[2]}s` as "Weeks" | "Months" | "Years"];
    const start = startOf(unit === "Weeks" ? "week" : unit === "Months" ? "month" : "year", now);
    return { from: moved(start, unit, steps), to: moved(start, unit, steps + 1) };
  }
  switch (name) {
    case "Yesterday":
      return { from: moved(today, "Days", -1), to: today };
    case "Today":
      return { from: today, to: moved(today, "Days", 1) };
    case "Tomorrow":
      return { from: moved(today, "Days", 1), to: moved(today, "Days", 2) };
    case "Last7Days":
      return { from: moved(today, "Days", -7), to: justAfter(now) };
    case "Next7Days":
      return { from: now, to: moved(today, "Days", 8) };
    default:
      return null;
  }
}

/**
 * The span of LastX…, NextX… and OlderThanX… with a count: the unit that the span reaches into counts whole (an hour, else a day). Null: there is no such
 * function; "range": the count is none.
 */
export function countedSpan(name: string, count: string, now: Date): Span | "range" | null {
  const found = COUNTED.exec(name);
  if (!found || (found[2] === "Minutes" && found[1] !== "OlderThan")) return null;
  const units = Number(count);
  if (!/^\d{1,6}$/.test(count) || units < 1 || units > MOST_UNITS) return "range";
  const unit = found[2] as Unit;
  if (found[1] === "OlderThan") {
    const whole = unit === "Minutes" || unit === "Hours" ? now : startOf("day", now);
    return { from: null, to: moved(whole, unit, -units) };
  }
  const start = startOf(unit === "Hours" ? "hour" : "day", now);
  if (found[1] === "Last") return { from: moved(start, unit, -units), to: justAfter(now) };
  return { from: now, to: moved(moved(start, unit, units), unit === "Hours" ? "Hours" : "Days", 1) };
}

/** The day of an instant, in UTC. */
export function dayOf(at: Date): { readonly from: Date; readonly to: Date } {
  const from = startOf("day", at);
  return { from, to: moved(from, "Days", 1) };
}

function startOf(unit: "hour" | "day" | "week" | "month" | "year", at: Date): Date {
  const start = new Date(at);
  if (unit === "hour") start.setUTCMinutes(0, 0, 0);
  else start.setUTCHours(0, 0, 0, 0);
  if (unit === "week") start.setUTCDate(start.getUTCDate() - start.getUTCDay());
  if (unit === "month" || unit === "year") start.setUTCDate(1);
  if (unit === "year") start.setUTCMonth(0);
  return start;
}

function moved(at: Date, unit: Unit, by: number): Date {
  const to = new Date(at);
  if (unit === "Minutes") to.setUTCMinutes(to.getUTCMinutes() + by);
  else if (unit === "Hours") to.setUTCHours(to.getUTCHours() + by);
  else if (unit === "Days") to.setUTCDate(to.getUTCDate() + by);
  else if (unit === "Weeks") to.setUTCDate(to.getUTCDate() + 7 * by);
  else toMonth(to, unit === "Months" ? by : 12 * by);
  return to;
}

/** A month before the 31st of March is the 28th of February, as SQL Server's dateadd has it. */
function toMonth(at: Date, by: number): void {
  const day = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() + by);
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(day, last));
}

function justAfter(at: Date): Date {
  return new Date(at.getTime() + 1);
}
