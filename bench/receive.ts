import type { EngineName } from "../test/databases.ts";
import { type MeasuredReceive, measuredReceive, type Work } from "../test/faults/measured-receive.ts";
import type { ChildResult } from "../test/faults/receive-child.ts";
import { missingServers } from "../test/servers/needs.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";

/** Enough for the processes to reach the memory that they then keep. */
const MESSAGES = 20_000;
const HEADS_PER_PAGE = 500;

interface Row {
  readonly database: EngineName;
  readonly work: Work;
  readonly headsPerSecond: number;
  readonly emailsPerSecond: number;
  /** Processor time of the reading process, all threads: PGlite is among them, PostgreSQL is not. */
  readonly millisecondsPerHead: number;
  readonly statementsPerPage: number;
  readonly peakMegabytes: number;
  readonly loopDelay: ChildResult["loopDelay"];
  readonly longestTask: number;
  readonly tasksOver20ms: number;
}

/** One large folder on a real server, read into both databases: all of it skipped, and a twentieth of it tracked. `floor` is the database alone. */
export async function benchReceive({ messages = MESSAGES, database: only }: BenchOptions): Promise<Measured> {
  const databases: readonly EngineName[] = only === undefined ? ["postgres", "pglite"] : [only];
  const missing = missingServers(["dovecot", "postgres"]);
  if (missing !== false) throw new Error(missing);
  await using folder = await measuredReceive(messages, { warm: true });
  const rows: Row[] = [];
  for (const database of databases) {
    for (const work of ["floor", "skipped", "tracked"] as const) {
      rows.push(await measure(folder, database, work));
      console.error(`${rows.length} of ${3 * databases.length} measured`);
    }
  }
  return { table: [`receive: a folder of ${messages} messages`, ...lines(rows)].join("\n"), figures: { messages, rows } };
}

async function measure(folder: MeasuredReceive, database: EngineName, work: Work): Promise<Row> {
  const result = await folder.run(database, work);
  return {
    database,
    work,
    headsPerSecond: result.received / result.seconds,
    emailsPerSecond: result.tracked / result.seconds,
    millisecondsPerHead: (result.processorSeconds * 1000) / result.received,
    statementsPerPage: (result.statements * HEADS_PER_PAGE) / result.received,
    peakMegabytes: result.peakMegabytes,
    loopDelay: result.loopDelay,
    longestTask: result.longestTask,
    tasksOver20ms: result.longTasks,
  };
}

function lines(rows: readonly Row[]): string[] {
  const columns: readonly (readonly [title: string, of: (row: Row) => string])[] = [
    ["database", (row) => row.database],
    ["work", (row) => row.work],
    ["heads/s", (row) => row.headsPerSecond.toFixed(0)],
    ["emails/s", (row) => (row.work === "tracked" ? row.emailsPerSecond.toFixed(0) : "-")],
    ["CPU ms/head", (row) => row.millisecondsPerHead.toFixed(3)],
    ["statements/500", (row) => row.statementsPerPage.toFixed(1)],
    ["peak MB", (row) => row.peakMegabytes.toFixed(0)],
    ["above floor", (row) => (row.work === "floor" ? "-" : (row.peakMegabytes - floorOf(row, rows)).toFixed(0))],
    ["loop p99 ms", (row) => row.loopDelay.p99.toFixed(1)],
    ["loop max ms", (row) => row.loopDelay.max.toFixed(0)],
    ["longest task ms", (row) => row.longestTask.toFixed(0)],
    ["tasks > 20 ms", (row) => String(row.tasksOver20ms)],
  ];
  return table(columns, rows, 2);
}

function floorOf({ database }: Row, rows: readonly Row[]): number {
  return rows.find((row) => row.database === database && row.work === "floor")?.peakMegabytes ?? 0;
}
