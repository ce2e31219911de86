import type { MailboxRow } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import { when } from "../../tracking/sentence.ts";
import type { EngineContext, Work } from "../context.ts";
import type { Place } from "./connections.ts";

/** How many seconds a check waits for one of the connections that the profile allows. */
export const PATIENCE_SECONDS = 60;

/** What a check finds where all connections are in use. */
export const NO_CONNECTION_FREE = "no connection free";

/**
 * The right to connect, waited for in line before the work of mailboxes; throws a Failure when all connections are in use for too long.
 * @param patience seconds
 * @param signal ends the wait too
 */
export async function connectionForCheck(
  { connections }: EngineContext,
  work: Work,
  direction: Direction,
  patience = PATIENCE_SECONDS,
  signal?: AbortSignal,
): Promise<Place> {
  const over = AbortSignal.timeout(patience * 1000);
  const place = await connections.takeInTurn(work, "check", signal === undefined ? over : AbortSignal.any([over, signal]), direction);
  if (place !== null) return place;
  const { mailbox, profile } = work;
  throw new Failure({
    scope: "mailbox",
    code: NO_CONNECTION_FREE,
    message: `${mailbox.address} could not be checked: all ${profile.maxConcurrentConnections} connections that the server profile "${profile.name}" allows were in use for ${patience} s.`,
    remedy: 'Try again later, or raise "maxConcurrentConnections" of the server profile if its server takes more.',
    waitingHelps: true,
  });
}

/** Why a mailbox must not be connected to now, though a person asks for it: its mail system wants so. Null when nothing is against it. */
export function askedToWait({ address, receiveNotBefore: until }: MailboxRow, direction: Direction, now: Date): Failure | null {
  if (direction !== "receive" || until === null || until <= now) return null;
  return new Failure({
    scope: "mailbox",
    code: "asked to wait",
    message: `The mail system wants ${address} to be left alone until ${when(until)}; it was not connected to.`,
    remedy: "Run the check again after that time.",
    waitingHelps: true,
    notBefore: until,
  });
}
