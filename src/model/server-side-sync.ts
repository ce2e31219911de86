/**
 * What a Dynamics 365 organization says of its server-side synchronization: email server profiles, mailboxes, and whose they are. Choices are words
 * here; `null` stands for what the organization does not say, or says with a value that is not known. Source: product-behaviour 3.1 to 3.4.
 */

export interface ServerSideSync {
  readonly organization: SyncOrganization;
  readonly profiles: readonly EmailServerProfile[];
  readonly mailboxes: readonly SyncMailbox[];
  readonly users: readonly SyncOwner[];
  readonly queues: readonly SyncOwner[];
}

export interface SyncOrganization {
  readonly name: string;
  /** `emailconnectionchannel`: which of Microsoft's programs processes email where a delivery method says so. */
  readonly channel: "server-side synchronization" | "email router" | null;
  /** `requireapprovalforuseremail`, `requireapprovalforqueueemail`: only approved addresses are processed. */
  readonly approvalForUsers: boolean;
  readonly approvalForQueues: boolean;
}

/** `servertype`. */
export type EmailServerType = "exchange" | "pop3" | "exchange hybrid" | "exchange online hybrid" | "imap";

/** `incomingcredentialretrieval`, `outgoingcredentialretrieval`. */
export type CredentialRetrieval =
  | "user or queue"
  | "profile"
  | "server to server"
  | "windows integrated"
  | "none"
  | "gmail oauth"
  | "exchange hybrid modern authentication"
  | "entra oauth";

/** `incomingauthenticationprotocol`, `outgoingauthenticationprotocol`. */
export type SyncAuthentication = "auto" | "negotiate" | "ntlm" | "basic" | "oauth";

/** One direction of an email server profile. */
export interface SyncServer {
  readonly location: string | null;
  readonly port: number | null;
  readonly tls: boolean;
  readonly credentials: CredentialRetrieval | null;
  readonly authentication: SyncAuthentication | null;
  /** `incominguseimpersonation`, `outgoinguseimpersonation`. */
  readonly impersonation: boolean;
  /** User name for the mailboxes of the whole profile; its password cannot be read. */
  readonly username: string | null;
}

export interface EmailServerProfile {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly serverType: EmailServerType | null;
  readonly usesAutodiscover: boolean;
  readonly defaultLocation: string | null;
  readonly incoming: SyncServer;
  readonly outgoing: SyncServer;
  /** `usesamesettingsforoutgoingconnections`: `outgoing` says nothing of its own. */
  readonly outgoingAsIncoming: boolean;
  /** `processemailsreceivedafter`. */
  readonly readFrom: Date | null;
  readonly maximumConnections: number | null;
  /** `timeoutmailboxconnectionafteramount` in milliseconds; null where there is no such limit. */
  readonly timeoutMilliseconds: number | null;
  readonly minimumPollingMinutes: number;
  readonly movesUndelivered: boolean;
  readonly sendsAlertMail: boolean;
  /** `encodingcodepage`. */
  readonly codePage: string | null;
  /** `exchangeonlinetenantid`. */
  readonly tenant: string | null;
  /** `oauthclientid`. */
  readonly clientId: string | null;
}

/** `incomingemaildeliverymethod`, `outgoingemaildeliverymethod`; `server`: Server-Side Synchronization or Email Router. */
export type IncomingMethod = "none" | "outlook" | "server" | "forward mailbox";
export type OutgoingMethod = "none" | "outlook" | "server";

/** `emailrouteraccessapproval`. */
export type SyncApproval = "empty" | "approved" | "pending" | "rejected";

export interface SyncMailbox {
  readonly id: string;
  readonly name: string;
  readonly address: string | null;
  readonly active: boolean;
  /** `regardingobjectid`; null: nobody's, as a forward mailbox is. */
  readonly owner: { readonly type: "user" | "queue"; readonly id: string } | null;
  readonly forward: boolean;
  readonly profileId: string | null;
  readonly incoming: IncomingMethod | null;
  readonly outgoing: OutgoingMethod | null;
  /** `enabledforincomingemail`, `enabledforoutgoingemail`: a test has passed, and Dynamics works on it. */
  readonly enabledForIncoming: boolean;
  readonly enabledForOutgoing: boolean;
  /** `actdeliverymethod` is server-side synchronization: appointments, contacts and tasks. */
  readonly synchronizesItems: boolean;
  readonly approval: SyncApproval | null;
  /** `processanddeleteemails`: what became an email is deleted in the mailbox. */
  readonly deletesProcessed: boolean;
  /** `processemailreceivedafter`, which moves with what was processed: the watermark. */
  readonly readFrom: Date | null;
  /** When Dynamics was last done with it: the earlier of `lastsyncstartedon` and `lastsuccessfulsynccompletedon`; null: it never was. */
  readonly lastSync: Date | null;
  /** `username`, where `allowemailconnectortousecredentials` lets it be used. */
  readonly username: string | null;
  /** `ewsurl`: where autodiscover led. */
  readonly ewsUrl: string | null;
}

