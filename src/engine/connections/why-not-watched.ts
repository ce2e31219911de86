import type { Capacity, Wanted } from "../../ledger/connections.ts";
import { limitsOf, watchShare } from "./room.ts";

/**
 * Why a mailbox has no connection that waits for its new mail though a service gives them out: the limit that leaves none, as a sentence with what to
 * set, or that it gets one in a moment. Pure.
 * @param watch the connection that it would have
 */
export function whyNotWatchedNow(watch: Wanted, capacities: readonly Capacity[]): string {
  const limits = limitsOf(watch, capacities);
  const leavesNone = limits.filter((one) => one.watches >= watchShare(one.limit));
  // What the host may be asked for comes from the profiles, as a rule.
  const shared = leavesNone.find((one) => one.kind === "profile") ?? leavesNone[0];
  if (shared !== undefined) return `New mail is found when the mailbox is read next. ${exhausted(shared, watch)}`;
  if (limits.some((one) => one.used >= one.limit))
    return "All connections that may be open are at work at the moment: new mail is found when the mailbox is read next. It is waited for once one is free.";
  return "A running service begins to wait for its new mail within seconds. Until then it is found when the mailbox is read next.";
}

function exhausted({ kind, limit, learned }: Capacity, { profile, host, account }: Wanted): string {
  const share = watchShare(limit);
  const most = limit === 1 ? "The one connection" : `Of the ${limit} connections`;
  const may =
    limit === 1 ? "is kept for reading and sending" : `${share} may wait for new mail, and the most recently active mailboxes have them`;
  if (kind === "profile")
    return `${most} of the server profile "${profile}"${limit === 1 ? "" : ","} ${may}; with more (maxConcurrentConnections) it is found at once.`;
  const whose = kind === "account" ? ` ${host} takes from ${account}` : ` ${host} takes`;
  if (learned) return `${most} that${whose}, as it showed by refusing more, ${may}; with a higher limit there it is found at once.`;
  return `${most} that ${host} is asked for, whatever profile leads there, ${may}; with more (hosts, maxConcurrentConnections) it is found at once.`;
}
