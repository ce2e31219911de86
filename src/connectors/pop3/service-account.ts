import type { Failure } from "../../model/failure.ts";
import type { Secret } from "../../model/mailbox.ts";
import type { ServiceAccountAccess } from "../../ports.ts";
import type { Asking } from "../../wire/witnesses.ts";
import { type Circumstances, pop3Failure } from "./failures.ts";

/** Said only to those whose password is right: another program has the mailbox open, or it was opened a moment ago (RFC 2449 8.1). */
export const SIGNED_IN_ALL_THE_SAME: ReadonlySet<string> = new Set(["mailbox in use", "sign-in too soon"]);

/**
 * Why a connection of a service account did not come about, as the failure of whomever it concerns: the profile, or the one mailbox. It always
 * signs in as the mailbox's user: POP3 shows nothing that is shared.
 */
export async function troubleOfServiceAccount(
  failure: Failure,
  account: ServiceAccountAccess,
  about: Circumstances,
  asking: Asking<Secret>,
): Promise<Failure> {
  if (failure.code === "no common sign-in method" && account.access === "authorizationIdentity")
    return pop3Failure("no authorization identity", about, { cause: failure.cause });
  if (failure.code !== "sign-in refused") return failure;
  const { serverSaid, cause } = failure;
  if (!(await asking.witnesses.speakFor(account.others(), asking.accepts)))
    return pop3Failure("service account refused", about, { serverSaid, cause, what: account.name });
  const mailbox = account.user === about.mailbox ? account.user : `${account.user} (${about.mailbox})`;
  return pop3Failure("service account not allowed", about, { serverSaid, cause, what: `${account.name} into the mailbox of ${mailbox}` });
}
