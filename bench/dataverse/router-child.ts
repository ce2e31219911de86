/** Run as another process by the bench: `router-child.ts <task as JSON>`. Waypost reads the mailboxes into its CRM; its last line is the result as JSON. */
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../src/app.ts";
import type { ServiceLimits } from "../../src/connectors/dataverse/client/limits.ts";
import type { Place } from "../../src/database/database.ts";
import type { Log } from "../../src/engine/log.ts";
import { mailInMemory } from "../mail-in-memory.ts";
import type { ServedCrm } from "./crm-child.ts";
import { type Delays, delaysOf } from "./delays.ts";
import { putDirectory } from "./directory.ts";
import { inboxOf, type MadeMailbox } from "./mailboxes.ts";

export interface RouterTask {
  /** Of its own ledger, and of the CRM where that is in process. */
  readonly place: Place;
  /** Null: the embedded CRM in the same process. */
  readonly crm: ServedCrm | null;
  readonly mailboxes: readonly MadeMailbox[];
  /** `once`: each mailbox is read to its end, behind a first look at what the organization holds, as the service begins with one. `service`: the jobs of the service read them as mail arrives, until all are decided. */
  readonly way: "once" | "service";
  /** What it is to believe of the organization's limits; null: those of Dynamics online. */
  readonly limits: ServiceLimits | null;
}

export interface RouterResult {
  readonly seconds: number;
  /** Of the processor, all threads of this process together. */
  readonly processorSeconds: number;
  readonly received: number;
  readonly tracked: number;
  /** Rounds that ended because the organization was busy. */
  readonly busyRounds: number;
  /** From arrival to decision, of each mailbox in which mail arrives by and by. */
  readonly delays: readonly Delays[];
}

// As the `waypost` command does before it loads anything.
await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");
const { startEngine } = await import("../../src/engine/engine.ts");
const { newKey } = await import("../../src/ledger/sealing.ts");

const ORGANIZATION = "CRM";
/** As `waypost serve`. */
const AT_ONCE = 16;
/** Milliseconds between two looks whether all is decided, and after which it is given up. */
const LOOK = 500;
const GIVEN_UP = 30 * 60_000;

let busyRounds = 0;
const complaining = (fields: object, message: string) => {
  const code: unknown = Reflect.get(fields, "code") ?? Reflect.get(Object(Reflect.get(fields, "error")), "code");
  if (code === "organization busy") busyRounds += 1;
  else console.error(message, fields);
};
const log: Log = { debug() {}, info() {}, warn: complaining, error: complaining };

async function main({ place, crm, mailboxes, way, limits }: RouterTask): Promise<RouterResult> {
  await using database = await openDatabase(place);
  if (crm === null)
    await putDirectory(
      database,
      mailboxes.map(({ address }) => address),
    );
  await using app = await openApp(configurationOf(crm, mailboxes), { database, log, ...(limits !== null && { serviceLimits: limits }) });
  const began = Date.now();
  const byAddress = new Map(mailboxes.map((one) => [one.address, inboxOf(one, began)]));
  const system = mailInMemory((address) => {
    const inbox = byAddress.get(address);
    if (inbox === undefined) throw new Error(`no mailbox ${address}`);
    return inbox;
  });
  app.context.mailSystem = () => system;
  const processor = process.cpuUsage();
  const counts = await (way === "once" ? readOnce(app) : serveUntilDecided(app, mailboxes));
  const seconds = (Date.now() - began) / 1000;
  const { user, system: kernel } = process.cpuUsage(processor);
  const delays = await delaysOf(database, mailboxes, began);
  return { ...counts, seconds, processorSeconds: (user + kernel) / 1e6, busyRounds, delays };
}

interface Read {
  readonly received: number;
  readonly tracked: number;
}

async function readOnce(app: App): Promise<Read> {
  const { signal } = new AbortController();
  await app.context.crm(ORGANIZATION).keepIndex?.(signal);
  const { counts, failures } = await app.operations.receive([], signal, () => {});
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return { received: counts.received, tracked: counts.tracked };
}

async function serveUntilDecided(app: App, mailboxes: readonly MadeMailbox[]): Promise<Read> {
  const { context, queue, organizations } = app;
  const engine = await startEngine(context, queue, { roles: new Set(["worker"]), organizations, pullSeconds: 1, concurrency: AT_ONCE });
  const messages = mailboxes.reduce((sum, one) => sum + one.messages, 0);
  const givenUp = Date.now() + GIVEN_UP;
  for (;;) {
    const { rows } = await context.database.query<Read>(
      "select count(*) as received, count(*) filter (where outcome = 'tracked') as tracked from waypost.decision where not undecided",
    );
    const [read = { received: 0, tracked: 0 }] = rows;
    if (read.received >= messages) {
      await engine.stop(20);
      return read;
    }
    if (Date.now() > givenUp) throw new Error(`${read.received} of ${messages} messages were decided when the time was over`);
    await sleep(LOOK);
  }
}

function configurationOf(crm: ServedCrm | null, mailboxes: readonly MadeMailbox[]) {
  process.env.WAYPOST_KEY = newKey();
  process.env.WAYPOST_BENCH_SECRET = "correct-horse";
  const application = { tenant: "bench.test", clientId: "waypost", clientSecret: { env: "WAYPOST_BENCH_SECRET" } };
  const endpoint = { host: "memory.test", security: "none", authentication: "none" } as const;
  return configurationSchema.parse({
    organizations: [
      crm === null
        ? { name: ORGANIZATION, kind: "embedded" }
        : { name: ORGANIZATION, kind: "dataverse", url: crm.url, application: { ...application, tokenEndpoint: crm.tokenEndpoint } },
    ],
    serverProfiles: [{ name: "memory", incoming: { ...endpoint, protocol: "imap" } }],
    users: mailboxes.map(({ address }) => ({ name: address, email: address, filter: "contacts" })),
    mailboxes: mailboxes.map(({ address }) => ({ address, user: address, outgoing: false, readFrom: "2001-01-01T00:00:00Z" })),
  });
}

const [argument = ""] = process.argv.slice(2);
const result = await main(JSON.parse(argument) as RouterTask);
process.stdout.write(`${JSON.stringify(result)}\n`);
