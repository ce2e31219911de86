import { addressKey } from "../model/address.ts";
import type { Settlement } from "../model/email.ts";
import type { RecipientRefusal, Submission } from "../ports.ts";

/** Attempts before an email fails: the Email Router's default (product-behaviour 2.1, MaximumDeliveryAttempts). */
export const MAXIMUM_DELIVERY_ATTEMPTS = 10;

/**
 * The wait doubles from a minute to an hour. The Router's five minutes are too long for greylisting, which is over after one or a few,
 * and ten attempts of them are used up in 45 minutes, before a full mailbox or a quota recovers; these last four hours.
 */
const FIRST_WAIT = 60_000;
const LONGEST_WAIT = 3_600_000;

/** Of a server's words, in notes. */
const LONGEST_RESPONSE = 500;
/** Refused recipients that a note names. */
const NAMED = 10;

/** The attempt that a submission ended. */
export interface Attempt {
  readonly messageId: string;
  /** The subject as it went out. */
  readonly subject: string;
  readonly now: Date;
  readonly maximumAttempts?: number;
}

/** How far the attempts so far have come. */
export interface Delivery {
  /** Answers of the mail system to this message. */
  readonly attempts: number;
  /** Some recipients have it: from now on it goes only to those that were put off. */
  readonly partly: boolean;
  /** Recipients that do not have it, with the server's words; the temporary ones are tried again. */
  readonly refused: readonly RecipientRefusal[];
}

export const NOT_TRIED: Delivery = { attempts: 0, partly: false, refused: [] };

/**
 * What becomes of an email after one submission (product-behaviour 4.2). Recipients that were put off while others were accepted are
 * tried again alone, so that nobody gets it twice. An unknown outcome stays unknown, because only a person can tell a lost message
 * from a delivered one.
 */
export function afterSubmission(
  submission: Submission,
  before: Delivery,
  attempt: Attempt,
): { settlement: Settlement; delivery: Delivery } {
  const attempts = before.attempts + 1;
  if (submission.kind === "unknown") {
    const note = `Nobody knows whether the email left: ${shown(submission.reason)}`;
    return { settlement: { status: "unknown", messageId: attempt.messageId, attempts, note }, delivery: { ...before, attempts } };
  }
  const partly = before.partly || submission.kind === "accepted";
  const delivery: Delivery = { attempts, partly, refused: stillRefused(submission, before) };
  const settlement = settle(submission, delivery, attempt);
  return { settlement, delivery };
}

/** The recipients that the next attempt goes to: all, or those put off while others were accepted. */
export function recipientsLeft(recipients: readonly string[], { partly, refused }: Delivery): readonly string[] {
  if (!partly) return recipients;
  const putOff = new Set(refused.filter((one) => !one.permanent).map((one) => addressKey(one.address)));
  return recipients.filter((one) => putOff.has(addressKey(one)));
}

function stillRefused(submission: Exclude<Submission, { kind: "unknown" }>, before: Delivery): RecipientRefusal[] {
  const final = before.refused.filter((one) => one.permanent);
  if (submission.refused.length > 0 || submission.kind === "accepted" || !before.partly) return [...final, ...submission.refused];
  // The message as a whole was refused: those it was for are refused with it.
  const left = before.refused.filter((one) => !one.permanent);
  return [...final, ...left.map((one) => ({ ...one, permanent: submission.permanent, response: submission.response }))];
}

function settle(
  submission: Exclude<Submission, { kind: "unknown" }>,
  { attempts, partly, refused }: Delivery,
  attempt: Attempt,
): Settlement {
  const putOff = submission.kind === "accepted" ? refused.some((one) => !one.permanent) : !submission.permanent;
  const notBefore = new Date(attempt.now.getTime() + waitAfter(attempts));
  const last = attempts >= (attempt.maximumAttempts ?? MAXIMUM_DELIVERY_ATTEMPTS);
  if (putOff && !last && partly)
    return { status: "retry", attempts, notBefore, note: `The email was sent, but not yet to ${namesOf(refused)}.`, partly: true };
  if (putOff && !last)
    return {
      status: "retry",
      attempts,
      notBefore,
      note: `The mail server put the email off: ${refusalNote(submission.response, refused)}`,
    };
  if (partly) {
    const note = refused.length === 0 ? null : `The email was sent, but not to ${namesOf(refused)}.`;
    return { status: "sent", messageId: attempt.messageId, subject: attempt.subject, sentOn: attempt.now, attempts, note };
  }
  const note = refusalNote(submission.response, refused);
  if (putOff)
    return { status: "failed", attempts, note: `The mail server put the email off ${attempts} times, the last time with: ${note}` };
  return { status: "failed", attempts, note: `The mail server refused the email for good: ${note}` };
}

/** Milliseconds between attempt number `attempts` (1-based) and the next. */
export function waitAfter(attempts: number): number {
  return Math.min(FIRST_WAIT * 2 ** Math.max(0, attempts - 1), LONGEST_WAIT);
}

function refusalNote(response: string, refused: readonly RecipientRefusal[]): string {
  return refused.length === 0 ? shown(response) : `${shown(response)} (recipients refused: ${namesOf(refused)})`;
}

function namesOf(refused: readonly RecipientRefusal[]): string {
  const names = refused.slice(0, NAMED).map((one) => `${shown(one.address)}: ${shown(one.response)}`);
  return refused.length > NAMED ? `${names.join("; ")}; and ${refused.length - NAMED} more` : names.join("; ");
}

/** A stranger's words on one line and of bearable length. */
function shown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, LONGEST_RESPONSE);
}
