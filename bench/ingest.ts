import { openDatabase } from "../src/database/open.ts";
import { type EngineName, type TestDatabase, testDatabase } from "../test/databases.ts";
import { missingServers } from "../test/servers/needs.ts";
import { type Postgres, startPostgres } from "../test/servers/postgres.ts";
import { type FilledMailbox, filledMailbox, USER } from "./ingest/mailbox.ts";
import { type MbsyncSeconds, mbsyncMissing, runMbsync } from "./ingest/mbsync.ts";
import { CONTACT_EVERY } from "./ingest/messages.ts";
import { putContacts, runWaypost, type WaypostRun } from "./ingest/run-waypost.ts";
import { verify } from "./ingest/verify.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";

const MESSAGES = 10_000;
const RUNS = 5;

/** What each of them makes durable, and when. */
const DURABILITY = {
  mbsync: "mbsync: FSync yes, its default: each message is flushed to the disk; unflushed: FSync no",
  pglite: "PGlite: each transaction is written, and flushed when the operating system likes, as with FSync no",
  postgres: "PostgreSQL: fsync and synchronous_commit on: each transaction is flushed to the disk, as with FSync yes",
} as const;

interface Round {
  readonly mbsync: MbsyncSeconds;
  readonly unflushed: MbsyncSeconds;
  readonly all: WaypostRun;
  readonly quarter: WaypostRun;
}

interface Figures {
  readonly database: EngineName;
  /** Seconds of Waypost as a multiple of mbsync's, medians of all runs. */
  readonly all: number;
  readonly quarter: number;
  readonly nothingNew: number;
  /** The same for an mbsync that leaves flushing to the operating system. */
  readonly unflushed: { readonly all: number; readonly quarter: number };
  readonly peakMiB: number;
  readonly seconds: { readonly all: number; readonly quarter: number; readonly nothingNew: number };
  readonly mbsyncSeconds: { readonly all: number; readonly allUnflushed: number; readonly nothingNew: number };
  /** Milliseconds that a timer of the main thread came late, in a run of its own. */
  readonly loopDelay: { readonly p999: number; readonly max: number };
  /** Longest piece of work of the main thread, in milliseconds of processor time. */
  readonly longestTask: number;
}

/**
 * A folder of generated messages from a real Dovecot into the embedded CRM, and the same folder into a Maildir by mbsync, one after the other and
 * several times. Before a figure is given, the SHA-256 of every body and attachment in the CRM is compared with what was generated.
 */
export async function benchIngest({ messages = MESSAGES, runs = RUNS, database }: BenchOptions): Promise<Measured> {
  const engines: readonly EngineName[] = database === undefined ? ["pglite", "postgres"] : [database];
  const missing = [missingServers(["dovecot", ...(engines.includes("postgres") ? (["postgres"] as const) : [])]), mbsyncMissing()];
  for (const reason of missing) if (reason) throw new Error(reason);
  await using mailbox = await filledMailbox(messages);
  await using server = engines.includes("postgres") ? await startPostgres({ fsync: true }) : null;
  const figures: Figures[] = [];
  for (const engine of engines) figures.push(await measure(mailbox, server, engine, runs));
  const megabytes = mailbox.bytes / 1e6;
  return {
    table: [
      `ingest: ${messages} messages, ${megabytes.toFixed(0)} MB, median of ${runs} runs; ratios are Waypost's time to mbsync's`,
      ...table(COLUMNS, figures),
      DURABILITY.mbsync,
      ...engines.map((engine) => DURABILITY[engine]),
    ].join("\n"),
    figures: { messages, megabytes, runs, databases: figures },
  };
}

