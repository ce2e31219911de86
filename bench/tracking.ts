import type { Database } from "../src/database/database.ts";
import { type EngineName, testDatabase } from "../test/databases.ts";
import { startChild } from "../test/servers/child-process.ts";
import { missingServers } from "../test/servers/needs.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";
import { PERSON } from "./tracking/heads.ts";
import type { TrackingResult, TrackingTask } from "./tracking/tracking-child.ts";

/** Heads that the rules are asked about, and a tenth of it the messages that are read into each database. */
const MESSAGES = 100_000;
/** Contacts with an address each. */
const DIRECTORY = 1_000_000;
const PER_PAGE = 500;
const CONTACTS_AT_A_TIME = 20_000;

interface Row {
  readonly database: EngineName;
  readonly filter: "replies" | "contacts";
  readonly perSecond: number;
  /** The most that one page took. */
  readonly statementsPerPage: number;
  /** All of the round by its pages, its beginning and end included. */
  readonly statementsOfRound: number;
  readonly tracked: number;
  readonly peakMiB: number;
}

/** How fast the rules decide by themselves, and what a page of heads costs beside a directory of a million addresses. */
export async function benchTracking({ messages = MESSAGES, database }: BenchOptions): Promise<Measured> {
  const engines: readonly EngineName[] = database === undefined ? ["pglite", "postgres"] : [database];
  const missing = engines.includes("postgres") ? missingServers(["postgres"]) : null;
  if (missing) throw new Error(missing);
  const rules = await run({ kind: "rules", messages, directory: DIRECTORY });
  const decisionsPerSecond = messages / rules.seconds;
  const rows: Row[] = [];
  for (const engine of engines) rows.push(...(await read(engine, Math.ceil(messages / 10))));
  const lines = table<Row>(
    [
      ["database", (row) => row.database],
      ["filter", (row) => row.filter],
      ["messages/s", (row) => row.perSecond.toFixed(0)],
      ["tracked", (row) => String(row.tracked)],
      ["statements/500", (row) => String(row.statementsPerPage)],
      ["with round", (row) => row.statementsOfRound.toFixed(1)],
      ["peak MiB", (row) => row.peakMiB.toFixed(0)],
    ],
    rows,
    2,
  );
  const decided = `tracking: ${messages} heads decided in ${rules.seconds.toFixed(2)} s, ${decisionsPerSecond.toFixed(0)} a second, ${aboveIdle(rules).toFixed(0)} MiB above the idle process; ${rules.tracked} tracked`;
  return {
    table: [decided, `read beside a directory of ${DIRECTORY} addresses:`, ...lines].join("\n"),
    figures: {
      messages,
      directory: DIRECTORY,
      decisionsPerSecond,
      statementsPerPage: Math.max(...rows.filter((row) => row.tracked === 0).map((row) => row.statementsPerPage)),
      peakMiB: Math.max(aboveIdle(rules), ...rows.map((row) => row.peakMiB)),
      databases: rows,
    },
  };
}

async function read(engine: EngineName, messages: number): Promise<Row[]> {
  await using place = await testDatabase(engine);
  await putDirectory(place);
  // The folder of PGlite is for one process at a time.
  await place.close();
  const rows: Row[] = [];
  for (const filter of ["replies", "contacts"] as const) {
    const result = await run({ kind: "read", before: rows.length * messages, messages, directory: DIRECTORY, place: place.place, filter });
    rows.push({
      ...{ database: engine, filter, tracked: result.tracked, peakMiB: aboveIdle(result) },
      perSecond: messages / result.seconds,
      statementsPerPage: result.statementsPerPage,
      statementsOfRound: (result.statements * PER_PAGE) / messages,
    });
  }
  return rows;
}

async function putDirectory(database: Database): Promise<void> {
  for (let from = 0; from < DIRECTORY; from += CONTACTS_AT_A_TIME)
    await database.query(
      `insert into crm.contact (contactid, firstname, lastname, emailaddress1)
       select gen_random_uuid(), 'Person', n::text, $3 || n || '@firm' || n % 997 || '.test' from generate_series($1::bigint, $2::bigint) n`,
      [from, Math.min(from + CONTACTS_AT_A_TIME, DIRECTORY) - 1, PERSON],
    );
}

function aboveIdle({ peakMegabytes, megabytes: [atRest = 0] }: TrackingResult): number {
  return peakMegabytes - atRest;
}

async function run(task: TrackingTask): Promise<TrackingResult> {
  await using child = startChild(new URL("./tracking/tracking-child.ts", import.meta.url), [JSON.stringify(task)]);
  const code = await child.ended;
  const last = child.lines.at(-1) ?? "";
  if (code !== 0 || !last.startsWith("{")) throw new Error(`The measured process ended with ${code}:\n${child.lines.join("\n")}`);
  return JSON.parse(last) as TrackingResult;
}
