// All tests, stage by stage, in two lanes side by side: `npm test`, or `npm test -- unit servers` for some stages. Every stage runs, whatever
// the ones before it said; the last line counts the tests of all.

import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ReportLine } from "./counts-reporter.ts";
import { postgresPrograms } from "./servers/needs.ts";
import { type Postgres, startPostgres } from "./servers/postgres.ts";
import { killGroup } from "./servers/processes.ts";

interface Stage {
  readonly name: string;
  /** A stage that takes longer hangs: it is killed, and that is a failure. The stages of a lane together stay below 90 minutes. */
  readonly minutes: number;
  /** A program of node_modules/.bin that passes or fails as a whole ... */
  readonly check?: readonly string[];
  /** ... or test files, each pattern with the number of files below which it must be wrong. */
  readonly files?: readonly { readonly pattern: string; readonly atLeast: number }[];
  readonly options?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface Result {
  readonly stage: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly skippedCount: number;
  /** Those that took a minute or more, the longest first. */
  readonly longFiles: readonly { readonly name: string; readonly seconds: number }[];
  /** Tests that began and did not end, in a stage that was killed. */
  readonly unfinished: readonly string[];
  /** Why the stage failed beyond its failed tests. */
  readonly trouble: string | undefined;
}

const root = path.resolve(import.meta.dirname, "..");
const onWindows = process.platform === "win32";
const inCi = process.env.CI === "true";
const faultsAtOnce = process.env.WAYPOST_TEST_FAULTS_AT_ONCE ?? "1";

/**
 * Suites of the engine in which much depends on the CRM; those of connections, sign-ins and mail servers say the same whatever CRM there is. Left out beside them:
 * statements-per-page and questions count statements, trouble-disk fills the disk and trouble-database stops the server that both the ledger and the CRM have here.
 */
const WITH_DYNAMICS = [
  ...["receive-answers", "receive-content", "receive-moves", "receive-mailboxes", "receive-start-date", "decide-again", "replay", "audit"],
  ...["track-by-folder", "track-by-category", "track-by-hand", "lies-nowhere", "records", "make-contact", "bounces", "forward-whole-way"],
  ...["forward-mailbox", "delete-processed", "send-mail", "send-trouble", "sent-by-copy", "sent-items"],
  ...["receive-folders", "receive-smart-matching", "earlier-copies", "page-without-email", "content-goes-on"],
  ...["trouble-messages", "trouble-connection", "trouble-pool", "cursor-accidents", "pop3-accidents"],
];

const stages: readonly Stage[] = [
  { name: "types", minutes: 5, check: ["tsc", "--noEmit"] },
  { name: "lint", minutes: 5, check: ["biome", "check", "--error-on-warnings", "."] },
  {
    name: "unit",
    minutes: 15,
    files: [
      { pattern: "src/**/*.test.ts", atLeast: 10 },
      { pattern: "test/*.test.ts", atLeast: 1 },
    ],
    options: ["--test-isolation=none"],
  },
  {
    name: "servers",
    minutes: 60,
    files: [
      { pattern: "test/contract/**/*.test.ts", atLeast: 1 },
      { pattern: "test/webapi/**/*.test.ts", atLeast: 1 },
      { pattern: "test/servers/**/*.test.ts", atLeast: 1 },
      { pattern: "test/engine/**/*.test.ts", atLeast: 1 },
    ],
    options: ["--test-concurrency=2"],
  },
  {
    name: "faults",
    minutes: 55,
    files: [{ pattern: "test/faults/**/*.test.ts", atLeast: 1 }],
    options: [`--test-concurrency=${faultsAtOnce}`],
  },
  {
    name: "dynamics",
    minutes: 16,
    files: [
      { pattern: `test/engine/{${WITH_DYNAMICS.join()}}.test.ts`, atLeast: WITH_DYNAMICS.length },
      { pattern: "test/engine/own-rules.dynamics.ts", atLeast: 1 },
    ],
    // PGlite has one connection: whoever asks the CRM inside a transaction of the ledger waits for ever.
    options: ["--test-concurrency=2", "--test-name-pattern=pglite"],
    environment: { WAYPOST_TEST_CRM: "dataverse" },
  },
  { name: "e2e", minutes: 18, files: [{ pattern: "test/e2e/**/*.test.ts", atLeast: 1 }], options: ["--test-concurrency=1"] },
];

/**
 * Stages of one lane run one after the other, the lanes beside each other: those of the second wait for processes that they kill and start, so
 * that one core is mostly free for the first.
 */
const LANES: readonly (readonly string[])[] = [
  ["types", "lint", "unit", "servers"],
  ["faults", "dynamics", "e2e"],
];

const LAST_LINES_MS = 300;
const LONG_FILE_SECONDS = 60;

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !stages.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    console.error(`There is no stage ${unknown.join(", ")}; the stages are ${stages.map((stage) => stage.name).join(", ")}.`);
    return 2;
  }
  const chosen = stages.filter((stage) => names.length === 0 || names.includes(stage.name));
  const scratch = mkdtempSync(path.join(tmpdir(), "waypost-tests-"));
  const results: Result[] = [];
  try {
    await using database = await databaseFor(chosen);
    const environment = database ? { ...process.env, WAYPOST_TEST_DATABASE_URL: database.url } : process.env;
    const lanes = LANES.map((lane) => chosen.filter((stage) => lane.includes(stage.name))).filter((lane) => lane.length > 0);
    await Promise.all(
      lanes.map(async (lane) => {
        for (const stage of lane) {
          console.log(`\n━━━ ${stage.name} ━━━`);
          results.push(
            await runStage(stage, { ...environment, ...stage.environment }, path.join(scratch, `${stage.name}.jsonl`), lanes.length > 1),
          );
        }
      }),
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return conclude(chosen.flatMap((stage) => results.filter((result) => result.stage === stage.name)));
}

/** One PostgreSQL for all stages; each suite makes its own database in it. Without fsync: a crash of the machine ends the tests anyway. */
async function databaseFor(chosen: readonly Stage[]): Promise<Postgres | undefined> {
  if (!chosen.some((stage) => stage.files) || process.env.WAYPOST_TEST_DATABASE_URL) return undefined;
  return postgresPrograms() === undefined ? undefined : startPostgres({ fsync: false, extra: "max_connections = 200" });
}

/** `beside`: another stage prints at the same time, so each line says which stage it is of. */
async function runStage(stage: Stage, environment: NodeJS.ProcessEnv, report: string, beside: boolean): Promise<Result> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const nothing = { stage: stage.name, passed: 0, skipped: [], skippedCount: 0, longFiles: [], unfinished: [] };
  if (stage.check) {
    const [program = "", ...args] = stage.check;
    const trouble = await run(path.join(root, "node_modules/.bin", program), args, environment, stage, beside);
    return { ...nothing, seconds: seconds(), passed: trouble ? 0 : 1, failed: trouble ? 1 : 0, trouble };
  }
  const patterns = stage.files ?? [];
  const files = patterns.map(({ pattern }) => globSync(pattern, { cwd: root, exclude: ["node_modules"] }).sort());
  const short = patterns.filter(({ atLeast }, index) => (files[index]?.length ?? 0) < atLeast);
  const args = [
    "--test",
    ...(stage.options ?? []),
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...[`--test-reporter=${path.join(import.meta.dirname, "counts-reporter.ts")}`, `--test-reporter-destination=${report}`],
    ...files.flat(),
  ];
  const ended = files.flat().length > 0 ? await run(process.execPath, args, environment, stage, beside) : undefined;
  const counts = readReport(report);
  const reasons = [
    ended,
    ...short.map(({ pattern, atLeast }) => `fewer than ${atLeast} test files match ${pattern}`),
    inCi && stage.name !== "unit" && counts.skippedCount > 0 ? "with CI=true a test may not be left out" : undefined,
  ].filter((reason) => reason !== undefined);
  // Trouble that no test stands for, such as a killed stage, counts as a failure of its own.
  const ownFailure = reasons.length > 0 && counts.failed === 0 ? 1 : 0;
  const trouble = reasons.length > 0 ? reasons.join("; ") : undefined;
  return { ...counts, stage: stage.name, seconds: seconds(), failed: counts.failed + ownFailure, trouble };
}

