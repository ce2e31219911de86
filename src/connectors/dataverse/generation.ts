import { STATUS } from "../../model/email.ts";
import type { Mark } from "./mark.ts";
import { idOf, instantOf, numberOf, type Row, textOf } from "./row.ts";

/**
 * The press of Send that an email in Pending Send stands for. Dynamics counts none, so it follows from what Waypost itself wrote on the email (Mark):
 *
 * - nothing yet: the first one, 1. It is only read then, not written, so it is the same whoever asks, and after a crash.
 * - a claim that came to its end (Sent or Failed): a Pending Send after it can only be another press, so it is one more.
 * - a claim that did not: it waits for another try of the same press (7 → 6 is Waypost's own doing), unless somebody else changed the email after
 *   Waypost did. Who takes an email out of Sending or out of waiting and presses Send again wants it sent anew; a new Message-ID does no harm to one that
 *   was only edited, for nothing of the earlier one left, or it would stand in Sending. Where some recipients have it already, it goes on to the others.
 *
 * Claiming writes the generation with the status in one request under the row's version, so that no two claims have the same.
 * @param self id of the user as whom the connector is signed in
 */
export function generationOf(row: Row, mark: Mark, self: string): number {
  if (mark.generation === undefined) return 1;
  if (numberOf(row, "statuscode") !== STATUS.pendingSend) return mark.generation;
  if (mark.ended) return mark.generation + 1;
  return mark.partly !== true && changedByOthers(row, self) ? mark.generation + 1 : mark.generation;
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
