import { after, before, describe, type TestContext, test } from "node:test";
import { type EngineName, type TestDatabase, testDatabase } from "../databases.ts";
import { missingServers, type ServerName } from "../servers/needs.ts";
import { NOT_WITH_DYNAMICS } from "./not-with-dynamics.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";

type Work = (database: TestDatabase, context: TestContext) => Promise<void>;

/** Registers one test of a suite. */
export type Promises = (name: string, work: Work) => void;

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
      const notKept = new Map(OVER_DYNAMICS ? Object.entries(NOT_WITH_DYNAMICS[name] ?? {}) : []);
      register((what, work) => {
        const reason = notKept.get(what);
        notKept.delete(what);
        test(what, (context) => (reason === undefined ? work : failing(work, reason))(database, context));
      });
      if (notKept.size > 0) throw new Error(`"${name}" has no tests ${[...notKept.keys()].join(", ")}`);
    });
  }
}

/** A test that must fail. */
function failing(work: Work, reason: string): Work {
  return async (database, context) => {
    const failed = await work(database, context).then(
      () => false,
      () => true,
    );
    if (!failed) throw new Error(`Dynamics keeps this promise now (NOT_WITH_DYNAMICS said: ${reason})`);
    context.diagnostic(`not kept, as it should be: ${reason}`);
  };
}