/** Runs a program with our own output; resolves to what went wrong, undefined if nothing. */
function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { name, minutes }: Stage,
  beside: boolean,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    // In a process group of its own, so that a hanging stage is killed with all that it started.
    const output = beside ? "pipe" : "inherit";
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ["ignore", output, output], detached: !onWindows });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => console.log(`${name} │ ${line}`));
    }
    const killAll = () => {
      if (onWindows || child.pid === undefined) child.kill("SIGKILL");
      else killGroup(child.pid);
    };
    let hung = false;
    const watchdog = setTimeout(() => {
      hung = true;
      killAll();
    }, minutes * 60_000);
    const interrupted = (signal: NodeJS.Signals) => {
      killAll();
      process.exit(signal === "SIGINT" ? 130 : 143);
    };
    process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
    const settle = (trouble: string | undefined) => {
      clearTimeout(watchdog);
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      resolve(trouble);
    };
    child.once("error", (error) => settle(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      const trouble = hung ? `hung: killed after ${minutes} minutes` : code === 0 ? undefined : `ended with ${code ?? signal}`;
      // A moment for its last lines; not until the pipe is closed, which a process that it left behind may hold open.
      setTimeout(settle, LAST_LINES_MS, trouble);
    });
  });
}

/** The runner's own counts; of a run that did not come to its end what was finished. */
function readReport(file: string): Pick<Result, "passed" | "failed" | "skipped" | "skippedCount" | "longFiles" | "unfinished"> {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
  const entries = lines.map((line): ReportLine => JSON.parse(line));
  const skipped = entries.filter((entry) => entry.kind === "skipped").map(({ name, reason }) => ({ name, reason }));
  const longFiles = entries
    .flatMap((entry) => (entry.kind === "file" && entry.seconds >= LONG_FILE_SECONDS ? [entry] : []))
    .sort((one, other) => other.seconds - one.seconds);
  const counts = entries.find((entry) => entry.kind === "counts");
  if (counts) {
    const skippedCount = Math.max(counts.skipped, skipped.length);
    return { passed: counts.passed, failed: counts.failed, skipped, skippedCount, longFiles, unfinished: [] };
  }
  const names = (kind: ReportLine["kind"]) => entries.flatMap((entry) => (entry.kind === kind && "name" in entry ? [entry.name] : []));
  const [passed, failed] = [names("passed"), names("failed")];
  const ended = new Set([...passed, ...failed, ...names("skipped"), ...names("suite ended")]);
  const unfinished = names("started").filter((name) => !ended.has(name));
  return { passed: passed.length, failed: failed.length, skipped, skippedCount: skipped.length, longFiles, unfinished };
}

