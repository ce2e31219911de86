/** Direction of mail as the CRM sees it. */
export type Direction = "receive" | "send";

/** How a connection is protected. `starttls` refuses to go on in clear; `none` is plain text by choice. */
export type Security = "tls" | "starttls" | "none";

/**
 * How to sign in. With a password: `auto` takes the strongest mechanism that both sides have, `plain` and `login` this one, `apop`
 * (POP3 only) a digest of it. With an access token: `oauth` takes OAUTHBEARER where the server offers it and else XOAUTH2, these two by name only this one.
 */
export type Authentication = "auto" | "plain" | "login" | "oauth" | "oauthbearer" | "xoauth2" | "apop" | "none";

/** One direction of a server profile: where and how to connect. */
export interface Endpoint {
  /** `imap`, `smtp`, ...: names the connector. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  readonly authentication: Authentication;
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
  /** Messages that become emails are given the category; left out: no. */
  readonly marksTracked?: boolean;
  /** Connections at a time over all mailboxes of the profile (`maxconcurrentconnections`). */
  readonly maxConcurrentConnections: number;
  /** Bytes; a larger message is quarantined, not downloaded. */
  readonly maximumMessageSize: number;
}

/** Whose mailbox it is: the user or queue by its id in the embedded CRM; by its first address where the CRM stands elsewhere and is asked at each look. */
export type MailboxOwner =
  | { readonly type: "systemuser" | "queue"; readonly id: string }
  | { readonly type: "systemuser" | "queue"; readonly address: string }
  | { readonly type: "forward" };

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
export type Secret = PasswordSecret | TokenSecret;

export interface PasswordSecret {
  readonly kind: "password";
  readonly username: string;
  readonly password: string;
  /** Whose mailbox is meant where it is not that of `username` (RFC 4616 authzid); only SASL PLAIN can say so. */
  readonly authorizationIdentity?: string | undefined;
}

/** An access token of OAuth 2.0 (RFC 6750) for the mailbox of `username`. */
export interface TokenSecret {
  readonly kind: "token";
  readonly username: string;
  readonly token: string;
  /** A connection should not outlive it; null or left out where nobody knows. */
  readonly expiresAt?: Date | null | undefined;
}

/** Whether two secrets sign in alike: then a second try with the other one tells nothing new. */
export function isSameSecret(a: Secret, b: Secret): boolean {
  return secretKey(a) === secretKey(b);
}

/** Equal for secrets that sign in alike, different for all others. Holds the secret: for comparison and hashing, not for storing. */
export function secretKey(secret: Secret): string {
  return JSON.stringify(
    secret.kind === "password"
      ? [secret.kind, secret.username, secret.password, secret.authorizationIdentity ?? ""]
      : [secret.kind, secret.username, secret.token],
  );
}
