import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Behaviour } from "../../src/crm/webapi/behaviour.ts";
import { type CuttingProxy, startCuttingProxy } from "../servers/cutting-proxy.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import type { ServerName } from "../servers/needs.ts";
import { type Postfix, startPostfix } from "../servers/postfix.ts";
import { postgresForTests, startPostgres } from "../servers/postgres.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { serveElsewhere } from "./elsewhere.ts";
import { count, type Facts, type Place, type SeededEmail, seed } from "./facts.ts";
import { RequestKills, type RequestMoment } from "./request-kills.ts";
import { type Service, serves, startService } from "./service.ts";

export type EngineName = "pglite" | "postgres";

export const DOMAIN = "example.test";
const PROFILE = "Mail";
const PASSWORD = "correct-horse";

/** A mailbox that Waypost reads and sends for. */
export interface WorldMailbox {
  readonly name: string;
  readonly kind: "user" | "queue";
  readonly filter: "all" | "replies";
  /** A server profile of its own, so that its trouble stays its own; by default all share one. */
  readonly profile?: string;
  /** Read by POP3 instead of IMAP, which all mailboxes of a profile are then. */
  readonly pop3?: boolean;
  /** Processed messages are deleted from it. */
  readonly deletes?: boolean;
}

export interface WorldOptions {
  readonly mailboxes: readonly WorldMailbox[];
  /** Accounts of the mail server of which Waypost knows nothing. */
  readonly outsiders?: readonly string[];
  /** Its PostgreSQL is one of its own that writes what it commits through to the disk; default: that of the test run, which does not. */
  readonly durable?: boolean;
  /** Waypost reaches the servers through proxies, two for each server profile; default false. */
  readonly proxied?: boolean;
  /** The CRM stands elsewhere and is reached over Dynamics' Web API. Default: the embedded one, in the same database. */
  readonly dynamics?: Dynamics;
}

export interface Dynamics {
  /** As in the configuration. */
  readonly decides: "dynamics" | "waypost";
  /** What it does where nobody knows for certain what Dynamics does. */
  readonly behaviour?: Partial<Behaviour>;
}

/** The way of one server profile to the servers, to be cut. */
export interface Proxies {
  readonly imap: CuttingProxy;
  readonly smtp: CuttingProxy;
}

/** A Dovecot, a Postfix that delivers to it, a database and a `waypost.yaml`: all that the real command needs. */
export interface World extends AsyncDisposable {
  readonly engine: EngineName;
  readonly dovecot: Dovecot;
  readonly postfix: Postfix;
  /** By server profile. */
  readonly proxies: ReadonlyMap<string, Proxies>;
  /** Starts `waypost serve`; ended processes keep their trace. `killAtRequest`: where the CRM stands elsewhere. */
  start(options?: { readonly killAt?: string; readonly killAtRequest?: RequestMoment; readonly roles?: string }): Service;
  /** A first start makes the database; returns its and a second start's milliseconds until it serves. */
  prepare(): Promise<{ readonly firstStart: number; readonly start: number }>;
  /** Facts; only while no Waypost runs. */
  count(): Promise<Facts>;
  /** Makes emails pending; in an embedded database only while no Waypost runs. */
  seed(emails: readonly SeededEmail[]): Promise<void>;
}

/** A few words for such a CRM, behind the name of the database. */
export function whereIs(engine: EngineName, dynamics?: Dynamics): string {
  if (dynamics === undefined) return engine;
  const switched = Object.entries(dynamics.behaviour ?? {}).map(([name, value]) => `, ${name} ${value}`);
  return `${engine}, Dynamics elsewhere, ${dynamics.decides} decides${switched.join("")}`;
}

/** What must be there for such a world. */
export function serversFor(engine: EngineName, dynamics?: WorldOptions["dynamics"]): readonly ServerName[] {
  return ["dovecot", "postfix", ...(engine === "postgres" || dynamics !== undefined ? (["postgres"] as const) : [])];
}

export function addressOf(user: string): string {
  return `${user}@${DOMAIN}`;
}

