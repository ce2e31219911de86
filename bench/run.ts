/** `npm run bench -- <name> [options]`: measurements, side by side in one run on the same data. Options: --json, and those of the bench. */
import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { benchDataverse } from "./dataverse.ts";
import { benchFairness } from "./fairness.ts";
import { benchIngest } from "./ingest.ts";
import { benchQuestions } from "./questions.ts";
import { benchReceive } from "./receive.ts";
import { benchTracking } from "./tracking.ts";

/** What a bench gives: a table for people, and the same figures for programs. */
export interface Measured {
  readonly table: string;
  readonly figures: object;
}

/** What can be asked of a bench; where nothing is said, it takes what its documented figures were measured with. */
export interface BenchOptions {
  readonly messages?: number | undefined;
  readonly runs?: number | undefined;
  /** Both where none is named. */
  readonly database?: "pglite" | "postgres" | undefined;
  /** Requests that the CRM allows in five minutes. */
  readonly limit?: number | undefined;
  /** Seconds of a shorter time, in which it allows so many fewer. */
  readonly window?: number | undefined;
}

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<Measured>>> = {
  dataverse: benchDataverse,
  fairness: benchFairness,
  ingest: benchIngest,
  questions: benchQuestions,
  receive: benchReceive,
  tracking: benchTracking,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    messages: { type: "string" },
    runs: { type: "string" },
    database: { type: "string" },
    limit: { type: "string" },
    window: { type: "string" },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const count = z.coerce.number().int().positive().optional();
const options = z
  .object({ messages: count, runs: count, database: z.enum(["pglite", "postgres"]).optional(), limit: count, window: count })
  .safeParse(values);

if (!options.success || names.some((name) => !Object.hasOwn(benches, name))) {
  console.error(
    `usage: npm run bench -- [${Object.keys(benches).join("|")}] [--messages <number>] [--runs <number>] [--database pglite|postgres] [--limit <requests>] [--window <seconds>] [--json]`,
  );
  process.exitCode = 2;
} else {
  const all: Record<string, object> = {};
  for (const name of names) {
    const measured = await benches[name]?.(options.data);
    if (measured === undefined) continue;
    console.log(measured.table);
    all[name] = measured.figures;
  }
  // As the very last line: what the benches share with the tests makes node's test runner tell of its end, in which nothing was tested.
  if (values.json) process.once("exit", () => writeSync(process.stdout.fd, `${JSON.stringify(all)}\n`));
}
