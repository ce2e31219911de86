import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Configuration, FilterName, SecretReference } from "./config.ts";
import { readSecret } from "./config.ts";
import { imapSystem } from "./connectors/imap/system.ts";
import { smtpSystem } from "./connectors/smtp/system.ts";
import { putQueues, putUsers } from "./crm/directory.ts";
import { type EmbeddedCrm, openEmbeddedCrm } from "./crm/embedded.ts";
import { writeSettings } from "./crm/settings.ts";
import type { Database } from "./database/database.ts";
import { openDatabase } from "./database/open.ts";
import type { EngineContext, Measure } from "./engine/context.ts";
import type { Log } from "./engine/log.ts";
import { type Operations, operationsOf } from "./engine/operations/operations.ts";
import { wake } from "./jobs/lease.ts";
import { type Queue, startQueue } from "./jobs/queue.ts";
import { closeAlertsOfRetired } from "./ledger/alerts.ts";
import { type MailboxSetting, storeMailboxes, storeProfiles } from "./ledger/mailboxes.ts";
import { addressKey } from "./model/address.ts";
import { Failure } from "./model/failure.ts";
import type { Endpoint, Secret, ServerProfile } from "./model/mailbox.ts";
import { DEFAULT_SETTINGS, type FilterMethod, type OrganizationSettings } from "./model/settings.ts";
import type { Credentials, MailSource, MailSystem } from "./ports.ts";

/** A configured Waypost with its database open: what the service, the commands and the tests work with. */
export interface App extends AsyncDisposable {
  readonly configuration: Configuration;
  readonly database: Database;
  readonly crm: EmbeddedCrm;
  readonly queue: Queue;
  readonly context: EngineContext;
  readonly operations: Operations;
  readonly organizations: readonly string[];
  close(): Promise<void>;
}

export interface AppOptions {
  readonly log: Log;
  readonly measure?: Measure;
  /** The clock; tests move it. */
  readonly now?: () => Date;
  /** Wins over the configuration: how a test gives the app its own database. The app does not close it. */
  readonly database?: Database;
}

const NO_MEASURE: Measure = { count() {}, observe() {} };

/** Opens the database, stores what the configuration says, and puts everything together. Starts no work yet. */
export async function openApp(configuration: Configuration, options: AppOptions): Promise<App> {
  const database =
    options.database ?? (await openDatabase({ ...databasePlace(configuration), report: (message) => options.log.warn({}, message) }));
  const now = options.now ?? (() => new Date());
  try {
    const crm = openEmbeddedCrm(database);
    await storeConfiguration(database, configuration, now());
    const queue = await startQueue(database, { report: (error) => options.log.error({ error }, "a job failed") });
    const organizations = configuration.organizations.map((one) => one.name);
    const systems = new Map<string, MailSystem>();
    const passwords = new Map(configuration.mailboxes.map((one) => [addressKey(one.address), one]));
    const context: EngineContext = {
      database,
      log: options.log,
      measure: options.measure ?? NO_MEASURE,
      now,
      crm: (organization) => {
        if (!organizations.includes(organization)) throw unknownOrganization(organization);
        return crm;
      },
      mailSystem: (profile) => {
        const open = systems.get(profile.name) ?? openMailSystem(profile);
        systems.set(profile.name, open);
        return open;
      },
      credentials: (address) => passwordOf(address, passwords.get(address)),
      wake: (work, mailboxId) => wake(queue, database, work, mailboxId),
    };
    const close = async () => {
      await queue.stop({ gracefulSeconds: 0 });
      await Promise.all([...systems.values()].map((system) => system[Symbol.asyncDispose]()));
      if (!options.database) await database.close();
    };
    return {
      configuration,
      database,
      crm,
      queue,
      context,
      organizations,
      operations: operationsOf(context, organizations),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    if (!options.database) await database.close();
    throw error;
  }
}

function databasePlace({ database }: Configuration): { url: string; poolSize?: number } | { folder: string } {
  if ("folder" in database) return { folder: database.folder };
  return {
    url: readSecret(database.url, "The URL of the database"),
    ...(database.poolSize !== undefined && { poolSize: database.poolSize }),
  };
}

/** The incoming and the outgoing connector of a profile as one mail system. */
function openMailSystem(profile: ServerProfile): MailSystem {
  const incoming = profile.incoming && imapSystem({ profile });
  const outgoing = profile.outgoing && smtpSystem({ profile });
  return {
    capabilities: { filesSentCopy: profile.filesSentCopy, stableMime: true, keepsIdsOnMove: false, push: incoming !== null },
    source(mailbox) {
      if (!incoming) throw noServer(profile, "incoming");
      return incoming.source(mailbox);
    },
    sender(mailbox) {
      if (!outgoing) throw noServer(profile, "outgoing");
      const sender = outgoing.sender(mailbox);
      if (!profile.filesSentCopy || !incoming) return sender;
      return { ...sender, wasSent: (messageId) => isInSent(incoming.source(mailbox), messageId) };
    },
    async *check(mailbox) {
      if (incoming) yield* incoming.check(mailbox);
      if (outgoing) yield* outgoing.check(mailbox);
    },
    watch: async (targets, signal) => {
      if (incoming) await incoming.watch(targets, signal);
    },
    async [Symbol.asyncDispose]() {
      await incoming?.[Symbol.asyncDispose]();
      await outgoing?.[Symbol.asyncDispose]();
    },
  };
}

/** SMTP cannot tell what became of a message; the folder into which the mail system files its own copies can. */
async function isInSent(source: MailSource, messageId: string): Promise<boolean | "cannot tell"> {
  try {
    const sent = (await source.folders()).find((folder) => folder.role === "sent");
    return sent === undefined ? "cannot tell" : (await source.find(sent.id, messageId)).length > 0;
  } finally {
    await source.close();
  }
}

/** What the file says goes into the ledger and the embedded CRM in one transaction; processes that start together do it one after the other. */
async function storeConfiguration(database: Database, configuration: Configuration, now: Date): Promise<void> {
  const profiles = configuration.serverProfiles.map(serverProfile);
  await database.transaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock(hashtext('waypost configuration'))");
    for (const organization of configuration.organizations) {
      await tx.query("update crm.organization set name = $1", [organization.name]);
      await writeSettings(tx, organization.settings as Partial<OrganizationSettings>);
    }
    const users = await putUsers(
      tx,
      configuration.users.map((user) => ({
        name: user.name,
        address: user.email,
        otherAddresses: user.otherEmails,
        filter: FILTER_METHODS[user.filter],
        letsOthersSend: user.letsOthersSend,
        maySendAsOthers: user.maySendAsOthers,
      })),
    );
    const queues = await putQueues(
      tx,
      configuration.queues.map((queue) => ({
        name: queue.name,
        address: queue.email,
        filter: FILTER_METHODS[queue.filter],
        owner: queue.owner,
      })),
    );
    await storeProfiles(
      tx,
      configuration.organizations.map(({ name, kind }) => ({ name, kind })),
      profiles,
    );
    await storeMailboxes(
      tx,
      configuration.mailboxes.map((mailbox) => mailboxSetting(configuration, mailbox, users, queues)),
      now,
    );
    await closeAlertsOfRetired(tx, now);
  }, "store configuration");
}

