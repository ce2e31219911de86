import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { Failure } from "../model/failure.ts";
import { lockFolder } from "./lock-file.ts";

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waypost-lock-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A lock file as another process would have written it. */
async function leaveLock(folder: string, holder: Record<string, unknown>, ageMs = 0): Promise<void> {
  const file = path.join(folder, "database.lock.4");
  const facts = { token: "another", host: os.hostname(), pid: 1, processStart: null, released: false, ...holder };
  await writeFile(file, JSON.stringify(facts));
  const modified = new Date(Date.now() - ageMs);
  await utimes(file, modified, modified);
}

/** A process that lives and has nothing to do with the lock. */
async function bystander(context: TestContext): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  await once(child, "spawn");
  context.after(() => child.kill("SIGKILL"));
  return child.pid ?? 0;
}

const inUse = { name: "Failure", code: "folder in use", waitingHelps: false };

test("a folder is locked once, also in the same process, and free again after release", async (context) => {
  const folder = await temporaryFolder(context);
  const lock = await lockFolder(folder);
  await assert.rejects(lockFolder(folder), inUse);
  await lock.release();
  await lock.release();
  await (await lockFolder(folder)).release();
});

test("of many that want a folder with a stale lock exactly one gets it", async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { pid: 0x7ffffff0 });
  const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)));
  const won = attempts.filter((one) => one.status === "fulfilled");
  assert.equal(won.length, 1);
  assert.deepEqual(await readdir(folder), ["database.lock.5"]);
  for (const one of won) await one.value.release();
});

test("the lock of a process that is gone is taken over at once, however fresh its heartbeat", async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { pid: 0x7ffffff0 });
  const start = performance.now();
  const lock = await lockFolder(folder);
  assert.ok(performance.now() - start < 1_000);
  await lock.release();
});

test("the lock of a living process with a fresh heartbeat is respected, and the message names it", async (context) => {
  const folder = await temporaryFolder(context);
  const pid = await bystander(context);
  await leaveLock(folder, { pid });
  await assert.rejects(
    lockFolder(folder),
    (error: Failure) => error.code === "folder in use" && error.message.includes(`process ${pid} on`),
  );
});

test("a living process with an old heartbeat and no proof that it is the holder does not keep the folder", async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { pid: await bystander(context) }, 60_000);
  await (await lockFolder(folder)).release();
});

test("a process id that was given out again does not keep the folder", {
  skip: process.platform !== "linux" && "needs /proc",
}, async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { pid: await bystander(context), processStart: "another boot:1" });
  await (await lockFolder(folder)).release();
});

test("a lock of this very process id from an earlier life does not keep the folder", async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { pid: process.pid });
  await (await lockFolder(folder)).release();
});

test("the lock of another machine is respected while it beats and taken over when it is old", async (context) => {
  const folder = await temporaryFolder(context);
  await leaveLock(folder, { host: "elsewhere" });
  const file = path.join(folder, "database.lock.4");
  const beat = setInterval(() => void utimes(file, new Date(), new Date()), 200);
  await assert.rejects(lockFolder(folder), inUse);
  clearInterval(beat);
  await leaveLock(folder, { host: "elsewhere" }, 60_000);
  await (await lockFolder(folder)).release();
});

test("a lock file without content, left by a crash, does not keep the folder", async (context) => {
  const folder = await temporaryFolder(context);
  const file = path.join(folder, "database.lock.1");
  await writeFile(file, "");
  const old = new Date(Date.now() - 10_000);
  await utimes(file, old, old);
  await (await lockFolder(folder)).release();
});

test("a holder whose folder was taken over is told so", async (context) => {
  const folder = await temporaryFolder(context);
  const lock = await lockFolder(folder);
  const lost = new Promise<Failure>((resolve) => lock.onLost(resolve));
  await leaveLock(folder, { pid: 0x7ffffff0 });
  assert.equal((await lost).code, "folder taken over");
  await lock.release();
  assert.deepEqual((await readdir(folder)).sort(), ["database.lock.1", "database.lock.4"]);
});