/**
 * In which directions Dynamics itself works on a mailbox. With the Email Router as the channel its server-side synchronization rests; an inactive mailbox or
 * profile is not worked on (8005E219, 8005E228), nor an address that is not approved where that is wanted (8005E220).
 */
export function synchronizedDirections(
  mailbox: Pick<SyncMailbox, "active" | "owner" | "incoming" | "outgoing" | "enabledForIncoming" | "enabledForOutgoing" | "approval">,
  organization: SyncOrganization,
  profileIsActive: boolean,
): ("incoming" | "outgoing")[] {
  if (organization.channel === "email router" || !mailbox.active || !profileIsActive) return [];
  if (mailbox.approval !== "approved" && mustBeApproved(mailbox, organization)) return [];
  return [
    ...(mailbox.enabledForIncoming && mailbox.incoming === "server" ? (["incoming"] as const) : []),
    ...(mailbox.enabledForOutgoing && mailbox.outgoing === "server" ? (["outgoing"] as const) : []),
  ];
}

/** Whether the organization processes the email of such a mailbox only when its address is approved. */
export function mustBeApproved({ owner }: Pick<SyncMailbox, "owner">, organization: SyncOrganization): boolean {
  if (owner === null) return false;
  return owner.type === "user" ? organization.approvalForUsers : organization.approvalForQueues;
}

/** `incomingemailfilteringmethod`, of which messages become emails (product-behaviour 4.4). */
export type SyncFilter =
  | "all email messages"
  | "answers to CRM email"
  | "email from leads, contacts and accounts"
  | "email from email-enabled records"
  | "no email messages";

/** A user or a queue. */
export interface SyncOwner {
  readonly id: string;
  readonly name: string;
  readonly address: string | null;
  readonly active: boolean;
  /** Stays in Dynamics, where Waypost reads it. */
  readonly filter: SyncFilter | null;
}

/** Configuration made of all that, and what a person has to know and to do. */
export interface Takeover {
  /** YAML, to be put into waypost.yaml beside `organizations`; empty where nothing can be taken over. */
  readonly yaml: string;
  readonly profiles: readonly { readonly name: string; readonly inDynamics: string; readonly servers: readonly string[] }[];
  readonly mailboxes: readonly TakenMailbox[];
  readonly notes: readonly TakeoverNote[];
  /** What has to be provided, because nobody can read it from Dynamics. */
  readonly secrets: readonly NeededSecret[];
}

export interface TakenMailbox {
  readonly address: string;
  readonly inDynamics: string;
  readonly profile: string;
  readonly incoming: boolean | "forward mailbox";
  readonly outgoing: boolean;
  readonly active: boolean;
  /** What of its mail becomes emails, as its user or queue has it in Dynamics; null: a forward mailbox, or not known. */
  readonly filter: SyncFilter | null;
  /** ISO 8601; null: from the moment at which it is first seen. */
  readonly readFrom: string | null;
  /** Dynamics works on it now, and has to stop first. */
  readonly stillSynchronized: readonly ("incoming" | "outgoing")[];
}

/** One thing that was not taken over as it is in Dynamics. */
export interface TakeoverNote {
  /** `left out`: the row is not in the YAML; `otherwise`: it is, but not with this; `to do`: somebody has to do something. */
  readonly kind: "left out" | "otherwise" | "to do";
  readonly about: "organization" | "email server profile" | "mailbox" | "user" | "queue";
  /** Its name in Dynamics. */
  readonly name: string;
  readonly because: string;
  /** The next step for a person; empty where nothing is to be done. */
  readonly next: string;
}

export interface NeededSecret {
  /** Path of the file that the YAML names. */
  readonly file: string;
  /** What it is, for a person, e.g. `the password of ann@example.com`. */
  readonly what: string;
}
