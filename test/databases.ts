import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, type TestContext, test } from "node:test";
import type { Database, Report } from "../src/database/database.ts";
import { readMigrations } from "../src/database/migrate.ts";
import { openDatabase } from "../src/database/open.ts";
import { startQueue } from "../src/jobs/queue.ts";
import { type EmptiedDatabase, openEmptied } from "./emptied-database.ts";
import { missingServers } from "./servers/needs.ts";
import { postgresForTests } from "./servers/postgres.ts";

export type EngineName = "pglite" | "postgres";

/** A fresh, migrated database; disposing it closes and deletes it. `place` opens it once more: after `close()` on PGlite, at any time on PostgreSQL. */
export interface TestDatabase extends Database {
  readonly place: { readonly folder: string } | { readonly url: string };
}

/** What a test may set about its database. */
export interface TestDatabaseOptions {
  readonly poolSize?: number;
  /** Default: what the database reports is dropped, since tests break connections on purpose. */
  readonly report?: Report;
  /** URL of the PostgreSQL to make it in; default: that of the test run, which writes faster than a durable one. */
  readonly server?: string;
}

/** A fresh database of that engine. PostgreSQL: in the server of WAYPOST_TEST_DATABASE_URL, or in one that this process starts. */
export async function testDatabase(engine: EngineName, { server, ...options }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { place, remove } = engine === "pglite" ? await copiedFolder() : await createdDatabase(server);
  try {
    const database = await openDatabase({ report: () => {}, ...place, ...options });
    return Object.assign(database, {
      place,
      async [Symbol.asyncDispose]() {
        await database.close();
        await remove();
      },
    });
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What `onBothEngines` may set besides. */
export interface BothEnginesOptions extends TestDatabaseOptions {
  /** A database that nobody had before: for tests that close it, change its schema or break its sessions. */
  readonly own?: boolean;
}

/**
 * Registers one test per engine; each gets a database as the migrations leave it. Without PostgreSQL on the machine its half is skipped and says so.
 * On PGlite the tests of a process take turns on one database that is emptied in between: opening one takes far longer than most tests.
 */
export function onBothEngines(
  name: string,
  work: (database: TestDatabase, context: TestContext) => Promise<void>,
  { own = false, ...options }: BothEnginesOptions = {},
): void {
  for (const engine of ["pglite", "postgres"] as const) {
    const skip = engine === "postgres" && !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]);
    test(`${name} (${engine})`, { skip }, async (context) => {
      if (engine === "pglite" && !own) return onEmptied((database) => work(database, context));
      await using database = await testDatabase(engine, options);
      await work(database, context);
    });
  }
}

let emptied: Promise<EmptiedDatabase<TestDatabase>> | null = null;

/** A database that a failed test left in an unknown state is not used again. */
async function onEmptied(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  emptied ??= testDatabase("pglite").then(openEmptied);
  const { database, empty } = await emptied;
  try {
    await work(database);
    await empty();
  } catch (error) {
    emptied = null;
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

after(async () => (await emptied)?.database[Symbol.asyncDispose]());

interface Made {
  readonly place: TestDatabase["place"];
  readonly remove: () => Promise<void>;
}

async function createdDatabase(server: string | undefined): Promise<Made> {
  const { url, drop } = await postgresForTests(server);
  return { place: { url }, remove: drop };
}

/** A copy of the template opens in a quarter of a second, where a new PGlite takes four. */
async function copiedFolder(): Promise<Made> {
  const template = await templateFolder();
  const folder = await mkdtemp(path.join(os.tmpdir(), "waypost-database-"));
  await cp(path.join(template, "pglite"), path.join(folder, "pglite"), { recursive: true });
  return { place: { folder }, remove: () => rm(folder, { recursive: true, force: true }) };
}

let template: Promise<string> | null = null;

/** One per machine and state of the migrations. Whoever comes first makes it; a rename shows it to the others when it is whole. */
function templateFolder(): Promise<string> {
  template ??= makeTemplate();
  return template;
}

async function makeTemplate(): Promise<string> {
  const packages = await Promise.all(["@electric-sql/pglite", "pg-boss"].map(packageFile));
  const key = createHash("sha256")
    .update(packages.join())
    .update((await readMigrations()).map((one) => one.hash).join())
    .digest("hex");
  const finished = path.join(os.tmpdir(), `waypost-template-${os.userInfo().username}-${key.slice(0, 16)}`);
  if (existsSync(finished)) return finished;
  const making = await mkdtemp(path.join(os.tmpdir(), "waypost-template-making-"));
  try {
    await using database = await openDatabase({ folder: making });
    // The queue engine's tables too: making them takes a second.
    const queue = await startQueue(database, { report: () => {} });
    await queue.stop({ gracefulSeconds: 0 });
    await database.close();
    await rename(making, finished);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    // Another process was quicker; its template is as good.
    if (!existsSync(finished)) throw error;
  }
  return finished;
}

function packageFile(name: string): Promise<string> {
  return readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8");
}
