import { alertOf, closeAlerts, closeAlertsAbout, openAlert } from "../ledger/alerts.ts";
import {
  claimProbe,
  type MailboxRow,
  noteFailure,
  noteProfileFailure,
  noteProfileSuccess,
  noteSuccess,
  postponeReceive,
} from "../ledger/mailboxes.ts";
import { noteOrganizationFailure, readOrganization } from "../ledger/organizations.ts";
import type { Scope } from "../model/failure.ts";
import type { Direction } from "../model/mailbox.ts";
import { nextTry } from "./backoff.ts";
import { learnLimit, TOO_MANY } from "./connections/learn.ts";
import { asFailure, type EngineContext, type Work } from "./context.ts";
import { type Waiting, whyWaiting } from "./why-not.ts";

/** The CRM's own program works on a mailbox: see elsewhere.ts. */
export const ELSEWHERE = "synchronized elsewhere";

/** The activity that alerts of a direction name. */
export const ACTIVITY: Readonly<Record<Direction, string>> = { receive: "receiving", send: "sending" };

/**
 * What follows from a failed run (invariant 6): its scope backs off and nothing beyond it, one alert is open, and the next try stands in the ledger.
 * Trouble of the process itself (database away, disk full) is nobody's mailbox's fault: nothing is noted against one, and the next round tries again.
 */
export async function noteTrouble(context: EngineContext, direction: Direction, { mailbox, profile }: Work, error: unknown): Promise<void> {
  const failure = asFailure(error, mailbox.address);
  const now = context.now();
  if (failure.code === TOO_MANY && (await learnLimit(context, { mailbox, profile }, direction, failure))) {
    // There is room again when others have ended: the limit that was learned keeps this from being tried in vain.
    if (direction === "receive") await postponeReceive(context.database, mailbox.id, nextTry(1, now, failure.notBefore));
    return;
  }
  const failures = (await failuresBefore(context, direction, { mailbox, profile }, failure.scope)) + 1;
  const next = nextTry(failures, now, failure.notBefore);
  context.measure.count("failures", { direction, code: failure.code });
  context.log.warn(
    {
      mailbox: mailbox.address,
      profile: profile.name,
      direction,
      scope: failure.scope,
      code: failure.code,
      serverSaid: failure.serverSaid,
      failures,
      next,
      ...(failure.code === "unexpected error" && { error }),
    },
    failure.message,
  );
  const subject =
    failure.scope === "profile"
      ? profile.name
      : failure.scope === "organization"
        ? mailbox.organization
        : failure.scope === "process"
          ? "process"
          : mailbox.id;
  if (failures >= failure.alertAfter) await openAlert(context.database, alertOf(failure, ACTIVITY[direction], subject), now);
  if (failure.scope === "process") return;
  // Whatever else is wrong, the server answers, if it was asked.
  if (failure.scope === "mailbox" && failure.code !== ELSEWHERE && profile[`${direction}Failures`] > 0)
    await noteAnswer(context, direction, { mailbox, profile });
  if (failure.scope === "profile") await noteProfileFailure(context.database, direction, profile.name, failures, next);
  if (failure.scope === "organization") {
    const away = { name: mailbox.organization, failures, notBefore: next, trouble: failure.message };
    await noteOrganizationFailure(context.database, away);
  }
  const note = {
    code: failure.code,
    message: failure.message,
    serverSaid: failure.serverSaid,
    remedy: failure.remedy,
    ...(!failure.waitingHelps && { until: next.toISOString() }),
  };
  await noteFailure(context.database, direction, mailbox.id, note, next, failure.notBefore);
}

/** Failures in a row of what the scope names. */
async function failuresBefore(
  { database }: EngineContext,
  direction: Direction,
  { mailbox, profile }: Work,
  scope: Scope,
): Promise<number> {
  if (scope === "profile") return profile[`${direction}Failures`];
  if (scope === "organization") return (await readOrganization(database, mailbox.organization))?.failures ?? 0;
  return mailbox[`${direction}Failures`];
}

/** A run that worked: failures are forgotten and their alerts closed. A CRM that was away is another matter: see waitForCrm. */
export async function noteRecovery(context: EngineContext, direction: Direction, { mailbox, profile }: Work): Promise<void> {
  const now = context.now();
  const working = [
    ["mailbox", mailbox.id],
    ["profile", profile.name],
    ["process", "process"],
  ] as const;
  const [closed] = await Promise.all([
    closeAlertsAbout(context.database, working, ACTIVITY[direction], now),
    noteSuccess(context.database, direction, mailbox.id, now),
    noteProfileSuccess(context.database, direction, profile.name, now),
  ]);
  if (closed > 0) context.log.info({ mailbox: mailbox.address, direction }, "works again");
}

/** The server of a profile that had failed answers again: the others are not kept waiting until this mailbox is done. */
export async function noteAnswer(context: EngineContext, direction: Direction, { profile }: Work): Promise<void> {
  if (profile[`${direction}Failures`] === 0) return;
  const now = context.now();
  await noteProfileSuccess(context.database, direction, profile.name, now);
  await closeAlerts(context.database, "profile", profile.name, ACTIVITY[direction], now);
}

/** How long one mailbox may take to find out whether a server that failed answers again, before another one tries. */
const PROBE_MS = 60_000;

/**
 * Null when this mailbox may connect: its server is well, or nobody else tries whether it is. A server in trouble sees one mailbox at a time, not
 * all that wait for it; the others wait until that one knows.
 */
export async function heldBack(context: EngineContext, direction: Direction, { mailbox, profile }: Work): Promise<Waiting | null> {
  if (profile[`${direction}Failures`] === 0) return null;
  const now = context.now();
  const until = new Date(now.getTime() + PROBE_MS);
  if (await claimProbe(context.database, direction, profile.name, now, until)) return null;
  if (direction === "receive") await postponeReceive(context.database, mailbox.id, until);
  const because = `The server of ${mailbox.address} was in trouble, and another mailbox of the server profile "${profile.name}" is finding out whether it answers again.`;
  return { state: "waits", because, until };
}

/** A wake is no reason to read a mailbox now: its last failure does not mend itself, and its time has not come. */
export function isPointless({ receiveError }: MailboxRow, now: Date): boolean {
  return receiveError?.until !== undefined && new Date(receiveError.until) > now;
}

/**
 * Why the mailbox or its profile is to be left alone for now, whoever asks; null when it is not. A mailbox to be read is then looked at again at that time.
 * After a failure of its own it may be read any time, unless the mail system named one: a wake or a person may know that it works again.
 */
export async function mustWait(context: EngineContext, direction: Direction, { mailbox, profile }: Work): Promise<Waiting | null> {
  const waiting = whyWaiting(direction, mailbox, profile, context.now());
  if (waiting !== null && direction === "receive") await postponeReceive(context.database, mailbox.id, waiting.until);
  return waiting;
}
