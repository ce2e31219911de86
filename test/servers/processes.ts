import { spawn, spawnSync } from "node:child_process";
import { accessSync, chownSync, constants, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isListening } from "./ports.ts";

const asRoot = process.getuid?.() === 0;
export const STARTS_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 20_000;

/** The account that servers run under: nobody when the tests run as root, else whoever runs the tests. */
export const account = asRoot ? namedAccount("nobody") : namedAccount(userInfo().username);

export interface ProgramOptions {
  /** Run under `account` even if we are root. Only Postfix needs root itself. */
  readonly dropRoot: boolean;
  /** Sent to the server when the test process dies in any way, so that nothing outlives a killed test. */
  readonly onOrphaned: "TERM" | "INT";
}

/** A server that runs until it is stopped. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  /** All that it wrote to its standard output and error. */
  said(): string;
  running(): boolean;
  /** Sends the signal and waits until the process is gone; after 20 s SIGKILL follows and an error is thrown. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Kills the process and all that it started, as a crash would. */
  kill(): Promise<void>;
}

/** Process groups that were started and have not ended. */
const running = new Set<number>();
process.once("exit", () => {
  for (const pid of running) killGroup(pid);
});

/**
 * Starts a server in a process group of its own. It does not keep the test process alive: a test that forgets to stop it
 * still ends, and the server with it. Throws if the program cannot be started at all.
 */
export async function startProgram(name: string, args: readonly string[], options: ProgramOptions): Promise<Program> {
  const [program, ...rest] = command(name, args, options.dropRoot);
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], detached: true, cwd: tmpdir() });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    if (stream instanceof Socket) stream.unref();
  }
  const pid = await new Promise<number>((resolve, reject) => {
    child.once("error", reject).once("spawn", () => resolve(child.pid ?? -1));
  });
  child.unref();
  running.add(pid);
  const dismiss = guard(pid, options.onOrphaned);
  const gone = new Promise<"gone">((resolve) => {
    child.once("exit", () => {
      running.delete(pid);
      dismiss();
      resolve("gone");
    });
  });
  const exited = () => child.exitCode !== null || child.signalCode !== null;
  const goneWithin = async (milliseconds: number): Promise<boolean> => {
    const waiting = new AbortController();
    const late = sleep(milliseconds, "late" as const, { signal: waiting.signal }).catch(() => "late" as const);
    const first = await Promise.race([gone, late]);
    waiting.abort();
    return first === "gone";
  };
  const kill = async () => {
    killGroup(pid);
    if (!(await goneWithin(STOPS_WITHIN_MS))) throw new Error(`${name} outlived SIGKILL`);
  };
  return {
    name,
    pid,
    said: () => output,
    running: () => !exited(),
    async stop(signal) {
      if (exited()) return;
      child.kill(signal);
      if (await goneWithin(STOPS_WITHIN_MS)) return;
      await kill();
      throw new Error(`${name} did not stop within ${STOPS_WITHIN_MS / 1000} s of ${signal} and was killed. It said:\n${output}`);
    },
    kill,
  };
}

/**
 * A shell that waits at a pipe from us: when we are gone, however that came, the pipe ends and it signals the server.
 * (A parent-death signal would be lost when a server changes its account, as Postfix does.) Returns its dismissal.
 */
function guard(pid: number, signal: string): () => void {
  const script = `read -r _; kill -${signal} ${pid}`;
  const guardian = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: tmpdir() });
  guardian.unref();
  if (guardian.stdin instanceof Socket) guardian.stdin.unref();
  return () => guardian.kill("SIGKILL");
}

/** Waits until the server accepts connections on all ports. If it ends before that, its last words are in the error. */
export async function untilListening(program: Program, ports: readonly number[], log: () => string = () => ""): Promise<void> {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (const port of ports) {
    while (!(await isListening(port))) {
      if (!program.running()) throw new Error(`${program.name} ended instead of listening on port ${port}:\n${program.said()}${log()}`);
      if (Date.now() > deadline) {
        await program.kill();
        throw new Error(`${program.name} did not listen on port ${port} within ${STARTS_WITHIN_MS / 1000} s:\n${program.said()}${log()}`);
      }
      await sleep(20);
    }
  }
}

/** Children of a stopped server may hold its ports for a moment; only when they are free can it start again. */
export async function untilClosed(ports: readonly number[]): Promise<void> {
  const deadline = Date.now() + STOPS_WITHIN_MS;
  for (const port of ports) {
    while (await isListening(port)) {
      if (Date.now() > deadline) throw new Error(`somebody still listens on port ${port}`);
      await sleep(20);
    }
  }
}

/** Runs a program to its end and returns its standard output; throws with its error output when it fails. */
export function runProgram(
  name: string,
  args: readonly string[],
  options?: { readonly dropRoot?: boolean; readonly input?: string },
): string {
  const [program, ...rest] = command(name, args, options?.dropRoot ?? false);
  const result = spawnSync(program, rest, { encoding: "utf8", input: options?.input ?? "", cwd: tmpdir(), maxBuffer: 64 << 20 });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${name} ended with ${result.status ?? result.signal}: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

/** Where a program is, on the PATH or in the folders for administrators; undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  if (path.isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin", "/sbin"];
  return folders.map((folder) => path.join(folder, name)).find(isExecutable);
}

/** A new temporary folder for one server, closed to other accounts. */
export function temporaryFolder(name: string): string {
  return mkdtempSync(path.join(tmpdir(), `waypost-${name}-`));
}

/** Hands a folder with all that is in it to `account`. */
export function giveToAccount(folder: string): void {
  if (!asRoot) return;
  chownSync(folder, account.uid, account.gid);
  for (const entry of readdirSync(folder)) {
    const file = path.join(folder, entry);
    if (lstatSync(file).isDirectory()) giveToAccount(file);
    else chownSync(file, account.uid, account.gid);
  }
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** What a server wrote to its log file so far. */
export function readLog(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function programPath(name: string): string {
  const found = findProgram(name);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The command line of a program, under `account` if it is not to run as root. */
function command(name: string, args: readonly string[], dropRoot: boolean): [string, ...string[]] {
  const program = programPath(name);
  if (!(dropRoot && asRoot)) return [program, ...args];
  return [programPath("setpriv"), "--reuid", `${account.uid}`, "--regid", `${account.gid}`, "--clear-groups", "--", program, ...args];
}

/** Kills the process that leads a group and all that are still in it. */
export function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    // The group may have ended between our look and the kill.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

export interface Account {
  readonly name: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

export function namedAccount(name: string): Account {
  if (process.platform === "win32") return { name, group: name, uid: 0, gid: 0 };
  const ask = (...args: string[]) => spawnSync("id", [...args, name], { encoding: "utf8" }).stdout.trim();
  return { name, group: ask("-gn"), uid: Number(ask("-u")), gid: Number(ask("-g")) };
}
