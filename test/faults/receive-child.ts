/** Run as another process by memory.test.ts and the bench: `receive-child.ts <task as JSON>`. Its last line is the measured result as JSON. */
import { readFileSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../src/app.ts";
import type { Database, Place } from "../../src/database/database.ts";
import type { Log } from "../../src/engine/log.ts";

/** What the child is to do with the database at `place`. */
export type ChildTask = { readonly place: Place } & (
  | {
      /** One round of receiving of one mailbox. */
      readonly kind: "receive";
      readonly imapPort: number;
      readonly user: string;
      readonly passwordFile: string;
      readonly filter: "replies" | "contacts";
    }
  | {
      /** No Waypost but its database: as many rows of as many bytes as a round stores, page by page, each page looked up before. */
      readonly kind: "floor";
      readonly rows: number;
      readonly bytesPerRow: number;
    }
);

export interface ChildResult {
  readonly seconds: number;
  /** Of the processor, all threads together: what hardly depends on what else the machine does. */
  readonly processorSeconds: number;
  /** Highest resident memory from the start of the process until it was ready; PGlite compiles itself in that time. */
  readonly startMegabytes: number;
  /** Highest resident memory of the work itself, database thread included. */
  readonly peakMegabytes: number;
  /** Resident memory at the beginning of the work and after each fifth of it. */
  readonly megabytes: readonly number[];
  readonly received: number;
  readonly tracked: number;
  readonly statements: number;
  /** Milliseconds that timers of the main thread came late. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Longest run of the main thread without a turn of its event loop, in milliseconds of processor time: what other programs took is not in it. */
  readonly longestTask: number;
  /** Runs longer than 20 ms. */
  readonly longTasks: number;
}

// As the `waypost` command does before it loads anything.
await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");

const PAGE = 500;
const silent: Log = { debug() {}, info() {}, warn() {}, error: (fields, message) => console.error(message, fields) };

async function main(task: ChildTask): Promise<void> {
  const done = task.kind === "receive" ? await receive(task) : await floor(task);
  process.stdout.write(`${JSON.stringify(done)}\n`);
}

async function receive(task: ChildTask & { kind: "receive" }): Promise<ChildResult> {
  const database = counted(await openDatabase(task.place));
  const address = `${task.user}@example.test`;
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [
      { name: "made", incoming: { protocol: "imap", host: "127.0.0.1", port: task.imapPort, security: "none", timeoutSeconds: 120 } },
    ],
    users: [{ name: "Reader", email: address, filter: task.filter }],
    mailboxes: [{ address, user: address, readFrom: "2001-01-01T00:00:00Z", password: { file: task.passwordFile } }],
  });
  await using app: App = await openApp(configuration, { database: database.database, log: silent });
  const watched = await watch();
  database.statements = 0;
  const { counts, failures } = await app.operations.receive([address], new AbortController().signal, () => {});
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  const result = watched({ received: counts.received, tracked: counts.tracked, statements: database.statements });
  await app.close();
  await database.database.close();
  return result;
}

async function floor({ place, rows, bytesPerRow }: ChildTask & { kind: "floor" }): Promise<ChildResult> {
  await using database = await openDatabase(place);
  await database.script("create table floor (key text primary key, body text not null)");
  const watched = await watch();
  let statements = 0;
  for (let from = 0; from < rows; from += PAGE) {
    const keys = Array.from({ length: Math.min(PAGE, rows - from) }, (_, index) => `key ${from + index}`);
    await database.query("select key from floor where key = any($1)", [keys]);
    const bodies = keys.map((key) => `${key} `.repeat(Math.ceil(bytesPerRow / (key.length + 1))).slice(0, bytesPerRow));
    await database.query("insert into floor select * from unnest($1::text[], $2::text[])", [keys, bodies]);
    statements += 2;
  }
  return watched({ received: rows, tracked: 0, statements });
}

/** Counts the statements of a database, those that begin and end a transaction included. */
function counted(database: Database): { readonly database: Database; statements: number } {
  const count = { database, statements: 0 };
  const counting: Database = {
    engine: database.engine,
    presence: database.presence,
    query(text, values) {
      count.statements += 1;
      return database.query(text, values);
    },
    script: (text) => database.script(text),
    transaction: (work, name) => {
      count.statements += 2;
      const countedWork: typeof work = (tx) =>
        work({
          open: tx.open,
          query(text, values) {
            count.statements += 1;
            return tx.query(text, values);
          },
        });
      return database.transaction(countedWork, name);
    },
    listen: (channel, onNotify, onResume) => database.listen(channel, onNotify, onResume),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  };
  return Object.assign(count, { database: counting });
}

type Counted = Pick<ChildResult, "received" | "tracked" | "statements">;

/** Measures from when it resolves until the returned function is called. */
async function watch(): Promise<(counts: Counted) => ChildResult> {
  await untilSettled();
  const startMegabytes = peakMegabytes();
  forgetPeak();
  const started = performance.now();
  const processor = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const megabytes: number[] = [residentMegabytes()];
  const sampling = setInterval(() => megabytes.push(residentMegabytes()), 250);
  const tasks = watchTasks();
  return (counts) => {
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(processor);
    delay.disable();
    clearInterval(sampling);
    const { longest, long } = tasks();
    const fifths = [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => megabytes[Math.round(part * (megabytes.length - 1))] ?? 0);
    return {
      seconds,
      processorSeconds: (user + system) / 1e6,
      startMegabytes,
      peakMegabytes: peakMegabytes(),
      megabytes: fifths,
      ...counts,
      loopDelay: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
      longestTask: longest,
      longTasks: long,
    };
  };
}

/** A timer that looks at the thread's own processor time: on a busy machine a late timer alone proves nothing. */
function watchTasks(): () => { longest: number; long: number } {
  let [longest, long] = [0, 0];
  let [wall, cpu] = [performance.now(), threadMilliseconds()];
  const timer = setInterval(() => {
    const [wallNow, cpuNow] = [performance.now(), threadMilliseconds()];
    const task = Math.min(wallNow - wall, cpuNow - cpu);
    [wall, cpu] = [wallNow, cpuNow];
    longest = Math.max(longest, task);
    if (task > 20) long += 1;
  }, 1);
  return () => {
    clearInterval(timer);
    return { longest, long };
  };
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Opening PGlite takes memory that comes back seconds later: waits until it is steady, ten seconds at most. */
async function untilSettled(): Promise<void> {
  const samples: number[] = [];
  while (samples.length < 40) {
    samples.push(residentMegabytes());
    const last = samples.slice(-8);
    if (last.length === 8 && Math.max(...last) - Math.min(...last) < 3) return;
    await sleep(250);
  }
}

/** Where the kernel cannot be told (proc(5), clear_refs), the peak of the work is that of the whole process. */
function forgetPeak(): void {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5");
}

function residentMegabytes(): number {
  return process.memoryUsage.rss() / 1024 / 1024;
}

/** `maxRSS` would hold what the parent had at the moment of the fork. */
function peakMegabytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

const [task = ""] = process.argv.slice(2);
await main(JSON.parse(task) as ChildTask);
