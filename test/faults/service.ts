import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const COMMAND = path.resolve(import.meta.dirname, "../../bin/waypost.mjs");
const PRELOADED = path.join(import.meta.dirname, "kill-at.ts");
/** How often a file that the process writes is looked at. */
const LOOK_MS = 10;
/** A process that does not do what is waited for hangs. Generous: it may have a small part of a busy machine. */
const PATIENCE_MS = 120_000;

/** A step of the engine that the process passed. */
export interface PassedStep {
  /** Milliseconds of the epoch. */
  readonly at: number;
  readonly name: string;
}

/** One line of the service's structured log; what the suites look at. */
export type LogLine = z.output<typeof logLine>;

const logLine = z.looseObject({ level: z.number(), time: z.number(), msg: z.string() });

/** The level of pino from which a line is an error. */
export const ERROR_LEVEL = 50;

/** The real `waypost serve` as a process of its own. */
export interface Service {
  readonly pid: number;
  readonly startedAt: number;
  /** All steps passed so far, in order. */
  steps(): readonly PassedStep[];
  readonly log: readonly LogLine[];
  /** Everything on standard error. */
  said(): string;
  running(): boolean;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Resolves when `true` comes back; throws when the process ends before or it does not come about. */
  until(what: string, isSo: (service: Service) => boolean): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; throws unless it ends with code 0. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly config: string;
  readonly trace: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Step at which it kills itself: see kill-at.ts. */
  readonly killAt?: string | undefined;
  readonly roles?: string | undefined;
}

export function startService({ config, trace, environment, killAt, roles }: ServiceOptions): Service {
  const { NODE_TEST_CONTEXT: _, DATABASE_URL: __, ...inherited } = process.env;
  const startedAt = Date.now();
  const child = spawn(
    process.execPath,
    ["--import", PRELOADED, COMMAND, "--config", config, "serve", ...(roles === undefined ? [] : ["--roles", roles])],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...inherited, ...environment, WAYPOST_STEP_TRACE: trace, ...(killAt === undefined ? {} : { WAYPOST_KILL_AT: killAt }) },
    },
  );
  const log: LogLine[] = [];
  let said = "";
  createInterface(child.stdout).on("line", (line) => {
    const parsed = parseLine(line);
    if (parsed === null) said += `${line}\n`;
    else log.push(parsed);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const orphaned = () => child.kill("SIGKILL");
  process.once("exit", orphaned);
  const ended = new Promise<Awaited<Service["ended"]>>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      process.off("exit", orphaned);
      resolve({ code, signal });
    });
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  const service: Service = {
    pid: child.pid ?? 0,
    startedAt,
    steps: () => readSteps(trace),
    log,
    said: () => said,
    running,
    ended,
    async until(what, isSo) {
      const deadline = Date.now() + PATIENCE_MS;
      while (!isSo(service)) {
        if (!running()) throw new Error(`waypost ended (${child.exitCode ?? child.signalCode}) before ${what}:\n${said}${lastLines(log)}`);
        if (Date.now() > deadline) throw new Error(`after ${PATIENCE_MS / 1000} s still not ${what}:\n${said}${lastLines(log)}`);
        await sleep(LOOK_MS);
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      child.kill("SIGTERM");
      const { code } = await ended;
      if (code !== 0) throw new Error(`waypost ended with ${code} when it was told to stop:\n${said}${lastLines(log)}`);
    },
  };
  return service;
}

/** What the service logs when it has started. */
export const SERVES = "waypost serves";

export function serves(service: Service): boolean {
  return service.log.some((line) => line.msg === SERVES);
}

function readSteps(trace: string): PassedStep[] {
  if (!existsSync(trace)) return [];
  // Each line was written in one piece, but the newest may be under way.
  const lines = readFileSync(trace, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [at = "", name = ""] = line.split(" ");
    return { at: Number(at), name };
  });
}

function parseLine(line: string): LogLine | null {
  try {
    const parsed = logLine.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function lastLines(log: readonly LogLine[]): string {
  return log
    .slice(-10)
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}
