import { type App, openApp } from "../src/app.ts";
import { configurationSchema } from "../src/config.ts";
import { listDecisions } from "../src/server/decisions.ts";
import { overviewPage } from "../src/server/pages/overview.ts";
import { readStanding } from "../src/server/standing.ts";
import { type EngineName, type TestDatabase, testDatabase } from "../test/databases.ts";
import { fillLedger } from "../test/fill-ledger.ts";
import { missingServers } from "../test/servers/needs.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";

const MAILBOXES = 1000;
/** Decisions. */
const MESSAGES = 1_000_000;
const RUNS = 5;

interface Figures {
  readonly database: EngineName;
  readonly question: string;
  /** Milliseconds: the first time, and the median of those after it. */
  readonly first: number;
  readonly median: number;
}

/** How long an answer takes that says how everything stands, or why, beside 1,000 mailboxes with a million decisions. */
export async function benchQuestions({ messages = MESSAGES, runs = RUNS, database }: BenchOptions): Promise<Measured> {
  const engines: readonly EngineName[] = database === undefined ? ["pglite", "postgres"] : [database];
  const missing = engines.includes("postgres") ? missingServers(["postgres"]) : null;
  if (missing) throw new Error(missing);
  const figures: Figures[] = [];
  for (const engine of engines) {
    await using postgres = engine === "postgres" ? await startPostgres() : null;
    await using place = await testDatabase(engine, postgres === null ? {} : { server: postgres.url });
    figures.push(...(await ask(engine, place, messages, runs)));
  }
  const lines = table<Figures>(
    [
      ["database", (one) => one.database],
      ["question", (one) => one.question],
      ["first", (one) => `${one.first} ms`],
      ["then", (one) => `${one.median} ms`],
    ],
    figures,
    2,
  );
  return { table: lines.join("\n"), figures: { messages, mailboxes: MAILBOXES, figures } };
}

async function ask(engine: EngineName, database: TestDatabase, messages: number, runs: number): Promise<Figures[]> {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const addresses = Array.from({ length: MAILBOXES }, (_, index) => `user${index}@example.test`);
  await using app = await openApp(configurationOf(addresses), { log, database });
  await fillLedger(database, messages);
  const figures: Figures[] = [];
  for (const [question, answer] of Object.entries(questions(app, messages))) {
    const times: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const began = performance.now();
      await answer();
      times.push(Math.round(performance.now() - began));
    }
    const [first = 0, ...rest] = times;
    figures.push({ database: engine, question, first, median: rest.sort((a, b) => a - b)[Math.floor(rest.length / 2)] ?? first });
  }
  return figures;
}

function questions({ operations, database, crm }: App, messages: number): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    "status (--json)": async () => JSON.stringify(await operations.status()),
    "overview page": async () => overviewPage(await operations.status(), await operations.quarantineList()),
    "decisions page": () => listDecisions(database, crm, { outcome: "quarantined", before: null }),
    metrics: () => readStanding(database),
    "explain <message-id>": () => operations.explain(`message-${messages / 2}@example.test`),
    "explain <mailbox>": () => operations.explain("user500@example.test"),
    "explain what nobody knows": () => operations.explain("never-seen@example.test"),
  };
}

function configurationOf(addresses: readonly string[]) {
  return configurationSchema.parse({
    organizations: [{ name: "office", kind: "embedded" }],
    serverProfiles: [{ name: "mail", incoming: { host: "mail.example.test" }, outgoing: { host: "mail.example.test" } }],
    users: addresses.map((email) => ({ name: email, email })),
    mailboxes: addresses.map((address, index) => ({ address, user: address, password: { env: "NONE" }, active: index % 10 !== 0 })),
  });
}
