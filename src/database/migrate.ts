import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { Failure } from "../model/failure.ts";
import type { Engine, Session } from "./engine.ts";

export interface Migration {
  readonly number: number;
  /** File name, `0001-ledger.sql`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, with line ends of the repository whatever the checkout made of them. */
  readonly hash: string;
}

/** Key of the advisory lock under which one process at a time migrates. */
const MIGRATION_LOCK = 0x57_61_79_70_6f;

/** The numbered files of the folder in order. */
export async function readMigrations(folder: URL = new URL("./migrations/", import.meta.url)): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-.*\.sql$/.test(name)).sort();
  const misnumbered = names.find((name, index) => Number(name.slice(0, 4)) !== index + 1);
  if (misnumbered !== undefined) throw new Error(`the migration ${misnumbered} has not the number that follows the one before it`);
  return Promise.all(
    names.map(async (name) => {
      const sql = (await readFile(new URL(name, folder), "utf8")).replaceAll("\r\n", "\n");
      return { number: Number(name.slice(0, 4)), name, sql, hash: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/**
 * Applies what is missing, each in a transaction, while no other process does the same. Throws a `Failure` when the database was made
 * by a newer program or from a migration that has changed since; nothing is changed then.
 */
export async function migrate(engine: Engine, migrations: readonly Migration[]): Promise<void> {
  const session = await engine.connect("migrations");
  let broken = true;
  try {
    // PGlite has one session, and the folder lock keeps everybody else out.
    if (engine.name === "postgres") await session.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await applyMissing(session, migrations);
    if (engine.name === "postgres") await session.query("select pg_advisory_unlock($1)", [MIGRATION_LOCK]);
    broken = false;
  } finally {
    // A session thrown away gives back its lock.
    session.release(broken);
  }
}

async function applyMissing(session: Session, migrations: readonly Migration[]): Promise<void> {
  await session.script(
    `create schema if not exists waypost_meta;
     create table if not exists waypost_meta.waypost_migration (
       number int primary key, name text not null, hash text not null, applied_at timestamptz not null default now()
     )`,
  );
  const { rows } = await session.query("select number, name, hash from waypost_meta.waypost_migration order by number", []);
  const applied = new Map(rows.map((row) => [Number(row.number), { name: String(row.name), hash: String(row.hash) }]));
  for (const [number, { name, hash }] of applied) {
    const known = migrations.find((one) => one.number === number);
    if (known === undefined) throw newerFailure(name);
    if (known.hash !== hash) throw changedFailure(known.name);
  }
  for (const migration of migrations) if (!applied.has(migration.number)) await apply(session, migration);
}

async function apply(session: Session, migration: Migration): Promise<void> {
  await session.script("begin");
  try {
    await session.script(migration.sql);
    await session.query("insert into waypost_meta.waypost_migration (number, name, hash) values ($1, $2, $3)", [
      migration.number,
      migration.name,
      migration.hash,
    ]);
    await session.script("commit");
  } catch (error) {
    await session.script("rollback");
    throw new Failure({
      scope: "process",
      code: "migration failed",
      message: `The database could not be brought up to date: ${migration.name} failed and was rolled back.`,
      serverSaid: error instanceof Error ? error.message : String(error),
      remedy: "Go back to the version of Waypost that ran before, and report this with the server's words.",
      waitingHelps: false,
      cause: error,
    });
  }
}

function newerFailure(name: string): Failure {
  return new Failure({
    scope: "process",
    code: "database newer",
    message: `The database was made by a newer Waypost: it knows the migration ${name}, this program does not.`,
    remedy: "Start the newer Waypost, or restore the backup that was made before it ran.",
    waitingHelps: false,
  });
}

function changedFailure(name: string): Failure {
  return new Failure({
    scope: "process",
    code: "migration changed",
    message: `The migration ${name} differs from the one that made this database.`,
    remedy: "Install Waypost again from an unchanged source. Changes to the database belong into a new migration.",
    waitingHelps: false,
  });
}
