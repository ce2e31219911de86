import assert from "node:assert/strict";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import { onBothEngines } from "../databases.ts";

onBothEngines("every column of every table can be read, and every database column that takes a value is there", async (database) => {
  const { rows } = await database.query<{ table: string; column: string }>(
    `select 'crm.' || relname as table, attname as column from pg_attribute join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = 'crm' and attnum > 0 and not attisdropped`,
  );
  const stored = new Set(rows.map(({ table, column }) => `${table} ${column}`));
  for (const table of TABLES) {
    const values = table.columns.flatMap(({ name, read, readTarget, readTitle }) => [
      `${read} as "${name}"`,
      ...(readTarget ? [`${readTarget} as "${name} target"`] : []),
      ...(readTitle ? [`${readTitle} as "${name} title"`] : []),
    ]);
    await assert.doesNotReject(
      database.query(`select ${values.join(", ")} from ${table.from} row where row.versionnumber > 0`),
      `${table.name} cannot be read`,
    );
    for (const { name, stored: column, storedTarget } of table.columns) {
      for (const one of [column, storedTarget]) {
        if (one !== undefined)
          assert.ok(stored.has(`${table.from} ${one}`), `${table.name}.${name} is stored in ${one}, which is not there`);
      }
    }
    if (table.tracksChanges) assert.ok(stored.has(`${table.from} changedin`), `${table.name} cannot tell its changes`);
  }
});
