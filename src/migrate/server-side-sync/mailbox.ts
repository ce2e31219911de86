import { addressKey } from "../../model/address.ts";
import {
  type EmailServerProfile,
  mustBeApproved,
  type ServerSideSync,
  type SyncFilter,
  type SyncMailbox,
  type SyncOwner,
  type TakeoverNote,
} from "../../model/server-side-sync.ts";
import type { DraftMailbox, MailboxSignIn, SecretFile } from "./draft.ts";
import { usableAddress, usableUsername } from "./foreign-text.ts";
import type { Secrets } from "./secrets.ts";

/** Nobody has this name (RFC 2606 2): a forward mailbox trusts nothing until a person enters a server. */
const NO_SERVER = "enter-the-name.invalid";

/** What is noted of one mailbox. */
export type Note = (kind: TakeoverNote["kind"], because: string, next?: string) => void;

/** A mailbox that is to be taken over, with what is certain of it. */
export interface Candidate {
  readonly mailbox: SyncMailbox;
  readonly address: string;
  /** Address by which the user or queue is found in the CRM; null for a forward mailbox. */
  readonly owner: {
    readonly type: "user" | "queue";
    readonly address: string;
    readonly active: boolean;
    readonly filter: SyncFilter | null;
  } | null;
}

/** Users and queues by their ids. */
export type Owners = Readonly<Record<"user" | "queue", ReadonlyMap<string, SyncOwner>>>;

/** Whether a mailbox is to be taken over, and as whose; null where it is not, with a note that says why. */
export function candidateOf(mailbox: SyncMailbox, owners: Owners, note: Note): Candidate | null {
  const leave = (because: string, next = "") => {
    note("left out", because, next);
    return null;
  };
  const address = usableAddress(mailbox.address);
  if (!isProcessed(mailbox)) return leave(methodsTold(mailbox));
  if (address === null)
    return leave(
      mailbox.address === null ? "It has no address (8005E221)." : "Its address is none that a mail system could have.",
      "Correct the address in Dynamics, and import again.",
    );
  if (mailbox.forward) return { mailbox, address, owner: null };
  if (mailbox.owner === null)
    return leave("It belongs to no user and no queue, and is no forward mailbox.", "Let it belong to one in Dynamics, and import again.");
  const { type, id } = mailbox.owner;
  const owner: SyncOwner | undefined = owners[type].get(id);
  // Dynamics mirrors the address of the user or queue in the mailbox: where the row cannot be read, it is the same.
  const ownAddress = owner === undefined ? address : usableAddress(owner.address);
  if (ownAddress === null)
    return leave(
      `Its ${type} has no address, by which Waypost finds it.`,
      `Enter the address of the ${type} in Dynamics, and import again.`,
    );
  return { mailbox, address, owner: { type, address: ownAddress, active: owner?.active ?? true, filter: owner?.filter ?? null } };
}

/** Whether anything of it is processed on a server, now or when it is active. */
function isProcessed({ incoming, outgoing }: SyncMailbox): boolean {
  return incoming === "server" || incoming === "forward mailbox" || outgoing === "server";
}

const METHOD_NAMES = {
  none: "None",
  outlook: "Microsoft Dynamics 365 for Outlook",
  server: "Server-Side Synchronization or Email Router",
} as const;

function methodsTold({ incoming, outgoing }: SyncMailbox): string {
  const name = (method: SyncMailbox["incoming"]) =>
    method === null ? "not known" : method === "forward mailbox" ? "Forward Mailbox" : METHOD_NAMES[method];
  return `Nothing of it is processed on a server: incoming mail ${name(incoming)}, outgoing mail ${name(outgoing)}.`;
}

/** What a mailbox is made with. */
export interface MailboxQuestion {
  readonly candidate: Candidate;
  readonly organization: string;
  readonly sync: ServerSideSync;
  /** The server profile in the configuration, and what Dynamics says of it; null where it stands in the configuration already. */
  readonly profile: string;
  readonly inDynamics: EmailServerProfile | null;
  readonly has: { readonly incoming: boolean; readonly outgoing: boolean };
  readonly signIn: MailboxSignIn;
  /** Mailboxes of the profile sign in with a password. */
  readonly wantsPassword: boolean;
  /** Its way to sign in has to be looked at first. */
  readonly uncertain: boolean;
  /** There is a forward mailbox for those whose mail comes by one. */
  readonly hasForward: boolean;
  readonly secrets: Secrets;
  readonly note: Note;
}

/** The mailbox as configuration; null where nothing of it would be worked on, with a note. */
export function convertMailbox(question: MailboxQuestion): DraftMailbox | null {
  const { candidate, organization, profile, note } = question;
  const { mailbox, address, owner } = candidate;
  const incoming = incomingOf(question);
  const outgoing = outgoingOf(question);
  if (incoming === false && !outgoing) {
    note("left out", "Neither direction could be taken over.", "See what is said of its server profile and of forward mailboxes.");
    return null;
  }
  const readFrom = incoming === true ? readFromOf(question) : null;
  return {
    address,
    organization,
    profile,
    ...(owner === null ? forwardOf(note) : { [owner.type]: owner.address }),
    ...signInOf(question, incoming === true || outgoing),
    ...(incoming !== true && { incoming }),
    ...(owner !== null && !outgoing && { outgoing: false as const }),
    ...(!isActive(question) && { active: false as const }),
    ...(!isApproved(question) && { approved: false as const }),
    ...(deletes(mailbox, note) && { deleteAfterProcessing: true as const }),
    ...(readFrom !== null && { readFrom }),
  };
}

