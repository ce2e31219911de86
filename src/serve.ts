import { once } from "node:events";
import { openApp } from "./app.ts";
import { openServiceDoor } from "./command-line/service-door.ts";
import type { Configuration } from "./config.ts";
import { type Role, startEngine } from "./engine/engine.ts";
import type { Log } from "./engine/log.ts";
import { createMetrics } from "./server/metrics.ts";
import { startServer } from "./server/server.ts";

/** Mailboxes worked on at a time by one process, in each direction. */
const CONCURRENCY = 16;
/** How long a stopping process lets running jobs finish their page or email. */
const STOP_SECONDS = 20;

export interface ServeOptions {
  readonly roles: ReadonlySet<Role>;
  readonly log: Log;
}

/** A running service. */
export interface Service {
  /** Address of the web server; null without the role `web`. */
  readonly url: string | null;
  readonly app: Awaited<ReturnType<typeof openApp>>;
  /** A link that signs one reader in, once; null without the role `web`. */
  oneTimeLink(): string | null;
  stop(): Promise<void>;
}

/** Starts the service of a configuration. When a part of it cannot start, those before it are ended and the error is thrown. */
export async function startService(configuration: Configuration, { roles, log }: ServeOptions): Promise<Service> {
  await using started = new AsyncDisposableStack();
  const metrics = createMetrics();
  const app = started.use(await openApp(configuration, { log, measure: metrics.measure }));
  const { host, names, port } = configuration.listen;
  const { database, crm, operations, webApi } = app;
  const web = roles.has("web") ? await startServer({ database, crm, operations, metrics, log, host, names, port, webApi }) : null;
  started.defer(async () => web?.close());
  const engine = await startEngine(app.context, app.queue, {
    roles,
    organizations: app.organizations,
    pullSeconds: configuration.pullSeconds,
    auditHours: configuration.auditHours,
    concurrency: CONCURRENCY,
    retention: configuration.retention,
  });
  started.defer(() => engine.stop(STOP_SECONDS));
  // An embedded database belongs to one process: the command line reaches it through that process.
  if (web && "folder" in configuration.database) {
    const door = openServiceDoor(configuration.database.folder, { url: web.url, token: web.operationsToken });
    started.defer(() => door.close());
  }
  const running = started.move();
  return {
    url: web?.url ?? null,
    app,
    oneTimeLink: () => web?.oneTimeLink() ?? null,
    stop: () => running.disposeAsync(),
  };
}

/** Runs the service until `stop` aborts; when it does while the service starts, the service ends as soon as it has started. */
export async function serve(
  configuration: Configuration,
  { stop, ...options }: ServeOptions & { readonly stop: AbortSignal },
): Promise<void> {
  const service = await startService(configuration, options);
  const link = service.oneTimeLink();
  options.log.info({ url: service.url, roles: [...options.roles], mailboxes: configuration.mailboxes.length }, "waypost serves");
  if (link) process.stderr.write(`Waypost serves at ${service.url}. To read the CRM in a browser, open this link once: ${link}\n`);
  if (!stop.aborted) await once(stop, "abort");
  options.log.info({}, "waypost stops");
  await service.stop();
}
