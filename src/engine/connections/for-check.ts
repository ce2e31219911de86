import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { EngineContext, Work } from "../context.ts";
import type { Place } from "./connections.ts";

/** How many seconds a check waits for one of the connections that the profile allows. */
export const PATIENCE_SECONDS = 60;

/**
 * The right to connect, waited for in line before the work of mailboxes; throws a Failure when all connections are in use for too long.
 * @param patience seconds
 */
export async function connectionForCheck(
  { connections }: EngineContext,
  work: Work,
  direction: Direction,
  patience = PATIENCE_SECONDS,
): Promise<Place> {
  const place = await connections.takeInTurn(work, "check", AbortSignal.timeout(patience * 1000), direction);
  if (place !== null) return place;
  const { mailbox, profile } = work;
  throw new Failure({
    scope: "mailbox",
    code: "no connection free",
    message: `${mailbox.address} could not be checked: all ${profile.maxConcurrentConnections} connections that the server profile "${profile.name}" allows were in use for ${patience} s.`,
    remedy: 'Try again later, or raise "maxConcurrentConnections" of the server profile if its server takes more.',
    waitingHelps: true,
  });
}
