import { STATUS } from "../../model/email.ts";
import type { Mark } from "./mark.ts";
import { idOf, instantOf, numberOf, type Row, textOf } from "./row.ts";

/**
 * The press of Send that an email in Pending Send stands for. Dynamics counts none, so it follows from what Waypost itself wrote on the email (Mark):
 *
 * - nothing yet: the first one, 1. It is only read then, not written, so it is the same whoever asks, and after a crash.
 * - a claim that came to its end (Sent or Failed): a Pending Send after it can only be another press, so it is one more.
 * - a claim that is in hand: the email stands in Sending, and Waypost did not put it back. Who took it out and pressed Send again wants it sent anew.
 * - a claim that waits for another try (7 → 6 is Waypost's own doing) goes on, also where somebody else changed the email since: each change by a workflow would begin
 *   the attempts anew. A press of Send is told from a change by the attempts: SendEmail begins them at 0. Where Dynamics does not, the press goes on with those left.
 * - where some recipients have it already, it goes on to the others.
 *
 * Claiming writes the generation with the status in one request under the row's version, so that no two claims have the same.
 */
export function generationOf(row: Row, mark: Mark): number {
  if (mark.generation === undefined) return 1;
  if (numberOf(row, "statuscode") !== STATUS.pendingSend) return mark.generation;
  if (mark.ended) return mark.generation + 1;
  if (mark.partly) return mark.generation;
  const isInHand = mark.notBefore === undefined;
  return isInHand || attemptsBeganAnew(row, mark) ? mark.generation + 1 : mark.generation;
}

function attemptsBeganAnew(row: Row, { attempts = 0 }: Mark): boolean {
  return attempts > 0 && (numberOf(row, "deliveryattempts") ?? 0) === 0;
}

/** Whether the last who changed the row was somebody else. */
export function changedByOthers(row: Row, self: string): boolean {
  const changedBy = idOf(row, "_modifiedby_value");
  return changedBy !== null && changedBy !== self;
}

/** The moment from which an email may be sent: the delay that was chosen, and the time to wait after a try. */
export function dueFrom(row: Row, mark: Mark): Date | null {
  const times = [
    instantOf(row, "delayedemailsendtime"),
    instantOf(row, "postponeemailprocessinguntil"),
    mark.notBefore === undefined || mark.ended ? null : new Date(mark.notBefore),
  ].filter((one) => one !== null);
  return times.length === 0 ? null : new Date(Math.max(...times.map((one) => one.getTime())));
}

/** Columns that the two read. */
export const GENERATION_COLUMNS = [
  "statuscode",
  "modifiedby",
  "deliveryattempts",
  "delayedemailsendtime",
  "postponeemailprocessinguntil",
  "activityadditionalparams",
] as const;

/** Attempts already used up: of another press of Send they do not count. */
export function attemptsOf(row: Row, mark: Mark, generation: number): number {
  return mark.generation === generation ? (numberOf(row, "deliveryattempts") ?? 0) : 0;
}

/** Tells versions of a row apart. */
export function versionOf(row: Row): string {
  return textOf(row, "@odata.etag") ?? "";
}
