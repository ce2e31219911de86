import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { postgresPrograms } from "./needs.ts";
import { freePort } from "./ports.ts";
import {
  giveToAccount,
  type Program,
  removeFolder,
  runProgram,
  STARTS_WITHIN_MS,
  startProgram,
  temporaryFolder,
  untilClosed,
  untilListening,
} from "./processes.ts";

export interface PostgresOptions {
  /** False makes writes faster and a crash of the machine (not of the server) lose them; default true. */
  readonly fsync?: boolean;
  /** More lines for postgresql.conf. */
  readonly extra?: string;
}

/** Smart waits for its clients, fast sends them away, immediate leaves the recovery to the next start, crash is kill -9. */
export type PostgresStop = "smart" | "fast" | "immediate" | "crash";

/** A running PostgreSQL with a cluster of its own in a temporary folder, unprivileged, on a port of 127.0.0.1. */
export interface Postgres extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  /** `postgresql://...` of the database `postgres`, as its superuser. */
  readonly url: string;
  log(): string;
  /** What `psql -At` prints: unaligned rows, fields separated by `|`. Throws with the server's words. */
  psql(sql: string): string;
  stop(options?: { readonly mode?: PostgresStop }): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
}

const stopSignals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error("PostgreSQL is not installed");
  const folder = temporaryFolder("postgres");
  const port = await freePort();
  const data = path.join(folder, "data");
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  let program: Program | undefined;
  let earlierLog = "";

  const server: Postgres = {
    port,
    folder,
    url,
    log: () => earlierLog + (program?.said() ?? ""),
    psql: (sql) => runProgram(path.join(programs, "psql"), ["-AtX", "-v", "ON_ERROR_STOP=1", "-d", url], { input: sql }),
    async start() {
      if (program?.running()) return;
      earlierLog = server.log();
      const deadline = Date.now() + STARTS_WITHIN_MS;
      for (;;) {
        // INT for an orphan: with TERM it would wait for clients to leave.
        program = await startProgram(path.join(programs, "postgres"), ["-D", data], { dropRoot: true, onOrphaned: "INT" });
        try {
          await untilListening(program, [port]);
          break;
        } catch (error) {
          // Its sessions are process groups of their own: after a crash they live until they notice, and keep the folder to themselves so long.
          if (!program.said().includes("pre-existing shared memory block") || Date.now() > deadline) throw error;
          await sleep(20);
        }
      }
      await untilReady(url, program);
    },
    async stop({ mode = "fast" } = {}) {
      if (mode === "crash") await program?.kill();
      else await program?.stop(stopSignals[mode]);
      await untilClosed([port]);
    },
    async [Symbol.asyncDispose]() {
      try {
        // Nothing of it is needed any more, and an orderly stop takes a second.
        await server.stop({ mode: "crash" });
      } finally {
        removeFolder(folder);
      }
    },
  };
  try {
    giveToAccount(folder);
    const durable = options.fsync ?? true;
    const cluster = ["-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
    runProgram(path.join(programs, "initdb"), cluster, { dropRoot: true });
    const settings = [
      "listen_addresses = '127.0.0.1'",
      `port = ${port}`,
      `unix_socket_directories = '${folder}'`,
      ...(durable ? [] : ["fsync = off", "synchronous_commit = off", "full_page_writes = off"]),
      options.extra ?? "",
    ];
    appendFileSync(path.join(data, "postgresql.conf"), `${settings.join("\n")}\n`);
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** A fresh, empty database that a test has for itself. */
export interface TestDatabase {
  readonly url: string;
  /** Ends all sessions in the database and removes it. */
  drop(): Promise<void>;
}

let shared: { readonly server: Promise<Postgres>; users: number } | undefined;

/**
 * A database of its own for each caller, in the server that the test run started (WAYPOST_TEST_DATABASE_URL), else in one
 * that this process starts for its first caller and stops when the last database is dropped.
 */
export async function postgresForTests(given = process.env.WAYPOST_TEST_DATABASE_URL): Promise<TestDatabase> {
  if (given !== undefined && given !== "") return createDatabase(given, async () => undefined);
  shared ??= { server: startPostgres({ fsync: false }), users: 0 };
  const mine = shared;
  mine.users += 1;
  const release = async () => {
    mine.users -= 1;
    if (mine.users > 0) return;
    if (shared === mine) shared = undefined;
    await (await mine.server)[Symbol.asyncDispose]();
  };
  const server = await mine.server;
  return createDatabase(server.url, release);
}

async function createDatabase(serverUrl: string, release: () => Promise<void>): Promise<TestDatabase> {
  const name = `waypost_test_${randomBytes(8).toString("hex")}`;
  // template0, because nobody else can be connected to it, which would forbid the copy.
  await statement(serverUrl, `create database ${name} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  let dropped = false;
  return {
    url: url.href,
    async drop() {
      if (dropped) return;
      dropped = true;
      await statement(serverUrl, `drop database if exists ${name} with (force)`);
      await release();
    },
  };
}

async function statement(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** During recovery PostgreSQL accepts connections and turns them away. */
async function untilReady(url: string, program: Program): Promise<void> {
  for (;;) {
    try {
      return await statement(url, "select 1");
    } catch (error) {
      const starting = error instanceof Error && "code" in error && error.code === "57P03";
      if (!starting || !program.running()) throw error;
      await sleep(50);
    }
  }
}
