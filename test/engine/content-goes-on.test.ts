import assert from "node:assert/strict";
import type { Database } from "../../src/database/database.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { changeSources } from "./change-sources.ts";
import { openMemoryWorld } from "./memory-world.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** More than the first chunk of a page, and less than the first two. */
const TRACKED = 120;

/** The database, in which what is stored under this name waits. */
function holding(database: Database, name: string, until: Promise<void>): Database {
  const transaction: Database["transaction"] = async (work, its) => {
    if (its === name) await until;
    return database.transaction(work, its);
  };
  return new Proxy(database, {
    get: (target, key) => {
      const value: unknown = key === "transaction" ? transaction : Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

onOneDatabaseEach("reading and storing at the same time", [], (promise) => {
  promise(
    "while the messages of a page that are skipped are stored, the content of those that are tracked is read on",
    async (database) => {
      const { promise: allRead, resolve, reject } = Promise.withResolvers<void>();
      const givenUp = AbortSignal.timeout(60_000);
      givenUp.addEventListener("abort", () => reject(new Error("The reading waits for the storing.")));
      await using world = await openMemoryWorld(holding(database, "store decisions", allRead), exchangeKind, { filter: "contacts" });
      await database.query(
        "insert into crm.contact (contactid, firstname, lastname, emailaddress1) values (gen_random_uuid(), 'Known', 'Person', 'known@customer.test')",
      );
      const box = world.nextBox();
      box.arrive("skipped", undefined, { from: "stranger@nowhere.test" });
      for (let number = 1; number <= TRACKED; number++) box.arrive(`tracked-${number}`, undefined, { from: "known@customer.test" });
      let read = 0;
      using _ = changeSources(world.app, (source) => {
        const content = source.content.bind(source);
        source.content = async function* (...asked) {
          for await (const one of content(...asked)) {
            if (++read === TRACKED) resolve();
            yield one;
          }
        };
        return source;
      });
      const { tracked, skipped } = await box.round();
      assert.deepEqual([read, tracked, skipped], [TRACKED, TRACKED, 1]);
    },
  );
});
