import { openAlert } from "../../ledger/alerts.ts";
import { countConnections, storeLearnedLimit, type Use } from "../../ledger/connections.ts";
import type { Failure } from "../../model/failure.ts";
import type { EngineContext, Work } from "../context.ts";

/** The cause by which connectors tell that a server refused a connection for their number. */
export const TOO_MANY = "too many connections";

/** A refusal is believed for so long; then one connection more is tried at a time. */
const BELIEVED_MS = 15 * 60_000;

/** Under this code the alert stands; it closes when the limit is as configured again. */
export const LIMIT_ALERT = "connections: too many";

/** Words of Dovecot ("from user+IP"), Gmail ("simultaneous"), Exchange and Courier for a limit of one account; all others are of the host. */
const PER_ACCOUNT = /\buser|\baccount|\bmailbox|simultaneous/i;

/**
 * A server refused a connection for their number: for a while Waypost opens no more than it had when that happened, for that account where the
 * server says that the limit is the account's, else for the whole host. False when there was no other connection:
 * then the server has no room for us at all, and only waiting helps.
 */
export async function learnLimit(context: EngineContext, work: Work, use: Use, failure: Failure): Promise<boolean> {
  const { profile } = work;
  const { host, account } = context.connections.wantedBy(work, use);
  const limited = PER_ACCOUNT.test(failure.serverSaid ?? "") ? account : "";
  // The refused one has its place too.
  const took = (await countConnections(context.database, host, limited)) - 1;
  if (took < 1) return false;
  const now = context.now();
  const until = new Date(now.getTime() + BELIEVED_MS);
  await storeLearnedLimit(context.database, { host, account: limited, profile: profile.name, connections: took, until });
  const whose = limited === "" ? "" : ` for ${limited}`;
  context.log.warn(
    { host, account: limited, connections: took, until, serverSaid: failure.serverSaid },
    "the server takes fewer connections",
  );
  await openAlert(
    context.database,
    {
      scope: "profile",
      subject: profile.name,
      code: LIMIT_ALERT,
      message: `${host} took ${took} ${took === 1 ? "connection" : "connections"} at a time${whose} and refused one more; the server profile "${profile.name}" allows ${profile.maxConcurrentConnections}. Waypost goes on with ${took} and tries more later.`,
      serverSaid: failure.serverSaid,
      remedy:
        limited === ""
          ? `Set "maxConcurrentConnections: ${took}" in the server profile "${profile.name}", or have the limit of ${host} raised.`
          : `Have the number of connections that ${host} takes from one user and address raised (Dovecot: mail_max_userip_connections), or close other programs that read ${limited} from this machine.`,
    },
    now,
  );
  return true;
}
