import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";

const NPM = `
const { mkdirSync, writeFileSync, appendFileSync } = require("node:fs");
mkdirSync("node_modules/node/bin", { recursive: true });
writeFileSync("node_modules/node/bin/" + (process.platform === "win32" ? "node.exe" : "node"), "");
writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
appendFileSync("installed", "x");
`;

/** A clone without dependencies, and an npm that only leaves the traces of an installation. */
async function clone(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waypost-setup-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await copyFile(path.resolve(import.meta.dirname, "../setup.mjs"), path.join(folder, "setup.mjs"));
  await writeFile(path.join(folder, "package.json"), "{}");
  await writeFile(path.join(folder, "package-lock.json"), JSON.stringify({ packages: { "": {} } }));
  await writeFile(path.join(folder, "npm-cli.cjs"), NPM);
  return folder;
}

async function setUp(folder: string): Promise<number | null> {
  const env = { ...process.env, npm_node_execpath: process.execPath, npm_execpath: path.join(folder, "npm-cli.cjs") };
  const child = spawn(process.execPath, [path.join(folder, "setup.mjs")], { env, stdio: "ignore", timeout: 20_000 });
  const [code] = await once(child, "close");
  return code;
}

/** A living process with that name on its command line. */
async function running(context: TestContext, script: string): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", script], { stdio: "ignore" });
  await once(child, "spawn");
  context.after(() => child.kill("SIGKILL"));
  return child.pid ?? 0;
}

test("a setup installs once and leaves no lock", async (context) => {
  const folder = await clone(context);
  assert.equal(await setUp(folder), 0);
  assert.ok((await readdir(folder)).includes("installed"));
  assert.ok(!(await readdir(folder)).includes(".setup.lock"));
});

test("a lock whose process is another program, or gone, holds nobody up", {
  skip: process.platform !== "linux" && "needs /proc",
}, async (context) => {
  for (const holder of ["2147483000", String(await running(context, "server.mjs")), "", "1"]) {
    const folder = await clone(context);
    await writeFile(path.join(folder, ".setup.lock"), holder);
    assert.equal(await setUp(folder), 0, holder);
    assert.ok(!(await readdir(folder)).includes(".setup.lock"));
  }
});

test("the lock of a setup that lives is waited for, and taken over after ten minutes", async (context) => {
  const folder = await clone(context);
  const lock = path.join(folder, ".setup.lock");
  await writeFile(lock, String(await running(context, "setup.mjs")));
  let ended = false;
  const waiting = setUp(folder).finally(() => {
    ended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(ended, false);
  const old = new Date(Date.now() - 11 * 60_000);
  await utimes(lock, old, old);
  assert.equal(await waiting, 0);
});
