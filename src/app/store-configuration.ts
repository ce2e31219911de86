import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Configuration, FilterName, OrganizationConfiguration } from "../config.ts";
import { putDefaultQueues, putQueues, putUsers } from "../crm/directory.ts";
import { tellNewAddresses } from "../crm/new-addresses.ts";
import { writeSettings } from "../crm/settings.ts";
import { type Identity, putIdentities } from "../crm/webapi/identities.ts";
import { putBuiltInRoles, putUserRoles } from "../crm/webapi/roles.ts";
import type { Database } from "../database/database.ts";
import { storeAfterwards } from "../ledger/afterwards.ts";
import { alertPendingApprovals, closeAlertsOfRetired } from "../ledger/alerts.ts";
import type { ApprovalInFile } from "../ledger/approvals.ts";
import { storeMailHosts } from "../ledger/connections.ts";
import { type MailboxSetting, storeMailboxes, storeProfiles } from "../ledger/mailboxes.ts";
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { ForwardTrust } from "../model/forwarded.ts";
import type { Endpoint, MailboxOwner, ServerProfile } from "../model/mailbox.ts";
import { AUTO_CREATE, DEFAULT_SETTINGS, type FilterMethod, type OrganizationSettings } from "../model/settings.ts";

/** What the file says goes into the ledger and the embedded CRM in one transaction; processes that start together do it one after the other. */
export async function storeConfiguration(database: Database, configuration: Configuration, now: Date): Promise<void> {
  const profiles = configuration.serverProfiles.map(serverProfile);
  await database.transaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock(hashtext('waypost configuration'))");
    for (const organization of configuration.organizations) {
      if (organization.kind !== "embedded") continue;
      await tx.query("update crm.organization set name = $1", [organization.name]);
      await writeSettings(tx, organization.settings as Partial<OrganizationSettings>);
      await tellNewAddresses(tx, organization.trackAfterwards.automatically);
    }
    const users = await putUsers(
      tx,
      configuration.users.map((user) => ({
        name: user.name,
        address: user.email,
        otherAddresses: user.otherEmails,
        aliases: user.aliases,
        filter: FILTER_METHODS[user.filter],
        autoCreates: AUTO_CREATE[user.autoCreate],
        mayWriteEmails: user.mayWriteEmails,
        letsOthersSend: user.letsOthersSend,
        maySendAsOthers: user.maySendAsOthers,
      })),
      "all",
    );
    await putBuiltInRoles(tx);
    await putIdentities(tx, identitiesOf(configuration, users));
    await putUserRoles(tx, new Map(configuration.users.map(({ email, roles }) => [users.get(addressKey(email)) ?? "", roles])));
    const queues = await putQueues(
      tx,
      configuration.queues.map((queue) => ({
        name: queue.name,
        address: queue.email,
        aliases: queue.aliases,
        filter: FILTER_METHODS[queue.filter],
        owner: queue.owner,
      })),
      "all",
    );
    await putDefaultQueues(tx, defaultQueues(configuration, users, queues));
    await storeProfiles(
      tx,
      configuration.organizations.map(({ name, kind }) => ({ name, kind })),
      profiles,
    );
    for (const { name, trackAfterwards } of configuration.organizations) await storeAfterwards(tx, name, trackAfterwards);
    await storeMailHosts(tx, hostLimits(configuration, profiles));
    await storeMailboxes(
      tx,
      configuration.mailboxes.map((mailbox) => mailboxSetting(configuration, mailbox, users, queues)),
      now,
    );
    await closeAlertsOfRetired(tx, now);
    await alertPendingApprovals(tx, now);
  }, "store configuration");
}

/** How users sign in to the Web API, by ids. */
function identitiesOf(configuration: Configuration, users: ReadonlyMap<string, string>): ReadonlyMap<string, Identity> {
  return new Map(
    configuration.users.map(({ email, objectId, applicationId, signInName }) => [
      users.get(addressKey(email)) ?? "",
      { objectId: objectId ?? null, applicationId: applicationId ?? null, domainName: signInName ?? null },
    ]),
  );
}

/** By ids; null: the user has none. */
function defaultQueues(
  configuration: Configuration,
  users: ReadonlyMap<string, string>,
  queues: ReadonlyMap<string, string>,
): Map<string, string | null> {
  return new Map(
    configuration.users.flatMap(({ email, defaultQueue }) => {
      const user = users.get(addressKey(email));
      return user === undefined ? [] : [[user, queues.get(addressKey(defaultQueue ?? "")) ?? null]];
    }),
  );
}

/** How many connections each host may be asked for: its own setting, else the smallest limit of the profiles that lead there. */
function hostLimits({ hosts }: Configuration, profiles: readonly ServerProfile[]): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const { incoming, outgoing, maxConcurrentConnections } of profiles) {
    for (const endpoint of [incoming, outgoing]) {
      const host = endpoint?.host.toLowerCase();
      if (host !== undefined) limits.set(host, Math.min(limits.get(host) ?? maxConcurrentConnections, maxConcurrentConnections));
    }
  }
  for (const [host, own] of Object.entries(hosts)) limits.set(host.toLowerCase(), own.maxConcurrentConnections);
  return limits;
}