function incomingOf({ candidate: { mailbox }, has, hasForward, note }: MailboxQuestion): boolean | "forward mailbox" {
  if (mailbox.incoming === "server") {
    if (!has.incoming) note("otherwise", "Its server profile has no incoming server: it is not read.");
    return has.incoming;
  }
  if (mailbox.incoming !== "forward mailbox" || mailbox.forward) return false;
  if (!hasForward)
    note(
      "otherwise",
      "Its mail comes by a forward mailbox, and none could be taken over: nothing of it is read.",
      "Add a forward mailbox (docs/forward-mailbox.md), then set `incoming: forward mailbox`.",
    );
  return hasForward ? "forward mailbox" : false;
}

function outgoingOf({ candidate: { mailbox }, has, note }: MailboxQuestion): boolean {
  if (mailbox.outgoing !== "server" || mailbox.forward) return false;
  if (!has.outgoing) note("otherwise", "Its server profile has no outgoing server: nothing is sent from it.");
  return has.outgoing;
}

function forwardOf(note: Note): Pick<DraftMailbox, "forward" | "trust"> {
  note(
    "to do",
    "Dynamics takes from a forward mailbox whatever comes; Waypost wants to know what proves who forwarded a message. It is inactive until that is said.",
    `Enter the name of the receiving mail server in place of ${NO_SERVER}, or its forwardingServers (docs/forward-mailbox.md), and remove \`active: false\`.`,
  );
  return { forward: true, trust: { authenticationResults: NO_SERVER } };
}

function signInOf(
  { candidate: { mailbox, address }, signIn, wantsPassword, secrets, note }: MailboxQuestion,
  isConnected: boolean,
): Pick<DraftMailbox, "username" | "password"> {
  if (signIn.kind === "shared") return { username: signIn.username, ...(wantsPassword && isConnected && { password: signIn.password }) };
  const given = usableUsername(mailbox.username);
  if (mailbox.username !== null && given === null)
    note("otherwise", "Its user name in Dynamics is none that a mail server takes; its address is used.");
  const username = signIn.alias ? localPartOf(address) : signIn.kind === "own" ? given : null;
  const own: SecretFile | null = wantsPassword && isConnected ? secrets.need(address, `the password of ${username ?? address}`) : null;
  return {
    ...(username !== null && addressKey(username) !== addressKey(address) && { username }),
    ...(own !== null && { password: own }),
  };
}

function localPartOf(address: string): string {
  return address.slice(0, address.lastIndexOf("@"));
}

function isActive({ candidate: { mailbox, owner }, inDynamics, uncertain, note }: MailboxQuestion): boolean {
  const because = !mailbox.active
    ? "It is inactive in Dynamics"
    : inDynamics?.active === false
      ? "Its email server profile is inactive in Dynamics (8005E228)"
      : owner?.active === false
        ? `Its ${owner.type} is disabled in Dynamics (8005E230)`
        : null;
  if (because !== null) note("otherwise", `${because}; so it is here.`, "Remove `active: false` to have it worked on.");
  return because === null && !uncertain && owner !== null;
}

function isApproved({ candidate: { mailbox }, sync, note }: MailboxQuestion): boolean {
  if (mailbox.approval === "approved" || !mustBeApproved(mailbox, sync.organization)) return true;
  note(
    "otherwise",
    `Its address is not approved in Dynamics (${mailbox.approval ?? "not known"}; 8005E220), and neither is it here.`,
    "Run `waypost approve` with its address, or remove `approved: false`.",
  );
  return false;
}

function deletes(mailbox: SyncMailbox, note: Note): boolean {
  if (!mailbox.deletesProcessed) return false;
  if (mailbox.owner?.type === "user" && !mailbox.forward) {
    note("otherwise", "Dynamics says that processed messages are deleted, which it does for queues and forward mailboxes only (8005E233).");
    return false;
  }
  return true;
}

/** Clocks of mail systems differ, and mail comes in while Dynamics reads; what both read is recognized. */
const OVERLAP = 3_600_000;

/**
 * The later of what mailbox and profile say counts (product-behaviour 3.2). A mailbox that says nothing goes on from its last synchronization: what Dynamics was done
 * with, and what it did not want, is no news.
 */
function readFromOf({ candidate: { mailbox }, inDynamics, note }: MailboxQuestion): string | null {
  const { enabledForIncoming, lastSync } = mailbox;
  const goesOn = mailbox.readFrom === null && enabledForIncoming && lastSync !== null;
  const own = goesOn ? new Date(lastSync.getTime() - OVERLAP) : mailbox.readFrom;
  const said = [own, inDynamics?.readFrom ?? null].filter((one) => one !== null && isInFourDigits(one)).map(Number);
  if (goesOn)
    note(
      "otherwise",
      "Dynamics does not say up to which message it has read it; here it is read from an hour before its last synchronization.",
    );
  if (said.length > 0) return new Date(Math.max(...said)).toISOString();
  note(
    "otherwise",
    "Dynamics does not say from when on it is read; here it is read from the moment at which it is first seen.",
    "Set readFrom to have earlier mail read.",
  );
  return null;
}

/** The configuration takes years of four digits. */
function isInFourDigits(date: Date): boolean {
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999;
}
