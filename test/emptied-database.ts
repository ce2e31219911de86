import type { Database } from "../src/database/database.ts";

export interface EmptiedDatabase<Kind extends Database> {
  readonly database: Kind;
  /** Puts every table back as it was when the database was handed over, starts its numbers again, and drops what stands in `public`. */
  empty(): Promise<void>;
}

/** Of the process that holds the database and of the program, not of a test. */
const KEPT = ["waypost.instance", "waypost.migration"];

/**
 * Makes a freshly migrated database usable for one test after the other. What its tables hold now is kept in temporary tables, so this is for an
 * engine with one session (PGlite).
 */
export async function openEmptied<Kind extends Database>(database: Kind): Promise<EmptiedDatabase<Kind>> {
  const { rows } = await database.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where relkind in ('r', 'p') and not relispartition and nspname in ('waypost', 'crm', 'pgboss') order by name`,
  );
  const tables = rows.map((row) => row.name).filter((name) => !KEPT.includes(name));
  const filled: string[] = [];
  for (const [index, table] of tables.entries()) {
    const { rows: some } = await database.query(`select 1 from ${table} limit 1`);
    if (some.length === 0) continue;
    await database.script(`create temporary table kept_${index} as table ${table}`);
    filled.push(`insert into ${table} overriding system value table kept_${index}`);
  }
  const { rows: sequences } = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, sequencename) as name from pg_sequences
     where schemaname in ('waypost', 'crm', 'pgboss') and last_value is null`,
  );
  // Foreign keys are checked at the end of each statement: rows that refer to each other come back without being asked for order.
  const script = [
    "begin",
    `truncate ${tables.join(", ")} restart identity`,
    "set local session_replication_role = replica",
    ...filled,
    ...sequences.map(({ name }) => `alter sequence ${name} restart`),
    "drop schema public cascade",
    "create schema public",
    "commit",
  ];
  return { database, empty: async () => void (await database.script(script.join(";\n"))) };
}
