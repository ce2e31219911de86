/**
 * The lock on a data folder. Nothing in PGlite stops a second process from opening the same folder and destroying it.
 *
 * Lock files are numbered: `database.lock.7` is held, and whoever finds its holder dead creates `database.lock.8`, which the file
 * system gives to exactly one (O_EXCL). Numbers only grow: a holder that leaves marks its file as released and keeps it. So nobody ever
 * deletes a file that somebody else may just have made, which is where lock files that are removed and made anew go wrong.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { Failure } from "../model/failure.ts";
import { makePrivateFolder } from "./private-folder.ts";

const PREFIX = "database.lock.";
/** The holder touches its file this often. */
const BEAT_MS = 1_000;
/** A heartbeat older than this is dead, where nothing better tells: many beats, so that a busy disk does not look like death. */
const STALE_MS = 15_000;
/** How long a foreign host's file is watched for a beat before it counts as left behind. */
const WATCH_MS = 5_000;
/** Between creating a lock file and writing it a reader sees it empty; older than this it was left so. */
const EMPTY_MS = 2_000;

const holderSchema = z.object({
  token: z.string(),
  host: z.string(),
  pid: z.number().int(),
  /** When the process started, as the system tells it; null where it does not. Unmasks a process id that was given out again. */
  processStart: z.string().nullable(),
  released: z.boolean(),
});
type Holder = z.infer<typeof holderSchema>;

export interface FolderLock {
  /** Called once when another process has taken the folder over, which it does when this one looked dead: stop using it at once. */
  onLost(listener: (failure: Failure) => void): void;
  release(): Promise<void>;
}

/** Tokens of the locks that this very process holds: its process id alone proves nothing (containers start with the same ids again). */
const mine = new Set<string>();

/**
 * Locks the folder, which is made when it is missing and closed to all but its owner. Throws a `Failure` that names the holder when a living process
 * has it, and one that names the fault when other users of the machine could get in.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await makePrivateFolder(folder);
  for (;;) {
    const highest = (await lockNumbers(folder)).at(-1) ?? 0;
    if (highest > 0) await refuseIfHeld(folder, highest);
    const lock = await create(folder, highest + 1);
    if (lock !== null) return lock;
  }
}

async function create(folder: string, number: number): Promise<FolderLock | null> {
  const file = path.join(folder, `${PREFIX}${number}`);
  const holder: Holder = {
    token: randomUUID(),
    host: os.hostname(),
    pid: process.pid,
    processStart: processStart(process.pid),
    released: false,
  };
  // Before the file can be read: another attempt of this process would take an unknown token with its own process id for a dead one.
  mine.add(holder.token);
  try {
    await writeFile(file, JSON.stringify(holder), { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    mine.delete(holder.token);
    if (isCode(error, "EEXIST")) return null;
    throw error;
  }
  for (const older of await lockNumbers(folder)) {
    if (older < number) await rm(path.join(folder, `${PREFIX}${older}`), { force: true });
  }
  return hold(folder, number, file, holder);
}

function hold(folder: string, number: number, file: string, holder: Holder): FolderLock {
  let lost: ((failure: Failure) => void) | null = null;
  const beat = setInterval(() => {
    void check().catch(() => {
      // A beat that the disk refused proves nothing; the next one tries again.
    });
  }, BEAT_MS);
  beat.unref();
  async function check(): Promise<void> {
    const highest = (await lockNumbers(folder)).at(-1) ?? 0;
    if (highest === number) return utimes(file, new Date(), new Date());
    clearInterval(beat);
    mine.delete(holder.token);
    lost?.(takenOver(folder));
  }
  return {
    onLost(listener) {
      lost = listener;
    },
    async release() {
      clearInterval(beat);
      if (!mine.delete(holder.token)) return;
      const handle = await open(file, "r+");
      try {
        await handle.truncate(0);
        await handle.writeFile(JSON.stringify({ ...holder, released: true }));
      } finally {
        await handle.close();
      }
    },
  };
}

async function lockNumbers(folder: string): Promise<number[]> {
  const numbers = (await readdir(folder))
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => Number(name.slice(PREFIX.length)))
    .filter((number) => Number.isSafeInteger(number) && number > 0);
  return numbers.sort((a, b) => a - b);
}

/** Returns when nobody alive holds the lock of that number. */
async function refuseIfHeld(folder: string, number: number): Promise<void> {
  const file = path.join(folder, `${PREFIX}${number}`);
  const holder = await readHolder(file);
  if (holder === null || holder.released) return;
  if (await isAlive(holder, file)) throw heldFailure(folder, holder);
}

/** Null when the file is gone or was left without content. */
async function readHolder(file: string): Promise<Holder | null> {
  for (;;) {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      if (isCode(error, "ENOENT")) return null;
      throw error;
    });
    if (text === null) return null;
    const holder = holderSchema.safeParse(parseJson(text));
    if (holder.success) return holder.data;
    if ((await age(file)) > EMPTY_MS) return null;
    await sleep(50);
  }
}

async function isAlive(holder: Holder, file: string): Promise<boolean> {
  if (mine.has(holder.token)) return true;
  if (holder.host !== os.hostname()) return beats(file);
  if (holder.pid === process.pid || !processExists(holder.pid)) return false;
  const start = processStart(holder.pid);
  if (start !== null && holder.processStart !== null) return start === holder.processStart;
  return (await age(file)) < STALE_MS;
}

/** Another machine's process cannot be asked, and its clock may differ: its file is watched for a beat. */
async function beats(file: string): Promise<boolean> {
  const before = await age(file);
  if (before > STALE_MS) return false;
  const until = Date.now() + WATCH_MS;
  const modified = (await stat(file)).mtimeMs;
  while (Date.now() < until) {
    await sleep(BEAT_MS / 4);
    if ((await stat(file)).mtimeMs !== modified) return true;
  }
  return false;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

/** Start time in clock ticks since boot, with the boot's id (proc(5)); null where there is no /proc. */
function processStart(pid: number): string | null {
  try {
    // The name in parentheses may hold spaces; field 22 is the 20th after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[19]}`;
  } catch {
    return null;
  }
}

async function age(file: string): Promise<number> {
  return Date.now() - (await stat(file)).mtimeMs;
}

function heldFailure(folder: string, holder: Holder): Failure {
  return new Failure({
    scope: "process",
    code: "folder in use",
    message: `The data folder ${folder} is in use by another Waypost: process ${holder.pid} on ${holder.host}.`,
    remedy: `Stop process ${holder.pid} on ${holder.host}, or choose another data folder. For several processes at once use PostgreSQL.`,
    waitingHelps: false,
  });
}

function takenOver(folder: string): Failure {
  return new Failure({
    scope: "process",
    code: "folder taken over",
    message: `Another process took over the data folder ${folder} because this one gave no sign of life.`,
    remedy: "Run one Waypost per data folder. This process must be restarted.",
    waitingHelps: false,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
