#!/usr/bin/env node
// The `waypost` command. Plain JavaScript that every Node understands: its first duty is to get onto one that is new enough.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { allocator, isAllocatorSet } from "./allocator.mjs";

/** Oldest Node that runs the TypeScript sources as they are and has all of `node:crypto` that Waypost uses. */
const needed = [24, 11];
/** Exit code of sysexits.h for "a program that this one needs is not there". */
const EX_UNAVAILABLE = 69;
/** Set for the second start, so that a pinned Node that is itself too old cannot start itself for ever. */
const startedAgain = "WAYPOST_STARTED_AGAIN";

const [major, minor] = process.versions.node.split(".").map(Number);

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  if (!isAllocatorSet() && !process.connected) becomeWith(allocator);
  delete process.env[startedAgain];
  await import("./small-heap.mjs");
  await import(new URL(mainModule(), import.meta.url).href);
} else {
  const node = process.env[startedAgain] ? undefined : pinnedNode();
  if (node) {
    startAgain(node);
  } else {
    console.error(
      `waypost needs Node.js ${needed.join(".")} or newer; this is ${process.versions.node}.\n` +
        "Next step: run `npm ci` in the folder of Waypost, which brings a fitting Node.js along, or install one from https://nodejs.org.",
    );
    process.exit(EX_UNAVAILABLE);
  }
}

/** The sources where they are (a clone), the compiled form in a package: Node strips no types below node_modules. */
function mainModule() {
  const sources = "../src/main.ts";
  return existsSync(fileURLToPath(new URL(sources, import.meta.url))) ? sources : "../dist/main.js";
}

/** The binary of the npm package `node`; its own package.json names the file, which on Windows is another one. */
function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const binary = path.resolve(path.dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.node);
    return existsSync(binary) ? binary : undefined;
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** The same process, command and streams, with more in its environment. A process manager that started this one over a channel of its own would lose the channel. */
function becomeWith(environment) {
  const command = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.execve(process.execPath, command, { ...process.env, ...environment });
}

/** Runs this very command on another Node and ends as it ends: same streams, signals and exit code. */
function startAgain(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...allocator, ...process.env, [startedAgain]: "1" },
  });
  const inTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"]) {
    if (!(signal in constants.signals)) continue;
    process.on(signal, () => {
      // Ctrl+C in a terminal reaches both processes; a second SIGINT would ask the child to hurry.
      if (!(inTerminal && signal === "SIGINT")) child.kill(signal);
    });
  }
  child.once("error", (error) => {
    console.error(`waypost could not start ${node}: ${error.message}`);
    process.exit(EX_UNAVAILABLE);
  });
  child.once("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
