import { Failure } from "../../model/failure.ts";
import type { Endpoint, Secret } from "../../model/mailbox.ts";
import type { MailboxAccess } from "../../ports.ts";
import type { Asking } from "../../wire/witnesses.ts";
import { smtpFailure } from "./failures.ts";

/** Trouble of whoever signs in. Where the account signs in as itself that is the same for all mailboxes. */
const OF_WHO_SIGNS_IN: ReadonlySet<string> = new Set([
  "account disabled",
  "password expired",
  "sign-in disabled",
  "sign-in not available",
  "throttled",
]);

/**
 * Why a service account cannot send for a mailbox, as the failure of whomever it concerns: the profile, or the one mailbox. Anything else than a
 * failure of signing in, and whatever concerns a mailbox with its own password, stays what it is.
 */
export async function troubleOfServiceAccount(
  error: unknown,
  { address, serviceAccount: account }: MailboxAccess,
  endpoint: Endpoint,
  asking: Asking<Secret>,
): Promise<unknown> {
  if (account === undefined || !(error instanceof Failure)) return error;
  const { serverSaid, cause } = error;
  const asItself = account.access === "itself";
  if (asItself && OF_WHO_SIGNS_IN.has(error.code)) return new Failure({ ...error, message: error.message, cause, scope: "profile" });
  if (error.code === "no common sign-in method" && account.access === "authorizationIdentity")
    return smtpFailure("no authorization identity", endpoint, { serverSaid, cause });
  if (error.code !== "sign-in refused") return error;
  const concernsMailbox = !asItself && (await asking.witnesses.speakFor(account.others(), asking.accepts));
  const trouble = concernsMailbox ? "service account not allowed" : "service account refused";
  const user = concernsMailbox
    ? `${account.name} send as ${account.user === address ? address : `${account.user} (${address})`}`
    : account.name;
  return smtpFailure(trouble, endpoint, { user, serverSaid, cause });
}
