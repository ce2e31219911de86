import { readFileSync } from "node:fs";
import { type Configuration, readSecret } from "../config.ts";
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import { OauthClient } from "../wire/oauth/client.ts";
import type { Holder } from "../wire/oauth/failures.ts";
import { oauthSettings } from "../wire/oauth/providers.ts";
import type { ClientProof } from "../wire/oauth/settings.ts";
import { readAuthorities } from "./store-configuration.ts";
import { TokenKeeper, type TokenKeeperOptions } from "./token-keeper.ts";

type Profile = Configuration["serverProfiles"][number];
type Oauth = NonNullable<Profile["oauth"]>;

/** The tokens of all mailboxes that sign in with one; several mailboxes may share a keeper. */
export interface TokenKeepers {
  /** Null where the mailbox signs in with a password, or is not in the configuration. */
  ofMailbox(address: string): TokenKeeper | null;
  /** Null where the profile has no token of its own for all its mailboxes. */
  ofProfile(name: string): TokenKeeper | null;
  /** The addresses of the mailboxes that sign in with that token. */
  mailboxesOf(keeper: TokenKeeper): readonly string[];
}

type Common = Pick<TokenKeeperOptions, "database" | "keys" | "log" | "now">;

export function tokenKeepers({ serverProfiles, mailboxes }: Configuration, common: Common): TokenKeepers {
  const byProfile = new Map<string, TokenKeeper>();
  const byMailbox = new Map<string, TokenKeeper>();
  for (const profile of serverProfiles) {
    if (profile.oauth === undefined) continue;
    const client = clientOf(profile, profile.oauth);
    const keeper = (scope: Holder["scope"], name: string) =>
      new TokenKeeper({
        ...common,
        client,
        name: `${scope}:${name}`,
        holder: { name, scope, unattended: client.settings.grant === "clientCredentials" },
      });
    const shared = isShared(profile.oauth) ? keeper("profile", profile.name) : null;
    if (shared !== null) byProfile.set(profile.name, shared);
    for (const { address, profile: named = serverProfiles[0]?.name } of mailboxes)
      if (named === profile.name) byMailbox.set(addressKey(address), shared ?? keeper("mailbox", addressKey(address)));
  }
  return {
    ofMailbox: (address) => byMailbox.get(addressKey(address)) ?? null,
    ofProfile: (name) => byProfile.get(name) ?? null,
    mailboxesOf: (keeper) => [...byMailbox].filter(([, one]) => one === keeper).map(([address]) => address),
  };
}

/** One token for all mailboxes: the application's own, or that of an account that may open them all. */
function isShared({ grant, account }: Oauth): boolean {
  return grant === "clientCredentials" || account !== undefined;
}

function clientOf({ name, incoming, outgoing }: Profile, oauth: Oauth): OauthClient {
  const protocols = [incoming?.protocol, outgoing?.authentication === "none" ? undefined : outgoing?.protocol].filter(
    (one) => one !== undefined,
  );
  const authorities = oauth.certificateAuthorities === undefined ? null : readAuthorities(oauth.certificateAuthorities);
  return new OauthClient(oauthSettings(oauth, protocols, authorities), () => proofOf(name, oauth));
}

/** Read at each use, so that a renewed secret needs no restart. One for all mailboxes: where it is missing, that is the profile's trouble. */
function proofOf(profile: string, { clientSecret, privateKey, certificate }: Oauth): ClientProof {
  try {
    if (privateKey !== undefined) {
      const key = readSecret(privateKey, `The private key of the server profile "${profile}"`);
      return { kind: "key", key, certificate: certificate === undefined ? null : readCertificate(certificate) };
    }
    if (clientSecret === undefined) return { kind: "none" };
    return { kind: "secret", secret: readSecret(clientSecret, `The client secret of the server profile "${profile}"`) };
  } catch (error) {
    throw error instanceof Failure ? new Failure({ ...error, message: error.message, cause: error.cause, scope: "profile" }) : error;
  }
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure({
      scope: "profile",
      code: "certificate missing",
      message: `The file ${file} with the application's certificate cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      remedy: "Put the PEM file there, or correct oauth.certificate in the server profile.",
      waitingHelps: true,
      cause,
    });
  }
}
