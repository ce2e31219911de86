import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import { type Migration, readMigrations } from "./migrate.ts";
import { openDatabase } from "./open.ts";

const made = (number: number, name: string, sql: string): Migration => ({
  number,
  name,
  sql,
  hash: createHash("sha256").update(sql).digest("hex"),
});

/** Opens the place of a closed test database with these migrations. */
async function reopen(database: TestDatabase, migrations: readonly Migration[]) {
  await database.close();
  return openDatabase({ ...database.place, report: () => {} }, migrations);
}

onBothEngines(
  "a new migration is applied once, a failing one leaves no trace",
  async (database) => {
    const known = await readMigrations();
    const next = made(9001, "9001-next.sql", "create table waypost.next (n int); insert into waypost.next values (1)");
    const broken = made(9002, "9002-broken.sql", "insert into waypost.next values (2); select 1/0");
    for (let round = 0; round < 2; round += 1) {
      await using again = await reopen(database, [...known, next]);
      assert.deepEqual((await again.query("select n from waypost.next")).rows, [{ n: 1 }]);
    }
    await assert.rejects(reopen(database, [...known, next, broken]), (error: Error) => {
      assert.ok("code" in error && error.code === "migration failed");
      return error.message.includes("9002-broken.sql");
    });
    await using after = await reopen(database, [...known, next]);
    assert.deepEqual((await after.query("select n from waypost.next")).rows, [{ n: 1 }]);
  },
  { own: true },
);

onBothEngines(
  "a migration that changed after it was applied is refused by name",
  async (database) => {
    const [first, ...rest] = await readMigrations();
    assert.ok(first);
    const changed = made(first.number, first.name, `${first.sql}\n-- changed`);
    await assert.rejects(reopen(database, [changed, ...rest]), {
      name: "Failure",
      code: "migration changed",
      message: new RegExp(first.name),
    });
  },
  { own: true },
);

onBothEngines(
  "a database of a newer program is refused and left as it is",
  async (database) => {
    const known = await readMigrations();
    const newest = known.at(-1);
    assert.ok(newest);
    await assert.rejects(reopen(database, known.slice(0, -1)), {
      name: "Failure",
      code: "database newer",
      message: new RegExp(newest.name),
    });
    await using again = await reopen(database, known);
    assert.equal((await again.query("select from waypost.mailbox")).rowCount, 0);
  },
  { own: true },
);
