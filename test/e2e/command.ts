import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

export const COMMAND = path.resolve(import.meta.dirname, "../../bin/waypost.mjs");

/** A command that does not end or say what is waited for hangs. */
const PATIENCE_MS = 180_000;

export interface CommandOptions {
  /** Where it is started. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The Node that starts it, and its own arguments; default: the one that runs the tests. */
  readonly node?: string;
  readonly nodeArguments?: readonly string[];
}

/** How a command ended, and everything it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

/** A real `waypost` as a process of its own. */
export interface Running {
  /** Resolves with everything said when the text was said on either stream; rejects when the process ends without it. */
  until(text: string): Promise<string>;
  /** Resolves when `so` returns true; rejects when the process ends before. */
  untilSo(what: string, so: () => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly pid: number;
  /** Everything said so far, on both streams. */
  said(): string;
  /** Nobody reads its standard output any more, as behind `| head`. */
  closeOutput(): void;
  readonly ended: Promise<Ended>;
}

/** Starts `waypost` with these arguments; whatever the environment of the tests says about databases and files is left out. */
export function startWaypost(args: readonly string[], options: CommandOptions): Running {
  return startProcess(options.node ?? process.execPath, [...(options.nodeArguments ?? []), COMMAND, ...args], options);
}

/** Runs `waypost` to its end. */
export function waypost(args: readonly string[], options: CommandOptions): Promise<Ended> {
  return startWaypost(args, options).ended;
}

/** Those that run: none outlives the tests. */
const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Any program, with the environment of {@link startWaypost}. */
export function startProcess(program: string, args: readonly string[], { folder, environment = {} }: CommandOptions): Running {
  const { NODE_TEST_CONTEXT: _, DATABASE_URL: __, WAYPOST_CONFIG: ___, WAYPOST_TEST_DATABASE_URL: ____, ...inherited } = process.env;
  const child = spawn(program, args, { cwd: folder, env: { ...inherited, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", error: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.error += text;
  });
  children.add(child);
  const hangs = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(hangs);
      children.delete(child);
      resolve({ code, signal, ...said });
    });
  });
  const untilSo = (what: string, so: () => boolean) => watch(child, () => `${said.out}${said.error}`, what, so);
  return {
    ended,
    untilSo,
    pid: child.pid ?? 0,
    said: () => `${said.out}${said.error}`,
    until: async (text) => {
      await untilSo(`"${text}"`, () => said.out.includes(text) || said.error.includes(text));
      return `${said.out}${said.error}`;
    },
    kill: (signal) => child.kill(signal),
    closeOutput: () => child.stdout.destroy(),
  };
}

async function watch(child: ChildProcess, said: () => string, what: string, so: () => boolean): Promise<void> {
  while (!so()) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`waypost ended (${child.exitCode ?? child.signalCode}) before ${what}:\n${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A Node of the machine that is too old for Waypost; undefined where there is none. */
export function olderNode(): string | undefined {
  return ["/usr/bin/node", "/usr/local/bin/node"].filter(existsSync).find((file) => {
    const [major = 0, minor = 0] = spawnSync(file, ["--version"], { encoding: "utf8" }).stdout.slice(1).split(".").map(Number);
    return major < 24 || (major === 24 && minor < 11);
  });
}
