import path from "node:path";
import type { Database, Place, Report } from "./database.ts";
import type { Engine } from "./engine.ts";
import { lockFolder } from "./lock-file.ts";
import { type Migration, migrate, readMigrations } from "./migrate.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";
import { SessionDatabase } from "./session-database.ts";

/**
 * Opens the database, brings its schema up to date and registers this process. Throws a `Failure` with scope process: `database
 * unavailable`, `database sign-in refused`, `database URL wrong`, `folder in use`, `folder open to others`, `database newer`, `migration changed`, `migration failed`.
 */
export async function openDatabase(place: Place, migrations?: readonly Migration[]): Promise<Database> {
  const engine = await openEngine(place, place.report ?? warn);
  try {
    await migrate(engine, migrations ?? (await readMigrations()));
    return new SessionDatabase(engine, await engine.join());
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function openEngine(place: Place, report: Report): Promise<Engine> {
  if ("url" in place) return openPostgres(place, report);
  const folder = path.resolve(place.folder);
  const lock = await lockFolder(folder);
  try {
    return await openPglite(folder, lock, report);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function warn(message: string): void {
  process.emitWarning(message, "WaypostDatabase");
}
