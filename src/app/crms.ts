import { readFileSync } from "node:fs";
import { type Configuration, type DataverseConfiguration, readSecret } from "../config.ts";
import { ON_PREMISES, ONLINE, type ServiceLimits } from "../connectors/dataverse/client/limits.ts";
import { ON_PREMISES_VERSIONS, openNewestVersion } from "../connectors/dataverse/client/newest-version.ts";
import { openClient, type SignIn } from "../connectors/dataverse/client/open-client.ts";
import { type Dataverse, openDataverse } from "../connectors/dataverse/dataverse.ts";
import { openKeyIndex } from "../ledger/key-index.ts";
import { sendingNotes } from "../ledger/sending-notes.ts";
import { Failure } from "../model/failure.ts";
import type { Secret } from "../model/mailbox.ts";
import type { Credentials, Crm } from "../ports.ts";
import { OauthClient } from "../wire/oauth/client.ts";
import { oauthSettings } from "../wire/oauth/providers.ts";
import type { ClientProof } from "../wire/oauth/settings.ts";
import { adfsCredentials } from "./adfs.ts";
import { readAuthorities } from "./store-configuration.ts";
import { TokenKeeper, type TokenKeeperOptions } from "./token-keeper.ts";

type Common = Pick<TokenKeeperOptions, "database" | "keys" | "log" | "now"> & {
  /** Tells a mailbox that messages of it are to be decided again. */
  readonly wakeReceive: (mailboxId: string) => Promise<void>;
  /** Of organizations online, instead of those that are known. */
  readonly serviceLimits?: ServiceLimits | undefined;
};

/** The CRMs of all organizations, by name. */
export interface Crms {
  /** Undefined: the configuration has no such organization. */
  of(organization: string): Crm | undefined;
  close(): Promise<void>;
}

/** Opens the organizations of a configuration; asks none of them yet. */
export function openCrms({ organizations }: Configuration, embedded: Crm, common: Common): Crms {
  const elsewhere = new Map<string, Crm & Dataverse>();
  for (const one of organizations) if (one.kind === "dataverse") elsewhere.set(one.name, openElsewhere(one, common));
  const isEmbedded = new Set(organizations.flatMap(({ kind, name }) => (kind === "embedded" ? [name] : [])));
  return {
    of: (organization) => (isEmbedded.has(organization) ? embedded : elsewhere.get(organization)),
    close: async () => void (await Promise.all([...elsewhere.values()].map((crm) => crm.close()))),
  };
}

/** Online there is one version; on premises it is found out. */
const ONLINE_VERSION = "9.2";

function openElsewhere(one: DataverseConfiguration, common: Common): Crm & Dataverse {
  const { certificateAuthorities, application } = one;
  const authorities = certificateAuthorities === undefined ? null : readAuthorities(certificateAuthorities);
  const signIn = signInOf(one, authorities, common);
  const open = (version: string) =>
    openClient({
      address: `${one.url.replace(/\/+$/, "")}/api/data/v${version}/`,
      signIn,
      limits: application === undefined ? ON_PREMISES : (common.serviceLimits ?? ONLINE),
      certificateAuthorities: authorities,
    });
  const client = application === undefined ? openNewestVersion(one.url, ON_PREMISES_VERSIONS, open) : open(ONLINE_VERSION);
  const { database, now, wakeReceive } = common;
  const keys = openKeyIndex({ database, organization: one.name, now, wake: wakeReceive });
  const notes = sendingNotes(database, one.name);
  return openDataverse({ client, decides: one.decides === "dynamics", ownSettings: () => one.settings, index: { keys }, notes, now });
}

function signInOf(one: DataverseConfiguration, authorities: string | null, common: Common): SignIn {
  const { name, url, application, adfs, windows } = one;
  if (adfs !== undefined)
    return { kind: "token", credentials: ofOrganization(name, adfsCredentials({ name, url, adfs, authorities }, common)) };
  if (windows !== undefined) return { kind: "windows", credentials: ofWindowsAccount(name, windows), inClearText: false };
  if (application === undefined) throw new Error(`the organization ${name} has no way to sign in`);
  const { tenant, clientId, tokenEndpoint } = application;
  const settings = oauthSettings(
    {
      ...(tokenEndpoint === undefined ? { provider: "microsoft365" as const } : { provider: "other" as const, tokenEndpoint }),
      tenant,
      clientId,
      grant: "clientCredentials",
      // The organization itself, as a right (wire 7).
      scopes: [`${new URL(url).origin}/.default`],
    },
    [],
    authorities,
  );
  const keeper = new TokenKeeper({
    ...common,
    client: new OauthClient(settings, () => proofOf(name, application)),
    name: `organization:${name}`,
    holder: { name, scope: "profile", unattended: true },
  });
  return { kind: "token", credentials: ofOrganization(name, keeper.credentialsFor(clientId)) };
}

/** Read at each use, so that a renewed secret needs no restart. */
function proofOf(
  organization: string,
  { clientSecret, privateKey, certificate }: NonNullable<DataverseConfiguration["application"]>,
): ClientProof {
  if (privateKey === undefined || certificate === undefined)
    return {
      kind: "secret",
      secret: clientSecret === undefined ? "" : readSecret(clientSecret, `The client secret of the organization "${organization}"`),
    };
  return {
    kind: "key",
    key: readSecret(privateKey, `The private key of the organization "${organization}"`),
    certificate: readFileSync(certificate, "utf8"),
  };
}

function ofWindowsAccount(organization: string, { username, password }: NonNullable<DataverseConfiguration["windows"]>): Credentials {
  const read = async (): Promise<Secret> => ({
    kind: "password",
    username,
    password: readSecret(password, `The password of ${username} for the organization "${organization}"`),
  });
  return ofOrganization(organization, { current: read, refresh: read });
}

/** Whatever keeps Waypost from signing in is the trouble of the whole organization, whoever noticed it. */
function ofOrganization(organization: string, { current, refresh }: Credentials): Credentials {
  const widened = (ask: () => Promise<Secret>) => async () => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Failure) || error.scope === "process") throw error;
      const { message, cause } = error;
      throw new Failure({
        ...error,
        message: `Waypost cannot sign in to the organization "${organization}". ${message}`,
        cause,
        scope: "organization",
      });
    }
  };
  return { current: widened(current), refresh: widened(refresh) };
}
