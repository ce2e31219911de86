/** Configuration as it will stand in the file: what is left out has its default there. Secrets are named, never held. */

export interface SecretFile {
  readonly file: string;
}

export interface DraftServer {
  readonly protocol?: "imap" | "pop3";
  readonly host?: string;
  readonly port?: number;
  readonly security?: "tls" | "starttls" | "none";
  readonly authentication?: "none";
  readonly timeoutSeconds?: number;
}

export interface DraftServiceAccount {
  readonly username: string;
  readonly password: SecretFile;
  readonly incoming?: "masterUser";
  readonly loginName?: string;
  readonly outgoing?: "itself";
}

export interface DraftOauth {
  readonly provider: "microsoft365" | "google";
  readonly tenant?: string;
  readonly clientId: string;
  readonly clientSecret: SecretFile;
  readonly grant?: "clientCredentials";
}

export interface DraftProfile {
  readonly name: string;
  readonly preset?: "exchange" | "microsoft365" | "gmail";
  readonly incoming?: DraftServer;
  readonly outgoing?: DraftServer;
  readonly serviceAccount?: DraftServiceAccount;
  readonly oauth?: DraftOauth;
  readonly maxConcurrentConnections?: number;
}

export interface DraftMailbox {
  readonly address: string;
  readonly organization: string;
  readonly profile: string;
  readonly user?: string;
  readonly queue?: string;
  readonly forward?: true;
  readonly trust?: { readonly authenticationResults: string };
  readonly username?: string;
  readonly password?: SecretFile;
  readonly incoming?: false | "forward mailbox";
  readonly outgoing?: false;
  readonly active?: false;
  readonly approved?: false;
  readonly deleteAfterProcessing?: true;
  readonly readFrom?: string;
}

/** How the mailboxes of a profile sign in with what is theirs. */
export type MailboxSignIn =
  /** With a password of its own. `alias`: a service account besides has to know the mailbox's name on the server. */
  | { readonly kind: "own"; readonly alias: boolean }
  /** With what the whole profile has: one user name and one password. */
  | { readonly kind: "shared"; readonly username: string; readonly password: SecretFile }
  /** Not at all: by tokens, or a service account does it. `alias` as above. */
  | { readonly kind: "none"; readonly alias: boolean };