const FILTER_METHODS: Readonly<Record<FilterName, FilterMethod>> = { all: 0, replies: 1, contacts: 2, records: 3, none: 4 };

const DEFAULT_PORTS = { imap: { tls: 993, starttls: 143, none: 143 }, smtp: { tls: 465, starttls: 587, none: 25 } } as const;

function serverProfile(profile: Configuration["serverProfiles"][number]): ServerProfile {
  return {
    name: profile.name,
    incoming: profile.incoming ? endpoint(profile.incoming) : null,
    outgoing: profile.outgoing ? endpoint(profile.outgoing) : null,
    folders: profile.folders,
    filesSentCopy: profile.filesSentCopy,
    maxConcurrentConnections: profile.maxConcurrentConnections,
    maximumMessageSize: Math.round(profile.maximumMessageMegabytes * 1024 * 1024),
  };
}

function endpoint(given: NonNullable<Configuration["serverProfiles"][number]["incoming" | "outgoing"]>): Endpoint {
  return {
    protocol: given.protocol,
    host: given.host,
    port: given.port ?? DEFAULT_PORTS[given.protocol][given.security],
    security: given.security,
    authentication: given.authentication,
    certificateAuthorities: given.certificateAuthorities === undefined ? null : readAuthorities(given.certificateAuthorities),
    verifyCertificate: given.verifyCertificate,
    timeout: given.timeoutSeconds * 1000,
  };
}

function readAuthorities(file: string): string {
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
  mailbox: Configuration["mailboxes"][number],
  users: ReadonlyMap<string, string>,
  queues: ReadonlyMap<string, string>,
): MailboxSetting {
  const owner = mailbox.user === undefined ? queues.get(addressKey(mailbox.queue ?? "")) : users.get(addressKey(mailbox.user));
  const [firstOrganization] = configuration.organizations;
  const [firstProfile] = configuration.serverProfiles;
  return {
    id: randomUUID(),
    organization: mailbox.organization ?? firstOrganization?.name ?? "",
    address: mailbox.address,
    profile: mailbox.profile ?? firstProfile?.name ?? "",
    owner: owner === undefined ? { type: "forward" } : { type: mailbox.user === undefined ? "queue" : "systemuser", id: owner },
    username: mailbox.username ?? mailbox.address,
    incoming: mailbox.incoming,
    outgoing: mailbox.outgoing,
    active: mailbox.active,
    approved: mailbox.approved || !approvalRequired(configuration, mailbox),
    readFrom: mailbox.readFrom === undefined ? null : new Date(mailbox.readFrom),
  };
}

/** `requireapprovalforuseremail`, `requireapprovalforqueueemail`: false lets unapproved addresses take part. */
function approvalRequired(configuration: Configuration, mailbox: Configuration["mailboxes"][number]): boolean {
  const settings = {
    ...DEFAULT_SETTINGS,
    ...configuration.organizations.find((one) => mailbox.organization === undefined || one.name === mailbox.organization)?.settings,
  };
  return mailbox.queue === undefined ? settings.requireapprovalforuseremail !== false : settings.requireapprovalforqueueemail !== false;
}

/** Read at each use, so that a changed password file or a mended secret needs no restart. */
function passwordOf(
  address: string,
  mailbox: { username?: string | undefined; password?: SecretReference | undefined } | undefined,
): Credentials {
  const read = async (): Promise<Secret> => ({
    kind: "password",
    username: mailbox?.username ?? address,
    password: mailbox?.password ? readSecret(mailbox.password, `The password of ${address}`) : "",
  });
  return { current: read, refresh: read };
}

function noServer(profile: ServerProfile, direction: string): Failure {
  return new Failure({
    scope: "profile",
    code: `no ${direction} server`,
    message: `The server profile "${profile.name}" has no ${direction} server.`,
    remedy: `Add "${direction}" to it.`,
    waitingHelps: false,
  });
}

function unknownOrganization(name: string): Failure {
  return new Failure({
    scope: "organization",
    code: "organization unknown",
    message: `The organization "${name}" is not in the configuration any more.`,
    remedy: "Put it back, or remove its mailboxes.",
    waitingHelps: false,
  });
}