async function measure(mailbox: FilledMailbox, server: Postgres | null, engine: EngineName, runs: number): Promise<Figures> {
  const rounds: Round[] = [];
  for (let run = 0; run < runs; run += 1) {
    const mbsync = await runMbsync(mailbox, true);
    const unflushed = await runMbsync(mailbox, false);
    const all = await waypost(mailbox, server, engine, "all", false);
    const quarter = await waypost(mailbox, server, engine, "contacts", false);
    rounds.push({ mbsync, unflushed, all, quarter });
    console.error(
      `${engine}: run ${run + 1} of ${runs} (mbsync ${mbsync.all.toFixed(2)} s, unflushed ${unflushed.all.toFixed(2)} s, and ${mbsync.nothingNew.toFixed(3)} s, all ${all.read.seconds.toFixed(2)} s, quarter ${quarter.read.seconds.toFixed(2)} s, nothing new ${all.again.seconds.toFixed(3)} s)`,
    );
  }
  const { cost } = (await waypost(mailbox, server, engine, "all", true)).read;
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  const seconds = {
    all: of(({ all }) => all.read.seconds),
    quarter: of(({ quarter }) => quarter.read.seconds),
    nothingNew: of(({ all }) => all.again.seconds),
  };
  const mbsyncSeconds = {
    all: of(({ mbsync }) => mbsync.all),
    allUnflushed: of(({ unflushed }) => unflushed.all),
    nothingNew: of(({ mbsync }) => mbsync.nothingNew),
  };
  return {
    database: engine,
    all: seconds.all / mbsyncSeconds.all,
    quarter: seconds.quarter / mbsyncSeconds.all,
    nothingNew: seconds.nothingNew / mbsyncSeconds.nothingNew,
    unflushed: { all: seconds.all / mbsyncSeconds.allUnflushed, quarter: seconds.quarter / mbsyncSeconds.allUnflushed },
    peakMiB: of(({ all }) => all.peakMebibytes),
    seconds,
    mbsyncSeconds,
    loopDelay: { p999: cost?.loopDelay.p999 ?? 0, max: cost?.loopDelay.max ?? 0 },
    longestTask: cost?.longestTask ?? 0,
  };
}

/** One reading into a new database, and the comparison of what it holds afterwards. */
async function waypost(
  mailbox: FilledMailbox,
  server: Postgres | null,
  engine: EngineName,
  filter: "all" | "contacts",
  watched: boolean,
): Promise<WaypostRun> {
  await using database = await newDatabase(server, engine);
  await putContacts(database);
  // The folder of PGlite is for one process at a time.
  await database.close();
  const { place } = database;
  const run = await runWaypost({
    place,
    imapPort: mailbox.dovecot.ports.imap,
    user: USER,
    passwordFile: mailbox.passwordFile,
    filter,
    watched,
  });
  await using filled = await openDatabase(place);
  const { expected } = mailbox;
  await verify(filled, filter === "all" ? expected : expected.filter((_, number) => number % CONTACT_EVERY === 0));
  if (run.read.received !== expected.length || run.again.received !== 0)
    throw new Error(`${run.read.received} messages were read, and ${run.again.received} at the second time`);
  return run;
}

async function newDatabase(server: Postgres | null, engine: EngineName): Promise<TestDatabase> {
  return testDatabase(engine, server === null ? {} : { server: server.url });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const COLUMNS: readonly (readonly [title: string, of: (row: Figures) => string])[] = [
  ["database", (row) => row.database],
  ["all", (row) => row.all.toFixed(2)],
  ["quarter", (row) => row.quarter.toFixed(2)],
  ["nothing new", (row) => row.nothingNew.toFixed(2)],
  ["all, unflushed", (row) => row.unflushed.all.toFixed(2)],
  ["quarter, unflushed", (row) => row.unflushed.quarter.toFixed(2)],
  ["peak MiB", (row) => row.peakMiB.toFixed(0)],
  ["all s", (row) => row.seconds.all.toFixed(2)],
  ["quarter s", (row) => row.seconds.quarter.toFixed(2)],
  ["nothing new s", (row) => row.seconds.nothingNew.toFixed(3)],
  ["mbsync s", (row) => row.mbsyncSeconds.all.toFixed(2)],
  ["unflushed s", (row) => row.mbsyncSeconds.allUnflushed.toFixed(2)],
  ["mbsync nothing new s", (row) => row.mbsyncSeconds.nothingNew.toFixed(3)],
  ["loop p99.9 ms", (row) => row.loopDelay.p999.toFixed(1)],
  ["loop max ms", (row) => row.loopDelay.max.toFixed(0)],
  ["longest task ms", (row) => row.longestTask.toFixed(0)],
];
