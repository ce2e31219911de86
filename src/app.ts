import { openAuthorizations } from "./app/authorizations.ts";
import { passwordOf } from "./app/credentials.ts";
import { openCrms } from "./app/crms.ts";
import { openMailSystem } from "./app/mail-systems.ts";
import { sealingKeys } from "./app/sealing-key.ts";
import { signInOf } from "./app/service-account.ts";
import { storeConfiguration } from "./app/store-configuration.ts";
import { tokenKeepers } from "./app/tokens.ts";
import { type ConfiguredWebApi, configuredWebApi } from "./app/web-api.ts";
import { type Configuration, readSecret } from "./config.ts";
import type { ServiceLimits } from "./connectors/dataverse/client/limits.ts";
import { type EmbeddedCrm, openEmbeddedCrm } from "./crm/embedded.ts";
import type { Database } from "./database/database.ts";
import { openDatabase } from "./database/open.ts";
import { Connections } from "./engine/connections/connections.ts";
import { LIMIT_ALERT } from "./engine/connections/learn.ts";
import type { EngineContext, Measure } from "./engine/context.ts";
import type { Log } from "./engine/log.ts";
import { countedAs } from "./engine/opening.ts";
import { type Operations, operationsOf } from "./engine/operations/operations.ts";
import { wake } from "./jobs/lease.ts";
import { type Queue, startQueue } from "./jobs/queue.ts";
import { closeAlerts } from "./ledger/alerts.ts";
import type { KeyRing } from "./ledger/sealing.ts";
import { sealAnew } from "./ledger/secrets.ts";
import { ContentReader } from "./mime/content-reader.ts";
import { addressKey } from "./model/address.ts";
import { Failure } from "./model/failure.ts";
import type { MailSystem } from "./ports.ts";

export { checkConfiguration } from "./app/check-configuration.ts";
export { discoverServers } from "./app/discover.ts";

/** A configured Waypost with its database open: what the service, the commands and the tests work with. */
export interface App extends AsyncDisposable {
  readonly configuration: Configuration;
  readonly database: Database;
  readonly crm: EmbeddedCrm;
  readonly queue: Queue;
  readonly context: EngineContext;
  readonly operations: Operations;
  readonly organizations: readonly string[];
  /** Null: it is not served. */
  readonly webApi: ConfiguredWebApi | null;
  close(): Promise<void>;
}

export interface AppOptions {
  readonly log: Log;
  readonly measure?: Measure;
  /** The clock; tests move it. */
  readonly now?: () => Date;
  /** Wins over the configuration: how a test gives the app its own database. The app does not close it. */
  readonly database?: Database;
  /** Reads messages; tests give it less patience. The app closes it. */
  readonly content?: ContentReader;
  /** Instead of what Dynamics online allows; measurements shorten its window. */
  readonly serviceLimits?: ServiceLimits | undefined;
}

const NO_MEASURE: Measure = { count() {}, observe() {} };

/** Opens the database, stores what the configuration says, and puts everything together. Starts no work yet. */
export async function openApp(configuration: Configuration, options: AppOptions): Promise<App> {
  const database =
    options.database ?? (await openDatabase({ ...databasePlace(configuration), report: (message) => options.log.warn({}, message) }));
  const now = options.now ?? (() => new Date());
  // What is open is closed again when the rest cannot be put together: a queue that goes on would keep the process alive.
  await using starting = new AsyncDisposableStack();
  if (!options.database) starting.defer(() => database.close());
  const crm = openEmbeddedCrm(database);
  await storeConfiguration(database, configuration, now());
  const queue = await startQueue(database, { report: (error) => options.log.error({ error }, "a job failed") });
  starting.defer(() => queue.stop({ gracefulSeconds: 0 }));
  const organizations = configuration.organizations.map((one) => one.name);
  const systems = new Map<string, MailSystem>();
  const content = options.content ?? new ContentReader();
  const passwords = new Map(configuration.mailboxes.map((one) => [addressKey(one.address), one]));
  const signIns = new Map(configuration.serverProfiles.map(({ name }) => [name, signInOf(configuration, name)]));
  const signInFor = (profile: string) => signIns.get(profile) ?? signInOf(configuration, profile);
  const opening: EngineContext["opening"] = ({ address, username, profile }, direction) =>
    signInFor(profile).opening(address, username, direction);
  const connections = new Connections({
    database,
    now,
    countedAs: (mailbox, direction) => countedAs(opening(mailbox, direction)),
    wake: (tx, work, mailboxId) => wake(queue, database, work, mailboxId, tx),
    report: (error) => options.log.warn({ error }, "a connection was not given back; the next sweep does it"),
    eased: async (profile) => void (await closeAlerts(database, "profile", profile, LIMIT_ALERT, now())),
  });
  const common = { database, log: options.log, now, keys: await openKeys(configuration, database) };
  const keepers = tokenKeepers(configuration, common);
  const wakeReceive = (mailboxId: string) => wake(queue, database, "receive", mailboxId);
  const crms = openCrms(configuration, crm, { ...common, wakeReceive, serviceLimits: options.serviceLimits });
  const authorizations = openAuthorizations(configuration, keepers, () => context);
  const context: EngineContext = {
    database,
    log: options.log,
    measure: options.measure ?? NO_MEASURE,
    now,
    crm: (organization) => {
      const found = crms.of(organization);
      if (found === undefined) throw unknownOrganization(organization);
      return found;
    },
    mailSystem: (profile) => {
      const open = systems.get(profile.name) ?? openMailSystem(profile, signInFor(profile.name));
      systems.set(profile.name, open);
      return open;
    },
    content,
    credentials(address) {
      const mailbox = passwords.get(address);
      return keepers.ofMailbox(address)?.credentialsFor(mailbox?.username ?? address) ?? passwordOf(address, mailbox);
    },
    opening,
    authorizations,
    wake: (work, mailboxId) => wake(queue, database, work, mailboxId),
    connections,
  };
  const close = async () => {
    await authorizations[Symbol.asyncDispose]();
    await queue.stop({ gracefulSeconds: 0 });
    await content.close();
    await Promise.all([...systems.values()].map((system) => system[Symbol.asyncDispose]()));
    await connections.close();
    await crms.close();
    if (!options.database) await database.close();
  };
  const webApi = configuredWebApi(configuration, database, options.log, now);
  starting.move();
  return {
    configuration,
    database,
    crm,
    queue,
    context,
    organizations,
    operations: operationsOf(context, organizations),
    webApi,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The keys that seal tokens, read once, where there are tokens; what an older key sealed is sealed with the newest one from now on. */
async function openKeys(configuration: Configuration, database: Database): Promise<() => KeyRing> {
  if (!keepsTokens(configuration)) return () => sealingKeys(configuration);
  const ring = sealingKeys(configuration);
  await database.transaction((tx) => sealAnew(tx, ring), "seal anew");
  return () => ring;
}

function keepsTokens({ serverProfiles, organizations }: Configuration): boolean {
  return (
    serverProfiles.some((one) => one.oauth !== undefined) ||
    organizations.some((one) => one.kind === "dataverse" && one.windows === undefined)
  );
}

function databasePlace({ database }: Configuration): { url: string; poolSize?: number } | { folder: string } {
  if ("folder" in database) return { folder: database.folder };
  return {
    url: readSecret(database.url, "The URL of the database"),
    ...(database.poolSize !== undefined && { poolSize: database.poolSize }),
  };
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
