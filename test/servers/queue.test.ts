import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../src/database/open.ts";
import { startQueue } from "../../src/jobs/queue.ts";
import { testDatabase } from "../databases.ts";
import { startChild } from "./child-process.ts";
import { missingServers } from "./needs.ts";

const script = new URL("./database-child.ts", import.meta.url);
const RUN_TABLE = "create table run (id serial primary key, key text, pid int, started timestamptz, ended timestamptz)";
const report = (error: unknown): void => assert.fail(String(error));

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`It never came true: ${what}`);
    await sleep(20);
  }
}

describe("the queue over several processes", { skip: missingServers(["postgres"]) }, () => {
  test("two processes share the keys, never two at one key, and after the last wake of each key there was a run", async () => {
    await using database = await testDatabase("postgres");
    assert.ok("url" in database.place);
    await database.script(RUN_TABLE);
    const { url } = database.place;
    await using one = startChild(script, ["work", url]);
    await using two = startChild(script, ["work", url]);
    await Promise.all([one.until("working"), two.until("working")]);
    const queue = await startQueue(database, { report });
    try {
      const lastWake = new Map<string, Date>();
      await Promise.all(
        Array.from({ length: 200 }, async (_, n) => {
          await sleep(Math.random() * 1_000);
          const key = `k${n % 6}`;
          const { rows } = await database.query<{ now: Date }>("select clock_timestamp() as now");
          await queue.wake("receive", key);
          const now = rows[0]?.now ?? new Date(0);
          if (now > (lastWake.get(key) ?? new Date(0))) lastWake.set(key, now);
        }),
      );
      for (const [key, last] of lastWake) {
        const served = "select from run where key = $1 and ended is not null and started >= $2";
        await until(async () => (await database.query(served, [key, last])).rowCount > 0, `a run of ${key} after its last wake`);
      }
      const overlaps = await database.query(
        "select from run a join run b on a.key = b.key and a.id < b.id and b.started < coalesce(a.ended, 'infinity')",
      );
      assert.equal(overlaps.rowCount, 0);
      assert.equal((await database.query("select distinct pid from run")).rowCount, 2, "both took part");
      assert.deepEqual(
        [...one.lines, ...two.lines].filter((line) => line.startsWith("report")),
        [],
      );
    } finally {
      await queue.stop({ gracefulSeconds: 1 });
    }
  });

  test("the key of a killed worker is worked on by another process within seconds", async () => {
    await using database = await testDatabase("postgres");
    assert.ok("url" in database.place);
    await database.script(RUN_TABLE);
    await using child = startChild(script, ["work", database.place.url]);
    await child.until("working");
    const queue = await startQueue(database, { report });
    try {
      await queue.wake("receive", "stuck");
      await child.until("run stuck");
      const ran = Promise.withResolvers<string>();
      queue.work("receive", { concurrency: 1 }, async (key) => ran.resolve(key));
      await child.kill();
      const before = performance.now();
      assert.equal(await ran.promise, "stuck");
      assert.ok(performance.now() - before < 5_000);
    } finally {
      await queue.stop({ gracefulSeconds: 1 });
    }
  });
});

test("after a kill the embedded queue goes on with the interrupted key at the next start", async () => {
  await using database = await testDatabase("pglite");
  const { place } = database;
  assert.ok("folder" in place);
  await database.script(RUN_TABLE);
  const before = await startQueue(database, { report });
  await before.wake("receive", "stuck");
  await before.stop({ gracefulSeconds: 0 });
  await database.close();
  await using child = startChild(script, ["work", place.folder]);
  await child.until("run stuck");
  const killed: Promise<void> = child.kill();
  await killed;
  await using again = await openDatabase(place);
  const queue = await startQueue(again, { report });
  try {
    const ran = Promise.withResolvers<string>();
    queue.work("receive", { concurrency: 1 }, async (key) => ran.resolve(key));
    const start = performance.now();
    assert.equal(await ran.promise, "stuck");
    assert.ok(performance.now() - start < 3_000);
  } finally {
    await queue.stop({ gracefulSeconds: 1 });
  }
});