/** Prints the table, what was left out, and the closing line. Returns the exit code. */
function conclude(results: readonly Result[]): number {
  console.log(
    `\n━━━ all stages ━━━\n${"stage".padEnd(10)}${"passed".padStart(8)}${"failed".padStart(8)}${"skipped".padStart(9)}${"time".padStart(14)}`,
  );
  for (const { stage, passed, failed, skippedCount, seconds, trouble } of results) {
    const numbers = `${String(passed).padStart(8)}${String(failed).padStart(8)}${String(skippedCount).padStart(9)}`;
    console.log(`${stage.padEnd(10)}${numbers}${duration(seconds).padStart(14)}${trouble ? `   ${trouble}` : ""}`);
  }
  const long = results.flatMap(({ stage, longFiles }) =>
    longFiles.map(({ name, seconds }) => `  ${duration(seconds).padStart(13)}  ${stage}: ${name}`),
  );
  if (long.length > 0) console.log(`\nFiles that took longest:\n${long.join("\n")}`);
  const unfinished = results.flatMap((result) => result.unfinished.map((name) => `  ${result.stage}: ${name}`));
  if (unfinished.length > 0) console.log(`\nBegun and not ended:\n${unfinished.join("\n")}`);
  const leftOut = results.flatMap(({ stage, skipped }) =>
    skipped.map(({ name, reason }) => `  ${stage}: ${name}${reason ? ` (${reason})` : ""}`),
  );
  if (leftOut.length > 0) console.log(`\nLeft out:\n${leftOut.join("\n")}`);
  const sum = (of: (result: Result) => number) => results.reduce((total, result) => total + of(result), 0);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failed);
  console.log(`\n${passed} passed, ${failed} failed, ${sum((result) => result.skippedCount)} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

function duration(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
