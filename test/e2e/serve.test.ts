import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { PAGE_SIZE } from "../../src/engine/receive/read-stream.ts";
import { missingServers } from "../servers/needs.ts";
import { olderNode } from "./command.ts";
import { ANN, doorOf, openOffice, PASSWORD } from "./office.ts";
import {
  checkedShape,
  explainedShape,
  json,
  passed,
  quarantineShape,
  receivedShape,
  STEP_TRACE,
  sentShape,
  statusShape,
  until,
  whatIfShape,
} from "./results.ts";

const MANY = 3 * PAGE_SIZE;

describe("waypost serve on an embedded database", () => {
  test("every command works through the running service, which tells its address to its owner alone", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, "first@stranger.test");
    office.arrive(ANN, "large@stranger.test", { size: 1_300_000 });
    await office.run("status");
    await office.pressSend("carl@stranger.test");
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    if (process.platform === "linux")
      assert.match(
        readFileSync(`/proc/${serving.pid}/environ`, "utf8"),
        /(^|\0)MALLOC_TRIM_THRESHOLD_=131072\0/,
        "free memory goes back to the system",
      );
    assert.equal(statSync(path.join(office.data ?? "", "service.json")).mode & 0o777, 0o600);
    const { url, token } = doorOf(office);
    assert.equal((await fetch(new URL("/api/operations/status", url), { method: "POST" })).status, 401, "without the key it is closed");

    await until(async () => {
      const now = json(statusShape, await office.run("--json", "status"));
      return now.mailboxes[0]?.messages.tracked === 1 && now.quarantined === 1 && now.pendingEmails === 0;
    });
    const status = await office.run("status");
    assert.equal(status.code, 3);
    assert.equal(status.error, "");
    assert.match((await office.run("explain", "first@stranger.test")).out, /is tracked, accepted by Ann/);
    assert.equal((await office.run("explain", "never-seen@stranger.test")).code, 4);
    const tried = await office.run("what-if", "--set", "DoNotAutoTrackEmail=on", "--read-from", "2020-01-01T00:00:00Z");
    assert.match(tried.out, /\ntracked → skipped: message <first@stranger\.test> /);
    const document = json(whatIfShape, await office.run("what-if", "--json", "--set", "DoNotAutoTrackEmail=on", "--all"));
    assert.deepEqual(
      document.changes.map((one) => one.messageId),
      ["first@stranger.test", "large@stranger.test"],
    );
    assert.equal(json(quarantineShape, await office.run("--json", "quarantine", "list")).length, 1);
    const retried = await office.run("quarantine", "retry", "--json");
    assert.deepEqual([retried.code, json(z.unknown(), retried)], [0, { marked: 1 }]);
    assert.equal((await office.run("quarantine", "retry", "99")).code, 4);
    assert.deepEqual(json(checkedShape, await office.run("check", "--json", "--no-test-message", ANN)).length, 1);
    const tested = await office.run("check", "--wait", "20", ANN);
    assert.equal(tested.code, 0, tested.out);
    assert.match(tested.out, /^ann@office\.test\n(.*\n)+ {2}ok +incoming, find the test message: /);
    assert.equal((await office.run("check", "nobody@office.test")).code, 4);
    assert.equal((await office.run("decide", randomUUID(), "failed")).code, 4);
    const received = await office.run("receive", "--json");
    assert.equal(json(receivedShape, received).mailboxes, 2);
    assert.equal((await office.run("receive", "nobody@office.test")).code, 4);
    const sent = await office.run("send", "--json");
    assert.deepEqual([sent.code, json(sentShape, sent).counts.unknown], [0, 0]);
    assert.equal(office.mail.outside.length, 1);

    serving.kill("SIGTERM");
    const ended = await serving.ended;
    assert.equal(ended.code, 0, ended.error);
    assert.ok(!`${ended.out}${ended.error}`.includes(token), "the key is not logged");
    assert.ok(!`${ended.out}${ended.error}`.includes(PASSWORD), "passwords are not logged");
    for (const line of ended.out.trim().split("\n")) assert.doesNotThrow(() => JSON.parse(line), `a line of the log is no JSON: ${line}`);
    assert.throws(() => doorOf(office), /ENOENT/, "the address goes away with the service");
    assert.equal((await office.run("explain", "first@stranger.test")).code, 0, "commands work by themselves again");
  });

  test("a second one on the same folder says who has it and ends with code 1", async () => {
    await using office = await openOffice("pglite");
    const first = office.start(["serve"]);
    await first.until("open this link once");
    const second = await office.run("serve");
    assert.equal(second.code, 1);
    assert.match(second.error, /^The data folder .* is in use by another Waypost: process \d+ on /);
    assert.match(second.error, /What to do: Stop process \d+/);
    assert.equal((await office.run("status")).code, 0, "the first one goes on");
    first.kill("SIGTERM");
    assert.equal((await first.ended).code, 0);
  });

  test("the address that a killed one left behind keeps nobody from working, alone or beside another command", async () => {
    await using office = await openOffice("pglite");
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    serving.kill("SIGKILL");
    await serving.ended;
    assert.ok(doorOf(office).token.length > 20, "it left its address");
    const both = await Promise.all([office.run("status"), office.run("quarantine")]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
      both.map(({ error }) => error).join("\n"),
    );
    const next = office.start(["serve"]);
    await next.until("open this link once");
    assert.equal((await office.run("status")).code, 0);
    next.kill("SIGTERM");
    assert.equal((await next.ended).code, 0);
  });

  test("ends with code 0 within seconds when told so in the middle of work or while it starts, and nothing is lost or doubled", async () => {
    await using office = await openOffice("pglite");
    const starting = office.start(["serve"]);
    await starting.untilSo("it opens the database", () => isLocked(office.data ?? ""));
    starting.kill("SIGTERM");
    assert.equal((await starting.ended).code, 0);

    // Several pages: it is told within the first, and ends before the last.
    for (let number = 0; number < MANY; number++) office.arrive(ANN, `${number}@stranger.test`);
    const trace = path.join(office.folder, "steps");
    const serving = office.start(["serve"], { nodeArguments: ["--import", STEP_TRACE], environment: { WAYPOST_STEP_TRACE: trace } });
    await serving.untilSo("the first message is being delivered", () => passed(trace, "receive.claimed"));
    const told = performance.now();
    serving.kill("SIGTERM");
    const { code, error } = await serving.ended;
    assert.equal(code, 0, error);
    assert.ok(performance.now() - told < 25_000);
    const rest = json(receivedShape, await office.run("receive", "--json")).counts.received;
    assert.ok(rest > 0, "it was told in the middle of work");
    const { rows } = await office.inDatabase((database) =>
      database.query<{ emails: number; messages: number }>(
        "select count(*) as emails, count(distinct messageid) as messages from crm.email",
      ),
    );
    assert.deepEqual(rows, [{ emails: MANY, messages: MANY }]);
  });
});

