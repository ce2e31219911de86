import { Failure } from "../../model/failure.ts";
import type { Secret } from "../../model/mailbox.ts";
import type { ServiceAccountAccess } from "../../ports.ts";
import type { Asking } from "../../wire/witnesses.ts";
import { type Circumstances, imapFailure, isNotAuthorized } from "./failures.ts";

/** Trouble of whoever signs in. Where the account signs in as itself that is the same for all mailboxes. */
const OF_WHO_SIGNS_IN: ReadonlySet<string> = new Set([
  "sign-in not available",
  "too many connections",
  "throttled",
  "password expired",
  "account disabled",
]);

/** Why a connection of a service account did not come about, as the failure of whomever it concerns: the profile, or the one mailbox. */
export async function troubleOfServiceAccount(
  failure: Failure,
  account: ServiceAccountAccess,
  about: Circumstances,
  asking: Asking<Secret>,
): Promise<Failure> {
  const asItself = account.access === "sharedFolders";
  if (asItself && OF_WHO_SIGNS_IN.has(failure.code)) return new Failure({ ...failure, message: failure.message, scope: "profile" });
  if (failure.code === "no common sign-in method" && account.access === "authorizationIdentity")
    return imapFailure("no authorization identity", about, { cause: failure.cause });
  if (failure.code !== "sign-in refused" && !isNotAuthorized(failure)) return failure;
  const { serverSaid, cause } = failure;
  const concernsMailbox = !asItself && (isNotAuthorized(failure) || (await asking.witnesses.speakFor(account.others(), asking.accepts)));
  return concernsMailbox
    ? imapFailure("service account not allowed", about, { serverSaid, cause, what: `${account.name} into ${mailboxOf(account, about)}` })
    : imapFailure("service account refused", about, { serverSaid, cause, what: account.name });
}

/** The mailbox by its user on the server, which may be what is wrong. */
export function mailboxOf({ user }: ServiceAccountAccess, { mailbox }: Circumstances): string {
  return user === mailbox ? `the mailbox of ${user}` : `the mailbox of ${user} (${mailbox})`;
}
