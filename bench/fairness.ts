import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../src/database/open.ts";
import type { EngineName } from "../test/databases.ts";
import { type Service, serves, startService } from "../test/faults/service.ts";
import { type Dovecot, startDovecot } from "../test/servers/dovecot.ts";
import { fillInbox } from "../test/servers/large-folder.ts";
import { missingServers } from "../test/servers/needs.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { removeFolder, temporaryFolder } from "../test/servers/processes.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";

/** In the large mailbox. */
const MESSAGES = 100_000;
/** Mailboxes in which a message arrives every second. */
const OTHERS = 20;
const SECONDS = 40;
/** Until the service watches all mailboxes, and is in the middle of the large one; and for the last messages to become emails. */
const WARM_UP_SECONDS = 8;
const REST_SECONDS = 8;

const LARGE = "large";
const NAMES = Array.from({ length: OTHERS }, (_, index) => `other${index}`);
const PASSWORD = "correct-horse";
const addressOf = (name: string) => `${name}@example.test`;

/** Milliseconds from the mail server's answer to the delivery until the email is stored. */
interface Delays {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
  /** Messages that were no email when the time was over. */
  readonly missing: number;
  /** Messages of the large mailbox that were read by then. */
  readonly ofLarge: number;
}

interface Figures {
  readonly database: EngineName;
  readonly alone: Delays;
  readonly besideLarge: Delays;
  /** Beside the large mailbox as a multiple of alone. */
  readonly ratio: { readonly median: number; readonly p99: number };
}

/**
 * The delay from arrival to email of mailboxes with a message each every second, alone and while a mailbox with years of mail is read for the first
 * time: a real `waypost serve` in a process of its own, on a real Dovecot.
 */
export async function benchFairness({ messages = MESSAGES, database }: BenchOptions): Promise<Measured> {
  const engines: readonly EngineName[] = database === undefined ? ["pglite", "postgres"] : [database];
  const missing = missingServers(["dovecot", ...(engines.includes("postgres") ? (["postgres"] as const) : [])]);
  if (missing) throw new Error(missing);
  const users = Object.fromEntries([LARGE, ...NAMES].map((name) => [name, PASSWORD]));
  await using dovecot = await startDovecot({ users, manyConnections: true });
  fillInbox(dovecot, { messages, user: LARGE, customerEvery: 0 });
  const figures: Figures[] = [];
  for (const engine of engines) {
    const alone = await measure(dovecot, engine, NAMES);
    const besideLarge = await measure(dovecot, engine, [LARGE, ...NAMES]);
    const ratio = { median: rounded(besideLarge.median / alone.median), p99: rounded(besideLarge.p99 / alone.p99) };
    figures.push({ database: engine, alone, besideLarge, ratio });
  }
  return { table: tableOf(messages, figures), figures };
}

/** One service over a database of its own. */
async function measure(dovecot: Dovecot, engine: EngineName, names: readonly string[]): Promise<Delays> {
  await using made = new AsyncDisposableStack();
  const folder = temporaryFolder("fairness");
  made.defer(() => removeFolder(folder));
  mkdirSync(folder, { recursive: true });
  const place = engine === "pglite" ? { folder: path.join(folder, "data") } : { url: made.use(await startPostgres({ fsync: true })).url };
  const config = path.join(folder, "waypost.yaml");
  const database = "folder" in place ? place : { url: { env: "WAYPOST_BENCH_URL" } };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(configuration(database, dovecot.ports.imap, names)));
  const environment = { WAYPOST_BENCH_PASSWORD: PASSWORD, ...("url" in place && { WAYPOST_BENCH_URL: place.url }) };
  const service = startService({ config, trace: path.join(folder, "steps"), environment });
  made.defer(() => (service.running() ? service.kill() : undefined));
  await service.until("it serves", serves);
  await sleep(WARM_UP_SECONDS * 1000);
  const delivered = await deliver(dovecot, service);
  await sleep(REST_SECONDS * 1000);
  await service.stop();
  await using opened = await openDatabase({ ...place, report: () => {} });
  const { rows } = await opened.query<{ messageId: string; at: Date }>(
    `select message_id as "messageId", decided_at as at from waypost.decision where outcome = 'tracked' and message_id = any($1)`,
    [[...delivered.keys()]],
  );
  const { rows: large } = await opened.query<{ messages: number }>(
    "select count(*) as messages from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1",
    [addressOf(LARGE)],
  );
  const delays = rows
    .map(({ messageId, at }) => Math.max(0, at.getTime() - (delivered.get(messageId) ?? 0)))
    .sort((one, other) => one - other);
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99), worst: at(1), missing: delivered.size - rows.length, ofLarge: large[0]?.messages ?? 0 };
}

/** To each of the others one message every second, spread over it. Times of the epoch at which the server had them, by Message-ID. */
async function deliver(dovecot: Dovecot, service: Service): Promise<ReadonlyMap<string, number>> {
  const delivered = new Map<string, number>();
  const under: Promise<void>[] = [];
  const began = Date.now();
  for (let second = 0; second < SECONDS; second++) {
    for (const [index, name] of NAMES.entries()) {
      await sleep(Math.max(0, began + 1000 * (second + index / OTHERS) - Date.now()));
      if (!service.running()) throw new Error(`the service ended: ${service.said()}`);
      const id = `${service.pid}-${second}-${name}@customer.test`;
      const lines = [
        `From: carla@customer.test`,
        `To: ${addressOf(name)}`,
        `Subject: Message ${second}`,
        `Date: ${new Date().toUTCString()}`,
      ];
      const mime = `${[...lines, `Message-ID: <${id}>`, "", "x".repeat(2000)].join("\r\n")}\r\n`;
      under.push(dovecot.deliver(name, mime).then(() => void delivered.set(id, Date.now())));
    }
  }
  await Promise.all(under);
  return delivered;
}

function configuration(database: object, port: number, names: readonly string[]): object {
  return {
    database,
    listen: { host: "127.0.0.1", port: 0 },
    organizations: [{ name: "Company", kind: "embedded" }],
    serverProfiles: [
      { name: "Mail", maxConcurrentConnections: 60, incoming: { protocol: "imap", host: "127.0.0.1", port, security: "none" } },
    ],
    users: names.map((name) => ({ name, email: addressOf(name), filter: "all" })),
    mailboxes: names.map((name) => ({
      address: addressOf(name),
      user: addressOf(name),
      password: { env: "WAYPOST_BENCH_PASSWORD" },
      ...(name === LARGE && { readFrom: "2001-01-01T00:00:00Z" }),
    })),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function tableOf(messages: number, figures: readonly Figures[]): string {
  const rows = figures.flatMap(({ database, alone, besideLarge }) => [
    { database, what: "alone", ...alone },
    { database, what: "beside the large one", ...besideLarge },
  ]);
  const milliseconds = (value: number) => `${Math.round(value)} ms`;
  return [
    `${OTHERS} mailboxes with a message each every second for ${SECONDS} s, alone and beside a first reading of ${messages} messages; arrival to email`,
    ...table<(typeof rows)[number]>(
      [
        ["database", (row) => row.database],
        ["", (row) => row.what],
        ["median", (row) => milliseconds(row.median)],
        ["99th", (row) => milliseconds(row.p99)],
        ["worst", (row) => milliseconds(row.worst)],
        ["missing", (row) => String(row.missing)],
        ["read of the large one", (row) => String(row.ofLarge)],
      ],
      rows,
      2,
    ),
    ...figures.map(({ database, ratio }) => `${database}: median ${ratio.median} times, 99th ${ratio.p99} times`),
  ].join("\n");
}
