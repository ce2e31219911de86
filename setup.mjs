// Gets a fresh clone ready, before `npm run demo`, `npm start`, `npm test` and `npm run bench`: the packages of the lockfile and,
// with --tests or --bench, the servers that the tests and measurements run against. Plain JavaScript without dependencies, because it runs first, on
// whatever Node the machine has (18 or newer); everything after it runs on the pinned Node that it installs.

import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const onWindows = process.platform === "win32";
/** Many times what an installation takes; a setup that holds the lock for longer hangs. */
const LOCK_MS = 10 * 60_000;

/** Debian's package for each program that a test starts, and how to see that it is there. */
const testServers = [
  { package: "dovecot-imapd", there: () => existsSync("/usr/lib/dovecot/imap") },
  { package: "dovecot-pop3d", there: () => existsSync("/usr/lib/dovecot/pop3") },
  { package: "dovecot-lmtpd", there: () => existsSync("/usr/lib/dovecot/lmtp") },
  { package: "dovecot-sieve", there: () => existsSync("/usr/lib/dovecot/modules/lib90_sieve_plugin.so") },
  { package: "postfix", there: () => existsSync("/usr/sbin/postfix") },
  { package: "postgresql", there: () => newestPostgres() !== undefined },
  { package: "python3", there: () => onPath("python3") },
  { package: "openssl", there: () => onPath("openssl") },
  { package: "gnupg", there: () => onPath("gpg") },
  { package: "tnef", there: () => onPath("tnef") },
  { package: "ytnef-tools", there: () => onPath("ytnef") },
  { package: "chromium", there: () => onPath("chromium") || onPath("chromium-browser") || onPath("google-chrome") },
];

/** Those that a measurement starts, and the program that it compares with. */
const benchPrograms = [
  ...testServers.filter((server) => /^(dovecot|postgresql)/.test(server.package)),
  { package: "isync", there: () => onPath("mbsync") },
];

/** A step that could not be done, in words for a person: what, with which words of the program, and what to do next. */
class SetupError extends Error {
  constructor(what, output, next) {
    super([what, ...errorLines(output).map((line) => `  | ${line}`), `Next step: ${next}`].join("\n"));
  }
}

try {
  await installPackages();
  if (process.argv.includes("--tests")) await installServers("test servers", "their tests are left out", testServers);
  if (process.argv.includes("--bench")) await installServers("programs to measure with", "there is nothing to measure with", benchPrograms);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exit(1);
}

// ---------------------------------------------------------------------------------------------------- packages

async function installPackages() {
  if (packagesAreThere()) return;
  const unlock = await lock();
  try {
    // Whoever held the lock before may have installed them meanwhile.
    if (packagesAreThere()) return;
    await npmInstall();
  } finally {
    unlock();
  }
}

/** Compares the lockfile with npm's own record of what it put into node_modules, so an `npm ci` by hand counts too. */
function packagesAreThere() {
  const wanted = readJson("package-lock.json");
  const manifest = readJson("package.json");
  const installed = readJson("node_modules/.package-lock.json");
  if (!wanted || !installed) return false;
  const declared = wanted.packages[""];
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
    if (JSON.stringify(manifest[kind] ?? {}) !== JSON.stringify(declared[kind] ?? {})) return false;
  }
  for (const [place, entry] of packagesOf(wanted)) {
    const present = installed.packages[place];
    // An optional package is left out where it does not fit the platform.
    if (!present && entry.optional) continue;
    if (!present || present.version !== entry.version || present.integrity !== entry.integrity) return false;
  }
  // Laid down by an install script, which `npm ci --ignore-scripts` leaves out.
  return existsSync(path.join(root, "node_modules/node/bin", onWindows ? "node.exe" : "node"));
}

function packagesOf(lockfile) {
  return Object.entries(lockfile.packages).filter(([place, entry]) => place.includes("node_modules/") && !entry.link);
}

async function npmInstall() {
  // On Windows a running program cannot be deleted, and this one may be the Node inside node_modules: no clean slate there.
  const verb = onWindows && process.execPath.startsWith(path.join(root, "node_modules")) ? "install" : "ci";
  const places = packagesOf(readJson("package-lock.json") ?? { packages: {} }).filter(([, entry]) => !entry.optional);
  console.log(`setup: installing ${places.length} packages (npm ${verb}; about half a minute the first time)`);
  const count = () => places.filter(([place]) => existsSync(path.join(root, place, "package.json"))).length;
  const show = progress("packages");
  const timer = setInterval(() => show(count() / Math.max(places.length, 1)), 500);
  const [program, ...before] = npmCommand();
  const result = await run(program, [...before, verb, "--include=dev", "--include=optional", "--no-progress"], {
    cwd: root,
    env: { ...process.env, PATH: pathWithoutOurs() },
    shell: onWindows && before.length === 0,
  });
  clearInterval(timer);
  show.end();
  if (result.code !== 0) {
    throw new SetupError(
      `npm ${verb} ${ending(result)}; the packages are not installed.`,
      result.output,
      result.code === "ENOENT"
        ? "install npm (it comes with Node.js from https://nodejs.org), then run this again."
        : "see npm's words above (most often the network or a proxy); then run the same command again, or `npm ci` by hand.",
    );
  }
  console.log("setup: packages installed");
}

