/** What a sign-in service (authorization server, RFC 6749) and the application registered there look like to the client. */

/** How the first token comes: by a browser here, by a browser elsewhere, or with nobody signing in, by the application's own right or an account's. */
export type Grant = "authorizationCode" | "deviceCode" | "clientCredentials" | "password";

/** An account that signs in with nobody there (RFC 6749 4.3): AD FS has no other way for a service (wire 9). */
export interface ServiceLogin {
  readonly username: string;
  readonly password: string;
}

export interface OauthSettings {
  /** Name of the service for people. */
  readonly service: string;
  /** The service's name for itself; null where it says none. */
  readonly issuer: string | null;
  readonly tokenEndpoint: string;
  readonly authorizationEndpoint: string | null;
  readonly deviceAuthorizationEndpoint: string | null;
  readonly clientId: string;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  /** What the token is for, where the service wants that named instead of scopes (AD FS, wire 9). */
  readonly resource?: string | undefined;
  /** Parameters that the service wants in the address where people sign in, beside those of the RFC. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** How this machine is called in the address to which the browser returns; the service compares it with what was registered. */
  readonly redirectHost: "localhost" | "127.0.0.1";
  /** PEM text of additional certificate authorities to trust; null = the system's. */
  readonly certificateAuthorities: string | null;
  /** How an application proves itself with a key. */
  readonly assertion: {
    readonly algorithm: "PS256" | "RS256";
    readonly audience: "issuer" | "token endpoint";
  };
}

/** How the application proves that it is itself. Read anew for each request. */
export type ClientProof =
  | { readonly kind: "none" }
  | { readonly kind: "secret"; readonly secret: string }
  /** `key` PKCS #8, `certificate` the one that belongs to it, both PEM. */
  | { readonly kind: "key"; readonly key: string; readonly certificate: string | null };

/** What a sign-in service handed out (RFC 6749 5.1). */
export interface TokenSet {
  readonly accessToken: string;
  /** Absent where the old one stays, or where there is none. */
  readonly refreshToken: string | undefined;
  /** How long the access token is good; null where the service does not say. */
  readonly lifeSeconds: number | null;
  readonly scope: string | null;
}
