import { getDomain } from "tldts";
import { type DataverseConfiguration, readSecret } from "../config.ts";
import { findSignIn } from "../connectors/dataverse/client/find-sign-in.ts";
import { Failure } from "../model/failure.ts";
import type { Credentials } from "../ports.ts";
import { OauthClient } from "../wire/oauth/client.ts";
import { oauthSettings } from "../wire/oauth/providers.ts";
import { TokenKeeper, type TokenKeeperOptions } from "./token-keeper.ts";

type Adfs = NonNullable<DataverseConfiguration["adfs"]>;
type Common = Pick<TokenKeeperOptions, "database" | "keys" | "log" | "now">;

export interface AdfsOrganization {
  readonly name: string;
  readonly url: string;
  readonly adfs: Adfs;
  /** PEM text; null: the system's alone. */
  readonly authorities: string | null;
}

/**
 * Sign-in data of a user account at AD FS (wire 9). Where the configuration leaves out the token endpoint or the resource, the organization itself is asked,
 * once, when it is first needed. Asks nobody before.
 */
export function adfsCredentials(organization: AdfsOrganization, common: Common): Credentials {
  let found: Promise<Credentials> | null = null;
  const credentials = () => {
    found ??= keeperOf(organization, common).catch((error: unknown) => {
      found = null;
      throw error;
    });
    return found;
  };
  return { current: async () => (await credentials()).current(), refresh: async () => (await credentials()).refresh() };
}

async function keeperOf(organization: AdfsOrganization, common: Common): Promise<Credentials> {
  const { name, adfs, authorities } = organization;
  const { clientId, clientSecret, username, password } = adfs;
  const settings = oauthSettings(
    { provider: "other", tenant: "", clientId, grant: "password", ...(await placesOf(organization)) },
    [],
    authorities,
  );
  const secret = () => (clientSecret === undefined ? null : readSecret(clientSecret, `The client secret of the organization "${name}"`));
  const keeper = new TokenKeeper({
    ...common,
    client: new OauthClient(settings, () => {
      const known = secret();
      return known === null ? { kind: "none" } : { kind: "secret", secret: known };
    }),
    name: `organization:${name}`,
    holder: { name, scope: "profile", unattended: true },
    login: () => ({ username, password: readSecret(password, `The password of ${username} for the organization "${name}"`) }),
  });
  return keeper.credentialsFor(username);
}

/** Whoever answers without having been signed in to may name any place; a password goes nowhere but where its organization is at home, or where it is told to. */
function isOfSameCompany(tokenEndpoint: string, url: string): boolean {
  const [one, other] = [new URL(tokenEndpoint).hostname, new URL(url).hostname];
  if (one === other) return true;
  const domain = getDomain(one, { allowPrivateDomains: true });
  return domain !== null && domain === getDomain(other, { allowPrivateDomains: true });
}

function strange(name: string, url: string, tokenEndpoint: string): Failure {
  return new Failure({
    scope: "organization",
    code: "sign-in elsewhere",
    message: `The organization "${name}" sends those who sign in to ${new URL(tokenEndpoint).host}, which is not of the same domain as ${new URL(url).host}. The password was not sent there.`,
    serverSaid: tokenEndpoint,
    remedy: `If that is your AD FS, enter it as tokenEndpoint in the section adfs of the organization.`,
    waitingHelps: false,
  });
}

/** Any version of the Web API says the same before somebody has signed in. */
const ANY_VERSION = "v8.2";

async function placesOf({ name, url, adfs, authorities }: AdfsOrganization): Promise<{ tokenEndpoint: string; resource: string }> {
  const { tokenEndpoint, resource } = adfs;
  if (tokenEndpoint !== undefined && resource !== undefined) return { tokenEndpoint, resource };
  const found = await findSignIn(`${url.replace(/\/+$/, "")}/api/data/${ANY_VERSION}/`, authorities);
  if (found.kind === "oauth" && tokenEndpoint === undefined && !isOfSameCompany(found.tokenEndpoint, url))
    throw strange(name, url, found.tokenEndpoint);
  if (found.kind === "oauth") return { tokenEndpoint: tokenEndpoint ?? found.tokenEndpoint, resource: resource ?? found.resource };
  const offered = found.schemes.length === 0 ? "nothing" : found.schemes.join(", ");
  throw new Failure({
    scope: "organization",
    code: "sign-in method not offered",
    message: `The organization "${name}" does not say where its users sign in by AD FS.`,
    serverSaid: `it offers ${offered}`,
    remedy:
      "Enter tokenEndpoint and resource in its section adfs, or have OAuth switched on there (Set-CrmSetting, OAuthClaimsSettings); a server without claims is signed in to by its section windows.",
    waitingHelps: false,
  });
}
