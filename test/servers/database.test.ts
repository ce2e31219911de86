import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../src/database/open.ts";
import { isTransient, isUnavailable } from "../../src/database/sql-error.ts";
import type { Failure } from "../../src/model/failure.ts";
import { testDatabase } from "../databases.ts";
import { startChild } from "./child-process.ts";
import { missingServers } from "./needs.ts";
import { postgresForTests, startPostgres } from "./postgres.ts";

const script = new URL("./database-child.ts", import.meta.url);

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`It never came true: ${what}`);
    await sleep(20);
  }
}

describe("PGlite in a folder", () => {
  test("a second process is refused with the first one's id and what to do, and gets in once that one is killed", async () => {
    await using database = await testDatabase("pglite");
    const { place } = database;
    assert.ok("folder" in place);
    await database.close();
    await using holder = startChild(script, ["hold", place.folder]);
    await holder.until("open");
    await assert.rejects(openDatabase(place), (error: Failure) => {
      assert.equal(error.code, "folder in use");
      assert.match(error.message, new RegExp(`process ${holder.pid} `));
      assert.match(error.remedy, new RegExp(`Stop process ${holder.pid} `));
      return true;
    });
    await holder.kill();
    const before = performance.now();
    await using next = await openDatabase(place);
    // A stale lock is taken over without waiting for its heartbeat to grow old, which takes 15 s; on a busy machine opening alone takes some.
    assert.ok(performance.now() - before < 12_000);
    assert.equal((await next.presence.deadInstances()).length, 1);
  });

  test("a process killed while it writes has lost nothing of what was acknowledged", async () => {
    await using database = await testDatabase("pglite");
    const { place } = database;
    assert.ok("folder" in place);
    await database.script("create table written (n int primary key)");
    await database.close();
    for (let round = 0; round < 2; round += 1) {
      await using writer = startChild(script, ["write", place.folder]);
      await writer.until("written 50");
      await writer.kill();
      const said = writer.lines.filter((line) => line.startsWith("written ")).length;
      await using again = await openDatabase(place);
      const { rows } = await again.query<{ count: number; last: number }>("select count(*) as count, max(n) as last from written");
      assert.equal(rows[0]?.count, rows[0]?.last, "no gaps");
      assert.ok((rows[0]?.count ?? 0) >= said, `${rows[0]?.count} rows of ${said} acknowledged`);
      await again.query("truncate written");
    }
  });

  test("a process killed in its very first start leaves a folder that opens", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "waypost-first-"));
    try {
      await using first = startChild(script, ["open", folder]);
      await sleep(1_500);
      await first.kill();
      await using database = await openDatabase({ folder });
      assert.equal((await database.query("select from waypost.mailbox")).rowCount, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("PostgreSQL", { skip: missingServers(["postgres"]) }, () => {
  test("a killed server gives a Failure for which waiting helps, and all works again when it is back: queries, LISTEN, presence", async () => {
    await using server = await startPostgres();
    const reports: string[] = [];
    await using database = await openDatabase({ url: server.url, poolSize: 3, report: (message) => reports.push(message) });
    const heard: string[] = [];
    let resumed = 0;
    await database.listen(
      "channel",
      (payload) => heard.push(payload),
      () => {
        resumed += 1;
      },
    );
    const interrupted = database.transaction(async (tx) => {
      await tx.query("insert into waypost.organization values ('half', 'embedded')");
      await server.stop({ mode: "crash" });
      await tx.query("select 1");
    });
    await assert.rejects(interrupted, (error: Failure) => {
      assert.equal(error.code, "database unavailable");
      assert.equal(error.scope, "process");
      assert.equal(error.waitingHelps, true);
      assert.ok(isUnavailable(error) && isTransient(error));
      return true;
    });
    await assert.rejects(database.query("select 1"), isUnavailable);
    await assert.rejects(database.query("select 1"), (error: Failure) => /ECONNREFUSED/.test(error.serverSaid ?? ""));
    await server.start();
    await until(
      async () => (await database.query("select from waypost.organization").catch(() => null))?.rowCount === 0,
      "queries work, nothing half",
    );
    await until(() => resumed === 1, "the listener is told that notifications may be missing");
    await until(async () => {
      await database.query("select pg_notify('channel', 'back')");
      return heard.includes("back");
    }, "notifications come");
    await using other = await openDatabase({ url: server.url, report: () => {} });
    await until(async () => (await other.presence.living()).has(database.presence.instanceId), "it counts as living again");
    assert.ok(reports.every((message) => !message.includes("postgres@")));
  });

  test("a session that the server ends inside a transaction rejects it, and nothing of it is kept", async () => {
    await using database = await testDatabase("postgres");
    const attempt = database.transaction(async (tx) => {
      await tx.query("insert into waypost.organization values ('half', 'embedded')");
      await tx.query("select pg_terminate_backend(pg_backend_pid())");
    });
    await assert.rejects(attempt, isUnavailable);
    assert.equal((await database.query("select from waypost.organization")).rowCount, 0);
  });

  test("a database that does not exist and a refused sign-in are told apart from a server that is away", async () => {
    await using server = await startPostgres();
    const missing = new URL(server.url);
    missing.pathname = "/nowhere";
    await assert.rejects(openDatabase({ url: missing.href }), { code: "database missing", waitingHelps: false });
    server.psql("create role locked login connection limit 0; alter role locked nologin");
    const locked = new URL(server.url);
    locked.username = "locked";
    locked.password = "S3cret-of-the-URL";
    await assert.rejects(openDatabase({ url: locked.href }), (error: Failure) => {
      assert.equal(error.code, "database sign-in refused");
      assert.ok(!JSON.stringify({ ...error, message: error.message }).includes("S3cret"));
      return true;
    });
    await server.stop();
    await assert.rejects(openDatabase({ url: server.url }), { code: "database unavailable", waitingHelps: true });
  });

  test("the presence of a killed process ends at once, that of a living one does not", async () => {
    await using database = await testDatabase("postgres");
    assert.ok("url" in database.place);
    await using child = startChild(script, ["hold", database.place.url]);
    const id = (await child.until("open")).split(" ")[1] ?? "";
    assert.ok((await database.presence.living()).has(id));
    assert.deepEqual(await database.presence.deadInstances(), []);
    await child.kill();
    await until(async () => (await database.presence.deadInstances()).includes(id), "the killed process is dead");
    assert.deepEqual([...(await database.presence.living())], [database.presence.instanceId]);
  });

  test("a process whose lock session is lost takes its lock again and counts as living", async () => {
    await using database = await testDatabase("postgres");
    assert.ok("url" in database.place);
    await using other = await openDatabase({ url: database.place.url, report: () => {} });
    const holders = async () =>
      (await other.query<{ pid: number }>("select pid from pg_locks where locktype = 'advisory' and granted")).rows.map(({ pid }) => pid);
    const before = new Set(await holders());
    assert.ok(before.size >= 2, "each has a session that holds its lock");
    await other.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()");
    // A session that was told to end still holds its lock for a moment.
    await until(async () => (await holders()).every((pid) => !before.has(pid)), "the old sessions are gone");
    await until(async () => (await other.presence.living()).has(database.presence.instanceId), "it lives again");
    assert.deepEqual(await other.presence.deadInstances(), []);
  });

  test("processes that start at the same time migrate a new database once", async () => {
    const { url, drop } = await postgresForTests();
    try {
      const children = [1, 2, 3].map(() => startChild(script, ["open", url]));
      const codes = await Promise.all(children.map((child) => child.ended));
      assert.deepEqual(codes, [0, 0, 0], children.flatMap((child) => child.lines).join("\n"));
      await using database = await openDatabase({ url });
      assert.equal((await database.query("select from waypost.mailbox")).rowCount, 0);
    } finally {
      await drop();
    }
  });
});