const FILTER_METHODS: Readonly<Record<FilterName, FilterMethod>> = { all: 0, replies: 1, contacts: 2, records: 3, none: 4 };

const DEFAULT_PORTS = {
  imap: { tls: 993, starttls: 143, none: 143 },
  pop3: { tls: 995, starttls: 110, none: 110 },
  smtp: { tls: 465, starttls: 587, none: 25 },
} as const;

function serverProfile(profile: Configuration["serverProfiles"][number]): ServerProfile {
  return {
    name: profile.name,
    incoming: profile.incoming ? endpoint(profile.incoming, profile.oauth !== undefined) : null,
    outgoing: profile.outgoing ? endpoint(profile.outgoing, profile.oauth !== undefined) : null,
    folders: profile.folders,
    filesSentCopy: profile.filesSentCopy,
    marksTracked: profile.marksTracked,
    maxConcurrentConnections: profile.maxConcurrentConnections,
    maximumMessageSize: Math.round(profile.maximumMessageMegabytes * 1024 * 1024),
  };
}

function endpoint(given: NonNullable<Configuration["serverProfiles"][number]["incoming" | "outgoing"]>, withTokens: boolean): Endpoint {
  return {
    protocol: given.protocol,
    host: given.host,
    port: given.port ?? DEFAULT_PORTS[given.protocol][given.security],
    security: given.security,
    authentication: withTokens && given.authentication === "auto" ? "oauth" : given.authentication,
    certificateAuthorities: given.certificateAuthorities === undefined ? null : readAuthorities(given.certificateAuthorities),
    verifyCertificate: given.verifyCertificate,
    timeout: given.timeoutSeconds * 1000,
  };
}

/** The PEM text in a file of certificate authorities. Throws a Failure when it cannot be read. */
export function readAuthorities(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure({
      scope: "process",
      code: "certificate authorities missing",
      message: `The file ${file} with certificate authorities cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: "Put the PEM file there, or correct certificateAuthorities in the server profile.",
      waitingHelps: false,
      cause,
    });
  }
}

function mailboxSetting(
  configuration: Configuration,
  mailbox: MailboxConfiguration,
  users: ReadonlyMap<string, string>,
  queues: ReadonlyMap<string, string>,
): MailboxSetting {
  const organization = organizationOf(configuration, mailbox);
  const profile = configuration.serverProfiles.find((one) => mailbox.profile === undefined || one.name === mailbox.profile);
  return {
    id: randomUUID(),
    organization: organization?.name ?? "",
    address: mailbox.address,
    profile: profile?.name ?? "",
    owner: ownerOf(mailbox, organization?.kind === "embedded" ? { users, queues } : null),
    username: mailbox.username ?? mailbox.address,
    incoming: mailbox.incoming,
    outgoing: mailbox.outgoing ?? !mailbox.forward,
    forwardTrust: mailbox.forward ? forwardTrust(mailbox) : null,
    active: mailbox.active,
    approvedInFile: approvedInFile(mailbox),
    approvalRequired: approvalRequired(configuration, mailbox),
    requireTest: profile?.requireTest ?? false,
    deleteAfterProcessing: mailbox.deleteAfterProcessing,
    readFrom: mailbox.readFrom === undefined ? null : new Date(mailbox.readFrom),
  };
}

type MailboxConfiguration = Configuration["mailboxes"][number];

function organizationOf({ organizations }: Configuration, { organization }: MailboxConfiguration): OrganizationConfiguration | undefined {
  return organization === undefined ? organizations[0] : organizations.find((one) => one.name === organization);
}

/** `directory`: the ids of the users and queues of the embedded CRM; null: the CRM stands elsewhere, and knows them by their addresses. */
function ownerOf(
  { user, queue }: MailboxConfiguration,
  directory: { readonly users: ReadonlyMap<string, string>; readonly queues: ReadonlyMap<string, string> } | null,
): MailboxOwner {
  const address = user ?? queue;
  if (address === undefined) return { type: "forward" };
  const type = user === undefined ? "queue" : "systemuser";
  if (directory === null) return { type, address };
  const id = (user === undefined ? directory.queues : directory.users).get(addressKey(address));
  return id === undefined ? { type: "forward" } : { type, id };
}

function forwardTrust({ trust }: MailboxConfiguration): ForwardTrust {
  return { authenticationResults: trust?.authenticationResults?.toLowerCase() ?? null, forwardingServers: trust?.forwardingServers ?? [] };
}

/** An address approves itself by its name; the name of an earlier one does not approve the one that took its place. */
function approvedInFile({ address, approved }: MailboxConfiguration): ApprovalInFile {
  if (typeof approved === "string") return addressKey(approved) === addressKey(address) ? "this address" : "no";
  return approved ? "yes" : "no";
}

/** `requireapprovalforuseremail`, `requireapprovalforqueueemail`: false lets unapproved addresses take part. */
function approvalRequired(configuration: Configuration, mailbox: MailboxConfiguration): boolean {
  const organization = organizationOf(configuration, mailbox);
  const settings = { ...DEFAULT_SETTINGS, ...(organization?.kind === "embedded" && organization.settings) };
  return mailbox.queue === undefined ? settings.requireapprovalforuseremail !== false : settings.requireapprovalforqueueemail !== false;
}
