import { APPROVAL, newToItsOwner, notApprovedInFile } from "../ledger/approvals.ts";
import { type MailboxRow, METHOD, type ProfileRow } from "../ledger/mailboxes.ts";
import type { Direction } from "../model/mailbox.ts";
import { when } from "../tracking/sentence.ts";

/** Why a mailbox that was asked for was not touched: it is `off` until somebody changes that, or it `waits` and is worked on by itself. */
export interface LeftAlone {
  readonly state: "off" | "waits";
  readonly because: string;
  /** When it is tried again; null where no time brings it back, or none is known. */
  readonly until: Date | null;
}

/** A mailbox that is worked on, but not yet. */
export interface Waiting extends LeftAlone {
  readonly state: "waits";
  readonly until: Date;
}

/** Why a mailbox is not touched in one direction, as a sentence with the remedy; null when it is worked on. Pure. */
export function whyNot(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  return whyNotTested(direction, mailbox, profile) ?? untested(direction, mailbox);
}

/** Why not even a test touches it in this direction. */
export function whyNotTested(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  if (!mailbox.inFile) return `The mailbox ${mailbox.address} is not in the configuration any more. Put it back to have it worked on.`;
  if (!mailbox.active) return `The mailbox ${mailbox.address} is inactive. Set "active: true" in the configuration.`;
  const unapproved = mailbox.approvalRequired ? whyNotApproved(mailbox) : null;
  if (unapproved !== null) return unapproved;
  const method = direction === "receive" ? mailbox.incomingMethod : mailbox.outgoingMethod;
  const word = direction === "receive" ? "incoming" : "outgoing";
  if (method === METHOD.forwardMailbox)
    return `The incoming delivery method of ${mailbox.address} is Forward Mailbox: its mail is read where its rule forwards it to, and not in the mailbox itself (Dynamics: 8005E223).`;
  if (mailbox.owner.type === "forward" && direction === "send")
    return `Through ${mailbox.address} nobody sends: it is a forward mailbox (Dynamics: 8005E213).`;
  if (method !== METHOD.waypost) return `The ${word} delivery method of ${mailbox.address} is None. Set "${word}: true" to change that.`;
  if ((direction === "receive" ? profile.incoming : profile.outgoing) === null)
    return `The server profile "${profile.name}" has no ${word} server. Add one, or give ${mailbox.address} another profile.`;
  return null;
}

/** Why a mailbox that is worked on is left alone in one direction for now, whoever asks; null when it is not. Pure. */
export function whyWaiting(direction: Direction, mailbox: MailboxRow, profile: ProfileRow, now: Date): Waiting | null {
  const ofProfile = profile[`${direction}NotBefore`];
  const ofMailbox = mailbox[`${direction}NotBefore`];
  const error = mailbox[`${direction}Error`];
  const why = error === null ? "" : ` What happened: ${error.message}`;
  const word = direction === "receive" ? "incoming" : "outgoing";
  if (ofProfile !== null && ofProfile > now && (ofMailbox === null || ofProfile >= ofMailbox)) {
    const because = `The ${word} server of the server profile "${profile.name}" is in trouble, and is tried again for all its mailboxes at ${when(ofProfile)}.${why}`;
    return { state: "waits", because, until: ofProfile };
  }
  if (ofMailbox === null || ofMailbox <= now) return null;
  const asked =
    direction === "receive"
      ? `The mail system wants ${mailbox.address} to be left alone until ${when(ofMailbox)}.`
      : `Sending from ${mailbox.address} failed, and is tried again at ${when(ofMailbox)}.`;
  return { state: "waits", because: `${asked}${why}`, until: ofMailbox };
}

function whyNotApproved({ address, approval, approvalSource }: MailboxRow): string | null {
  if (approval === APPROVAL.approved) return null;
  if (approval === APPROVAL.rejected)
    return `The address ${address} was rejected. Run \`waypost approve ${address}\` if it is right after all.`;
  const { message, remedy } = approvalSource === "change" ? newToItsOwner(address) : notApprovedInFile(address);
  return `${message} ${remedy}`;
}

function untested(direction: Direction, mailbox: MailboxRow): string | null {
  const enabled = direction === "receive" ? mailbox.enabledForIncoming : mailbox.enabledForOutgoing;
  if (!mailbox.requireTest || enabled) return null;
  const word = direction === "receive" ? "incoming" : "outgoing";
  return `The mailbox ${mailbox.address} has passed no test for ${word} mail, and its server profile wants one (requireTest). Run \`waypost check ${mailbox.address}\`.`;
}
