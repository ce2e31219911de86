import { APPROVAL, type MailboxRow, METHOD, type ProfileRow } from "../ledger/mailboxes.ts";
import type { Direction } from "../model/mailbox.ts";

/** Why a mailbox is not touched in one direction, as a sentence with the remedy; null when it is worked on. Pure. */
export function whyNot(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  if (!mailbox.active) return `The mailbox ${mailbox.address} is inactive. Set "active: true", or put it back into the configuration.`;
  if (mailbox.approval !== APPROVAL.approved)
    return `The address ${mailbox.address} is not approved. Set "approved: true" once you know that it belongs to its user or queue.`;
  const method = direction === "receive" ? mailbox.incomingMethod : mailbox.outgoingMethod;
  const word = direction === "receive" ? "incoming" : "outgoing";
  if (method !== METHOD.waypost) return `The ${word} delivery method of ${mailbox.address} is None. Set "${word}: true" to change that.`;
  if ((direction === "receive" ? profile.incoming : profile.outgoing) === null)
    return `The server profile "${profile.name}" has no ${word} server. Add one, or give ${mailbox.address} another profile.`;
  return null;
}