/** The npm that runs this script, on the Node that runs it; else the one on the PATH. */
function npmCommand() {
  const { npm_node_execpath: node, npm_execpath: npm } = process.env;
  if (node && npm && existsSync(node) && existsSync(npm) && /npm-cli\.c?js$/.test(npm) && !node.startsWith(root)) return [node, npm];
  return [onWindows ? "npm.cmd" : "npm"];
}

/** npm must not run on the Node in node_modules that it is about to replace. */
function pathWithoutOurs() {
  const ours = path.join(root, "node_modules", ".bin");
  const entries = (process.env.PATH ?? "").split(path.delimiter);
  return entries.filter((entry) => path.resolve(entry) !== ours).join(path.delimiter);
}

/**
 * One setup at a time in one clone. The lock stands in the clone, where only its owner can make one, and is taken over when its process is gone or
 * its time is up. Returns the function that frees it.
 */
async function lock() {
  const file = path.join(root, ".setup.lock");
  const mine = String(process.pid);
  for (let told = false; ; await sleep(200)) {
    const holder = readText(file);
    if (holder !== undefined && isSetup(Number(holder)) && age(file) < LOCK_MS) {
      if (!told) console.log(`setup: process ${holder} is installing already; waiting for it`);
      told = true;
      continue;
    }
    try {
      if (holder !== undefined) rmSync(file, { force: true });
      writeFileSync(file, mine, { flag: "wx" });
    } catch (error) {
      if (error.code === "EEXIST") continue;
      throw new SetupError(`The lock file ${file} cannot be written.`, error.message, "run this as the user who owns the folder.");
    }
    // Two that found the same dead holder may both have removed it: the later file is the one that counts.
    await sleep(50);
    if (readText(file) === mine) break;
  }
  const unlock = () => {
    if (readText(file) === mine) rmSync(file, { force: true });
  };
  process.once("exit", unlock);
  return unlock;
}

/** Whether another process that lives under this id can be a setup: the id of one that is gone may have been given to any program. */
function isSetup(pid) {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return false;
  }
  const commandLine = existsSync("/proc/self/cmdline") ? readText(`/proc/${pid}/cmdline`) : undefined;
  return commandLine === undefined || commandLine.split("\0").some((word) => path.basename(word) === "setup.mjs");
}

/** Milliseconds since a file was written; of one that is gone, for ever. */
function age(file) {
  const modified = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return modified === undefined ? Number.POSITIVE_INFINITY : Date.now() - modified;
}

// ------------------------------------------------------------------------------------------------ test servers

