/** How a connection is protected. `starttls` refuses to go on in clear; `none` is plain text by choice. */
export type Security = "tls" | "starttls" | "none";

/** One direction of a server profile: where and how to connect. */
export interface Endpoint {
  /** `imap`, `smtp`, ...: names the connector. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** SASL mechanism to use; `auto` takes the strongest that both sides have. */
  readonly authentication: "auto" | "plain" | "login" | "none";
  /** PEM text of additional certificate authorities to trust; null = the system's. */
  readonly certificateAuthorities: string | null;
  /** False accepts any certificate: shown as a weakness wherever the profile is shown. */
  readonly verifyCertificate: boolean;
  /** Milliseconds without an answer before the connection counts as dead. */
  readonly timeout: number;
}

/** Which folders are read: the inbox and below, or all personal folders except those of special use. */
export type FolderChoice = "inbox" | "personal";

/** How to reach one mail system (Dynamics: `emailserverprofile`). */
export interface ServerProfile {
  readonly name: string;
  readonly incoming: Endpoint | null;
  readonly outgoing: Endpoint | null;
  readonly folders: FolderChoice;
  /** The mail system puts a sent message into Sent by itself (Gmail, Exchange). */
  readonly filesSentCopy: boolean;
  /** Connections at a time over all mailboxes of the profile (`maxconcurrentconnections`). */
  readonly maxConcurrentConnections: number;
  /** Bytes; a larger message is quarantined, not downloaded. */
  readonly maximumMessageSize: number;
}

export type MailboxOwner = { readonly type: "systemuser" | "queue"; readonly id: string } | { readonly type: "forward" };

/** One address of a user, queue or forward mailbox, bound to a server profile and an organization. */
export interface Mailbox {
  readonly id: string;
  readonly organization: string;
  readonly address: string;
  readonly profile: string;
  readonly owner: MailboxOwner;
  readonly username: string;
  /** Messages that the server received before this moment are left alone. */
  readonly startDate: Date;
}

/** What a connection is opened with. */
export interface Secret {
  readonly kind: "password";
  readonly username: string;
  readonly password: string;
}