export async function makeWorld(engine: EngineName, options: WorldOptions): Promise<World> {
  await using made = new AsyncDisposableStack();
  const folder = temporaryFolder("faults");
  made.defer(() => removeFolder(folder));
  const names = [...options.mailboxes.map((one) => one.name), ...(options.outsiders ?? [])];
  const users = Object.fromEntries(names.map((name) => [name, PASSWORD]));
  const dovecot = made.use(await startDovecot({ users }));
  const postfix = made.use(
    await startPostfix({
      deliverTo: { lmtp: dovecot.ports.lmtp },
      sasl: { port: dovecot.ports.sasl },
      requireSignIn: true,
      // Short ids are used again, and then a log line says nothing.
      extra: "enable_long_queue_ids = yes",
    }),
  );
  const database: Place = engine === "pglite" ? { folder: path.join(folder, "data") } : await postgresPlace(made, options);
  const proxies = new Map<string, Proxies>();
  for (const name of options.proxied ? profilesOf(options) : []) {
    const imap = made.use(await startCuttingProxy(dovecot.ports.imap));
    proxies.set(name, { imap, smtp: made.use(await startCuttingProxy(postfix.ports.smtp)) });
  }
  const portsOf = (profile: string) => {
    const { imap, smtp } = proxies.get(profile) ?? {};
    return { imap: imap?.port ?? dovecot.ports.imap, pop3: dovecot.ports.pop3, smtp: smtp?.port ?? postfix.ports.smtp };
  };
  const config = path.join(folder, "waypost.yaml");
  const written = configuration(database, options, portsOf);
  const { dynamics } = options;
  const requestKills = new RequestKills();
  const elsewhere =
    dynamics === undefined
      ? null
      : made.use(await serveElsewhere(written, dynamics.decides, { behaviour: dynamics.behaviour ?? {}, hook: requestKills }));
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({ ...written, ...(elsewhere && { organizations: [elsewhere.organization], users: [], queues: [] }) }),
  );
  const environment = {
    WAYPOST_TEST_PASSWORD: PASSWORD,
    ...("url" in database && { WAYPOST_TEST_SERVICE_URL: database.url }),
    ...elsewhere?.environment,
  };
  const crmPlace: Place = elsewhere?.place ?? database;
  const services: Service[] = [];
  made.defer(async () => void (await Promise.all(services.filter((one) => one.running()).map((one) => one.kill()))));
  const keep = made.move();
  const world: World = {
    engine,
    dovecot,
    postfix,
    proxies,
    start({ killAt, killAtRequest, roles } = {}) {
      const service = startService({ config, trace: path.join(folder, `steps-${services.length}`), environment, killAt, roles });
      services.push(service);
      if (killAtRequest !== undefined) requestKills.plan(service, killAtRequest);
      return service;
    },
    async prepare() {
      const milliseconds: number[] = [];
      for (const _ of ["first", "second"]) {
        const service = world.start();
        await service.until("it serves", serves);
        milliseconds.push(Date.now() - service.startedAt);
        await service.stop();
      }
      return { firstStart: milliseconds[0] ?? 0, start: milliseconds[1] ?? 0 };
    },
    count: () =>
      count({ database, crm: crmPlace, imap: { port: dovecot.ports.imap, users }, postfixLog: path.join(postfix.folder, "postfix.log") }),
    seed: (emails) => seed(crmPlace, emails),
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
  return world;
}

async function postgresPlace(made: AsyncDisposableStack, { durable = false }: WorldOptions): Promise<Place> {
  if (durable) return { url: made.use(await startPostgres()).url };
  const { url, drop } = await postgresForTests();
  made.defer(drop);
  return { url };
}

function profilesOf({ mailboxes }: WorldOptions): string[] {
  return [...new Set(mailboxes.map(({ profile }) => profile ?? PROFILE))];
}

function configuration(
  database: Place,
  options: WorldOptions,
  portsOf: (profile: string) => { imap: number; pop3: number; smtp: number },
): object {
  const { mailboxes } = options;
  const server = { host: "127.0.0.1", security: "none" };
  const incomingOf = (name: string) =>
    mailboxes.some((one) => one.pop3 === true && (one.profile ?? PROFILE) === name)
      ? { protocol: "pop3", port: portsOf(name).pop3 }
      : { port: portsOf(name).imap };
  return {
    database: "folder" in database ? database : { url: { env: "WAYPOST_TEST_SERVICE_URL" } },
    listen: { host: "127.0.0.1", port: 0 },
    pullSeconds: 5,
    organizations: [{ name: "Company", kind: "embedded", settings: { allowunresolvedpartiesonemailsend: true } }],
    serverProfiles: profilesOf(options).map((name) => ({
      name,
      incoming: { ...server, ...incomingOf(name) },
      outgoing: { ...server, port: portsOf(name).smtp },
    })),
    users: mailboxes.filter(isUser).map(({ name, filter }) => ({ name, email: addressOf(name), filter })),
    queues: mailboxes.filter((one) => !isUser(one)).map(({ name, filter }) => ({ name, email: addressOf(name), filter })),
    mailboxes: mailboxes.map((one) => ({
      address: addressOf(one.name),
      profile: one.profile ?? PROFILE,
      ...(isUser(one) ? { user: addressOf(one.name) } : { queue: addressOf(one.name) }),
      password: { env: "WAYPOST_TEST_PASSWORD" },
      readFrom: "2020-01-01T00:00:00Z",
      ...(one.deletes === true && { deleteAfterProcessing: true }),
    })),
  };
}

function isUser({ kind }: WorldMailbox): boolean {
  return kind === "user";
}