async function installServers(what, without, wanted) {
  const missing = wanted.filter((server) => !server.there()).map((server) => server.package);
  if (missing.length === 0) return;
  if (!(process.platform === "linux" && process.getuid?.() === 0 && onPath("apt-get"))) {
    console.log(`setup: not installed, so ${without}: ${missing.join(", ")}. On Debian or Ubuntu this installs them:`);
    console.log(`  sudo apt-get install --no-install-recommends ${missing.join(" ")}`);
    return;
  }
  console.log(`setup: installing the ${what} ${missing.join(", ")} (apt-get; their services are not started)`);
  const allowServices = forbidServices(["dovecot", "postfix", "postgresql"]);
  const onSignal = (signal) => {
    allowServices();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    leavePostfixUnconfigured(missing);
    await aptInstall(missing);
    keepServicesOff(missing);
  } finally {
    allowServices();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
  console.log(`setup: ${what} installed`);
}

async function aptInstall(packages) {
  // --no-remove: better no test than a machine that lost its own mail server to one.
  const install = ["install", "-y", "--no-install-recommends", "--no-remove", ...packages];
  let result = await apt(install);
  if (result.code !== 0) {
    // Only now, because it is slow: the lists may be absent or name versions that are gone.
    console.log("setup: refreshing apt's package lists");
    const update = await apt(["update"]);
    result = await apt(install);
    if (result.code !== 0 && update.code !== 0) result = { ...result, output: `${update.output}\n${result.output}` };
  }
  if (result.code !== 0) {
    throw new SetupError(
      `apt-get install ${ending(result)}; the test servers are not installed.`,
      result.output,
      "see apt's words above (most often the network, or another mail server that Dovecot or Postfix would have to replace); " +
        `then run \`apt-get update && apt-get install --no-install-recommends ${packages.join(" ")}\`, or run the tests without them by \`node test/run.ts\`.`,
    );
  }
}

async function apt(args) {
  const show = progress("test servers");
  // Dpkg::Use-Pty off: with a terminal of its own dpkg would draw over our line. Status-Fd: percentages for ours.
  const options = ["-o", "Dpkg::Use-Pty=0", "-o", "APT::Status-Fd=3", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  const result = await run("apt-get", [...options, ...args], { env, status: (text) => show(aptFraction(text)) });
  show.end();
  return result;
}

/** apt's status lines are `dlstatus:1:PERCENT:words` while it loads and `pmstatus:package:PERCENT:words` while it installs. */
function aptFraction(text) {
  const [, kind, percent] = [...text.matchAll(/^(dl|pm)status:[^:]*:([\d.]+):/gm)].at(-1) ?? [];
  if (percent === undefined) return undefined;
  return (Number(percent) / 100) * 0.5 + (kind === "pm" ? 0.5 : 0);
}

/**
 * Debian starts a service when its package is installed, unless /usr/sbin/policy-rc.d forbids it. A policy that is there
 * and forbids it already stays; any other is put aside until the returned function is called.
 */
function forbidServices(services) {
  const policy = "/usr/sbin/policy-rc.d";
  const aside = `${policy}.before-waypost`;
  const ours = "#!/bin/sh\n# Written by the setup of Waypost while it installs test servers; it removes this file again.\nexit 101\n";
  const isOurs = readText(policy) === ours; // left by a setup that was killed
  const allow = () => {
    rmSync(policy, { force: true });
    if (existsSync(aside)) renameSync(aside, policy);
  };
  if (isOurs) return allow;
  if (existsSync(policy)) {
    const forbids = (service) => spawnSync(policy, [service, "start"], { stdio: "ignore" }).status === 101;
    if (services.every(forbids)) return () => {};
    renameSync(policy, aside);
  }
  writeFileSync(policy, ours, { mode: 0o755 });
  return allow;
}

/** The tests bring a configuration of their own; without one in /etc a Postfix that is only there for tests never starts at boot. */
function leavePostfixUnconfigured(missing) {
  if (!missing.includes("postfix") || existsSync("/etc/postfix/main.cf")) return;
  spawnSync("debconf-set-selections", {
    input: "postfix postfix/main_mailer_type select No configuration\n",
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** On a machine with systemd a newly installed service would come up at the next boot. */
function keepServicesOff(installed) {
  if (!existsSync("/run/systemd/system")) return;
  const services = new Set(installed.filter((name) => name !== "chromium").map((name) => name.replace(/-.*/, "")));
  spawnSync("systemctl", ["disable", "--quiet", ...services], { stdio: "ignore" });
}

function newestPostgres() {
  const folder = "/usr/lib/postgresql";
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder).find((version) => existsSync(path.join(folder, version, "bin/postgres")));
}

// ------------------------------------------------------------------------------------------------------- tools

/** Runs a program to its end; resolves to its exit code (or the reason why it did not start) and all it said. */
function run(program, args, { status, ...options }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe", status ? "pipe" : "ignore"] });
    let output = "";
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    if (status) child.stdio[3].setEncoding("utf8").on("data", status);
    child.once("error", (error) => resolve({ code: error.code, output: error.message }));
    child.once("close", (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

/** A bar that redraws itself in a terminal; elsewhere one plain line every ten seconds. */
function progress(what) {
  const started = Date.now();
  let lastLine = started;
  const width = 24;
  const show = (fraction) => {
    if (fraction === undefined) return;
    const seconds = Math.round((Date.now() - started) / 1000);
    const words = `${Math.round(fraction * 100)} %, ${seconds} s`;
    if (process.stdout.isTTY) {
      const full = Math.round(fraction * width);
      process.stdout.write(`\r  ${what} [${"#".repeat(full)}${".".repeat(width - full)}] ${words} `);
    } else if (Date.now() - lastLine >= 10_000) {
      lastLine = Date.now();
      console.log(`  ${what}: ${words}`);
    }
  };
  show.end = () => {
    if (process.stdout.isTTY) process.stdout.write("\r\x1b[K");
  };
  return show;
}

function ending({ code }) {
  return typeof code === "number" ? `ended with exit code ${code}` : `did not run to its end (${code})`;
}

/** What a program said about its failure: the lines it marks as errors, the first of them first; else its last lines. */
function errorLines(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const marked = lines.filter((line) => /^(npm error|npm ERR!|E:|dpkg: error)\s*\S/.test(line));
  return marked.length > 0 ? marked.slice(0, 12) : lines.slice(-12);
}

function readJson(name) {
  const text = readText(path.join(root, name));
  return text === undefined ? undefined : JSON.parse(text);
}

function readText(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function onPath(program) {
  return (process.env.PATH ?? "").split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
