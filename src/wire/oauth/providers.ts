/** Addresses, rights and habits of the sign-in services that are known by name. Pure. */
import type { Grant, OauthSettings } from "./settings.ts";

/** What a server profile says of its sign-in service. */
export interface ProviderChoice {
  readonly provider: "microsoft365" | "google" | "other";
  readonly tenant: string;
  readonly clientId: string;
  readonly grant: Grant;
  readonly scopes?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly authorizationEndpoint?: string | undefined;
  readonly deviceAuthorizationEndpoint?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
  /** other: what the token is for, instead of scopes. */
  readonly resource?: string | undefined;
}

/** Rights over mail that Microsoft gives by protocol (product-behaviour 9). */
const MICROSOFT_SCOPES: Readonly<Record<string, string>> = {
  imap: "https://outlook.office.com/IMAP.AccessAsUser.All",
  pop3: "https://outlook.office.com/POP.AccessAsUser.All",
  smtp: "https://outlook.office.com/SMTP.Send",
};

/** The settings for a profile that uses these protocols (`imap`, `pop3`, `smtp`). */
export function oauthSettings(choice: ProviderChoice, protocols: readonly string[], certificateAuthorities: string | null): OauthSettings {
  const { clientId, grant } = choice;
  const common = { clientId, grant, certificateAuthorities };
  switch (choice.provider) {
    case "microsoft365":
      return { ...common, ...microsoft(choice, protocols) };
    case "google":
      return { ...common, ...google(choice) };
    case "other":
      return { ...common, ...other(choice) };
  }
}

type Habits = Omit<OauthSettings, "clientId" | "grant" | "certificateAuthorities">;

function microsoft({ tenant, grant, scopes }: ProviderChoice, protocols: readonly string[]): Habits {
  const base = `https://login.microsoftonline.com/${encodeURIComponent(tenant)}`;
  const delegated = protocols.flatMap((protocol) => MICROSOFT_SCOPES[protocol] ?? []);
  return {
    service: "Microsoft 365",
    // Its answers name the directory by id, whatever the profile calls it, so there is nothing to compare with.
    issuer: null,
    authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
    deviceAuthorizationEndpoint: `${base}/oauth2/v2.0/devicecode`,
    tokenEndpoint: `${base}/oauth2/v2.0/token`,
    scopes: scopes ?? (grant === "clientCredentials" ? ["https://outlook.office365.com/.default"] : [...delegated, "offline_access"]),
    // A browser is often signed in as somebody else already.
    authorizationParameters: { prompt: "select_account" },
    // Registered without a port, it fits any (Microsoft's own rule for localhost).
    redirectHost: "localhost",
    assertion: { algorithm: "PS256", audience: "token endpoint" },
  };
}

function google({ scopes }: ProviderChoice): Habits {
  return {
    service: "Google",
    issuer: "https://accounts.google.com",
    authorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
    deviceAuthorizationEndpoint: null,
    tokenEndpoint: "https://oauth2.googleapis.com/token",
    scopes: scopes ?? ["https://mail.google.com/"],
    // Without these two there is no refresh token, or only at the very first consent.
    authorizationParameters: { access_type: "offline", prompt: "consent" },
    redirectHost: "127.0.0.1",
    assertion: { algorithm: "RS256", audience: "token endpoint" },
  };
}

function other(choice: ProviderChoice): Habits {
  const tokenEndpoint = choice.tokenEndpoint ?? "";
  return {
    service: new URL(tokenEndpoint).host,
    issuer: choice.issuer ?? null,
    authorizationEndpoint: choice.authorizationEndpoint ?? null,
    deviceAuthorizationEndpoint: choice.deviceAuthorizationEndpoint ?? null,
    tokenEndpoint,
    scopes: choice.scopes ?? [],
    resource: choice.resource,
    authorizationParameters: {},
    redirectHost: "127.0.0.1",
    assertion: { algorithm: "RS256", audience: choice.issuer === undefined ? "token endpoint" : "issuer" },
  };
}
