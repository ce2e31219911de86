import { after, before, describe, type TestContext, test } from "node:test";
import { type EngineName, type TestDatabase, testDatabase } from "../databases.ts";
import { missingServers, type ServerName } from "../servers/needs.ts";

/** Registers one test of a suite. */
export type Promises = (name: string, work: (database: TestDatabase, context: TestContext) => Promise<void>) => void;

/**
 * Registers a suite once per engine. Its tests run one after the other on one database, which saves most of their time: each takes
 * accounts of its own and closes its app, and what earlier ones left is inactive.
 */
export function onOneDatabaseEach(
  name: string,
  servers: readonly ServerName[],
  register: (promises: Promises) => void,
  { engines = ["pglite", "postgres"], ...place }: { readonly engines?: readonly EngineName[]; readonly poolSize?: number } = {},
): void {
  for (const engine of engines) {
    const given = process.env.WAYPOST_TEST_DATABASE_URL;
    const own = engine === "postgres" && !given ? (["postgres"] as const) : [];
    const skip = missingServers([...servers, ...own]);
    describe(`${name} (${engine})`, { skip }, () => {
      let database: TestDatabase;
      before(async () => {
        database = await testDatabase(engine, place);
      });
      after(() => database?.[Symbol.asyncDispose]());
      register((what, work) => test(what, (context) => work(database, context)));
    });
  }
}
