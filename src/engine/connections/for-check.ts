import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { EngineContext, Work } from "../context.ts";
import type { Place } from "./connections.ts";

/** How long a check waits for one of the connections that the profile allows. */
const PATIENCE_MS = 60_000;

/** The right to connect, waited for in line before the work of mailboxes; throws a Failure when all connections are in use for too long. */
export async function connectionForCheck({ connections }: EngineContext, work: Work, direction: Direction): Promise<Place> {
  const place = await connections.takeInTurn(work, "check", AbortSignal.timeout(PATIENCE_MS), direction);
  if (place !== null) return place;
  const { mailbox, profile } = work;
  throw new Failure({
    scope: "mailbox",
    code: "no connection free",
    message: `${mailbox.address} could not be checked: all ${profile.maxConcurrentConnections} connections that the server profile "${profile.name}" allows were in use for ${PATIENCE_MS / 1000} s.`,
    remedy: 'Try again later, or raise "maxConcurrentConnections" of the server profile if its server takes more.',
    waitingHelps: true,
  });
}
