// How the counting and seeding programs reach a database: with the drivers alone. Nothing of src/ may be imported here or by them, so that
// what they count does not pass through the program under test.

import path from "node:path";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";

/** Opens a PostgreSQL by `{ url }`, or the data folder of a Waypost that does not run by `{ folder }`. */
export async function openSql(place) {
  if ("url" in place) {
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    return { query: async (text, values = []) => (await client.query(text, values)).rows, close: () => client.end() };
  }
  const pglite = await PGlite.create({ dataDir: path.join(place.folder, "pglite") });
  return { query: async (text, values = []) => (await pglite.query(text, values)).rows, close: () => pglite.close() };
}