describe("waypost serve on PostgreSQL", { skip: !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]) }, () => {
  test("two processes with different roles share the work, and commands connect by themselves", async () => {
    await using office = await openOffice("postgres");
    office.arrive(ANN, "first@stranger.test");
    await office.run("status");
    await office.pressSend("carl@stranger.test");
    const worker = office.start(["serve", "--roles", "worker"]);
    const other = office.start(["serve", "--roles", "web,watcher"]);
    await Promise.all([worker.until("waypost serves"), other.until("open this link once")]);
    await until(async () => {
      const now = json(statusShape, await office.run("--json", "status"));
      return now.mailboxes[0]?.messages.tracked === 1 && now.pendingEmails === 0;
    });
    // The watcher's process hears of it, the worker's reads it.
    office.arrive(ANN, "second@stranger.test");
    await until(async () => (await office.run("explain", "second@stranger.test")).code === 0);
    assert.equal(office.mail.outside.length, 1);
    for (const one of [worker, other]) one.kill("SIGTERM");
    const [ofWorker, ofOther] = await Promise.all([worker.ended, other.ended]);
    assert.deepEqual([ofWorker.code, ofOther.code], [0, 0], `${ofWorker.error}${ofOther.error}`);
    assert.match(ofWorker.out, /"mailbox":"ann@office\.test"/);
    assert.doesNotMatch(ofOther.out, /"received":/);
    assert.doesNotMatch(ofWorker.error, /open this link/, "only the role web has pages");
    assert.equal((await office.run("status")).code, 0);
  });

  test("a database that is not there is code 1, and its password is not repeated", async () => {
    await using office = await openOffice("pglite");
    const url = "postgres://waypost:hunter2-hunter2@127.0.0.1:1/waypost";
    const { code, error, out } = await office.start(["status"], { environment: { DATABASE_URL: url } }).ended;
    assert.equal(code, 1);
    assert.match(error, /The database .*127\.0\.0\.1.* cannot be reached/);
    assert.ok(!`${out}${error}`.includes("hunter2"));
  });
});

describe("started with a Node that is too old", { skip: olderNode() === undefined && "this machine has no older Node" }, () => {
  test("goes on with the pinned one: same output, same exit code, and signals reach it", async () => {
    await using office = await openOffice("pglite");
    const node = olderNode() ?? "";
    const explained = await office.start(["explain", "never-seen@stranger.test", "--json"], { node }).ended;
    assert.deepEqual([explained.code, json(explainedShape, explained)], [4, { incoming: [], outgoing: [] }]);
    const serving = office.start(["serve"], { node });
    await serving.until("open this link once");
    serving.kill("SIGTERM");
    assert.equal((await serving.ended).code, 0);
    assert.throws(() => doorOf(office), /ENOENT/, "the service itself was told, and ended in order");
  });
});

function isLocked(folder: string): boolean {
  const locks = readdirSync(folder).filter((name) => name.startsWith("database.lock."));
  return locks.some((name) => readFileSync(path.join(folder, name), "utf8").includes('"released":false'));
}
