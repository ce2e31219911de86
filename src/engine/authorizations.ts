/** How a person authorizes Waypost for mailboxes that are opened with access tokens. Done by the composition root, which knows the services. */
export interface Authorizations {
  /** Under which the tokens of a mailbox are stored; null where it signs in with a password. */
  tokenName(mailboxAddress: string): string | null;
  /** Begins for a mailbox's address or a profile's name. The offer stands until it is finished, or has expired. */
  begin(target: string, options: AuthorizeOptions): Promise<AuthorizationOffer>;
  /**
   * Waits until somebody did what was offered, stores the tokens, and lets everything go on that waited for them. `signal` ends the waiting with
   * nothing changed; once the tokens are there, only the trying of mailboxes.
   */
  finish(id: string, signal: AbortSignal): Promise<AuthorizationResult>;
}

export interface AuthorizeOptions {
  /** Sign in on another device. */
  readonly device: boolean;
  /** Port to which the browser returns; 0 takes any. */
  readonly port: number;
}

/** What a person has to do. */
export interface AuthorizationOffer {
  readonly id: string;
  /** `browser`: open `address` on this machine. `device`: open it anywhere and enter `userCode`. `application`: nothing, nobody signs in. */
  readonly kind: "browser" | "device" | "application";
  readonly address: string | null;
  readonly userCode: string | null;
  readonly expiresAt: Date;
}

export interface AuthorizationResult {
  readonly target: string;
  readonly expiresAt: Date | null;
  /** Without it somebody has to authorize again when the token expires. */
  readonly renewable: boolean;
  /** What the mail servers say to the new token, mailbox by mailbox. */
  readonly mailboxes: readonly AuthorizedMailbox[];
}

export interface AuthorizedMailbox {
  readonly mailbox: string;
  /** `not tried`: Waypost may not touch it, or could not now; the message says why. */
  readonly result: "ok" | "failed" | "not tried";
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy?: string | undefined;
}
