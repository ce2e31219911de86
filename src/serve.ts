import { chmodSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { databasePlace, openApp } from "./app.ts";
import { DOOR_FILE } from "./command-line/service-door.ts";
import type { Configuration } from "./config.ts";
import { type Role, startEngine } from "./engine/engine.ts";
import type { Log } from "./engine/log.ts";
import { createMetrics } from "./server/metrics.ts";
import { startServer } from "./server/server.ts";

/** Mailboxes worked on at a time by one process, in each direction. */
const CONCURRENCY = 8;
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

/** Starts the service of a configuration. */
export async function startService(configuration: Configuration, { roles, log }: ServeOptions): Promise<Service> {
  const metrics = createMetrics();
  const app = await openApp(configuration, { log, measure: metrics.measure });
  try {
    const web = roles.has("web")
      ? await startServer({
          database: app.database,
          crm: app.crm,
          operations: app.operations,
          metrics,
          log,
          host: configuration.listen.host,
          port: configuration.listen.port,
        })
      : null;
    const engine = await startEngine(app.context, app.queue, {
      roles,
      organizations: app.organizations,
      pullSeconds: configuration.pullSeconds,
      concurrency: CONCURRENCY,
    });
    const door = web && openDoor(configuration, web.url, web.operationsToken);
    return {
      url: web?.url ?? null,
      app,
      oneTimeLink: () => web?.oneTimeLink() ?? null,
      async stop() {
        door?.close();
        await web?.close();
        await engine.stop(STOP_SECONDS);
        await app.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Runs the service until the process is told to end. */
export async function serve(configuration: Configuration, options: ServeOptions): Promise<void> {
  const service = await startService(configuration, options);
  const link = service.oneTimeLink();
  options.log.info({ url: service.url, roles: [...options.roles], mailboxes: configuration.mailboxes.length }, "waypost serves");
  if (link) process.stderr.write(`Waypost serves at ${service.url}. To read the CRM in a browser, open this link once: ${link}\n`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  options.log.info({}, "waypost stops");
  await service.stop();
}

/** An embedded database belongs to one process: the command line reaches it through that process, with a token only the folder's owner can read. */
function openDoor(configuration: Configuration, url: string, token: string): { close(): void } | null {
  const place = databasePlace(configuration);
  if (!("folder" in place)) return null;
  const file = path.join(place.folder, DOOR_FILE);
  writeFileSync(file, JSON.stringify({ url, token }), { mode: 0o600 });
  chmodSync(file, 0o600);
  return { close: () => rmSync(file, { force: true }) };
}
