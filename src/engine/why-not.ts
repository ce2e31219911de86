import { APPROVAL } from "../ledger/approvals.ts";
import { type MailboxRow, METHOD, type ProfileRow } from "../ledger/mailboxes.ts";
import type { Direction } from "../model/mailbox.ts";

/** Why a mailbox is not touched in one direction, as a sentence with the remedy; null when it is worked on. Pure. */
export function whyNot(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  return whyNotTested(direction, mailbox, profile) ?? untested(direction, mailbox);
}

/** Why not even a test touches it in this direction. */
export function whyNotTested(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  if (!mailbox.active) return `The mailbox ${mailbox.address} is inactive. Set "active: true", or put it back into the configuration.`;
  const unapproved = mailbox.approvalRequired ? whyNotApproved(mailbox) : null;
  if (unapproved !== null) return unapproved;
  const method = direction === "receive" ? mailbox.incomingMethod : mailbox.outgoingMethod;
  const word = direction === "receive" ? "incoming" : "outgoing";
  if (method !== METHOD.waypost) return `The ${word} delivery method of ${mailbox.address} is None. Set "${word}: true" to change that.`;
  if ((direction === "receive" ? profile.incoming : profile.outgoing) === null)
    return `The server profile "${profile.name}" has no ${word} server. Add one, or give ${mailbox.address} another profile.`;
  return null;
}

function whyNotApproved({ address, approval, approvalSource }: MailboxRow): string | null {
  if (approval === APPROVAL.approved) return null;
  if (approval === APPROVAL.rejected)
    return `The address ${address} was rejected. Run \`waypost approve ${address}\` if it is right after all.`;
  if (approvalSource === "change")
    return `The address ${address} is pending approval, because it is new to its user or queue. Run \`waypost approve ${address}\` once you know that the mailbox is theirs.`;
  return `The address ${address} is not approved. Set "approved: true" once you know that it belongs to its user or queue.`;
}

function untested(direction: Direction, mailbox: MailboxRow): string | null {
  const enabled = direction === "receive" ? mailbox.enabledForIncoming : mailbox.enabledForOutgoing;
  if (!mailbox.requireTest || enabled) return null;
  const word = direction === "receive" ? "incoming" : "outgoing";
  return `The mailbox ${mailbox.address} has passed no test for ${word} mail, and its server profile wants one (requireTest). Run \`waypost check ${mailbox.address}\`.`;
}
