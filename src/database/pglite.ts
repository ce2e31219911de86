import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { Failure } from "../model/failure.ts";
import type { StatementOptions } from "../model/sql.ts";
import { Channels, quoteName } from "./channels.ts";
import type { NotDurable, Presence, Report } from "./database.ts";
import { type Engine, firstWords, type Rows, type Session } from "./engine.ts";
import type { FolderLock } from "./lock-file.ts";
import { within } from "./patience.ts";
import type { TextResult } from "./pglite-protocol.ts";
import type { Request, Response } from "./pglite-worker.ts";
import { joinAlone } from "./presence.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { toDatabaseError } from "./sql-error.ts";
import { FolderSync } from "./sync-folder.ts";
import { Turnstile } from "./turnstile.ts";
import { decoderOf, type Encoded, encode } from "./types.ts";

/** How long closing waits for a holder; then the thread is ended, and the transaction with it. */
const CLOSE_PATIENCE_MS = 10_000;

/**
 * Opens PGlite in `<folder>/pglite`, whose lock the caller has taken. A new database is made beside it and renamed when it is whole,
 * so that a process killed in the first start leaves nothing half.
 */
export async function openPglite(folder: string, lock: FolderLock, report: Report): Promise<Engine> {
  const data = path.join(folder, "pglite");
  if (!existsSync(data)) {
    const unfinished = path.join(folder, "pglite.unfinished");
    await rm(unfinished, { recursive: true, force: true });
    await makePrivateFolder(unfinished);
    const first = await PgliteThread.start(unfinished, () => {});
    await first.close();
    await rename(unfinished, data);
  }
  await makePrivateFolder(data);
  const channels = new Channels();
  const thread = await PgliteThread.start(data, (channel, payload) => channels.deliver(channel, payload));
  lock.onLost((failure) => void thread.abandon(failure));
  return new PgliteEngine(thread, data, channels, lock, report);
}

class PgliteEngine implements Engine {
  readonly name = "pglite";
  readonly #thread: PgliteThread;
  readonly #channels: Channels;
  readonly #lock: FolderLock;
  /** PGlite has one session for everybody. */
  readonly #turnstile: Turnstile;
  readonly #sync: FolderSync;
  #leave: (() => Promise<void>) | null = null;

  constructor(thread: PgliteThread, data: string, channels: Channels, lock: FolderLock, report: Report) {
    this.#thread = thread;
    this.#sync = new FolderSync(data);
    this.#channels = channels;
    this.#lock = lock;
    this.#turnstile = new Turnstile(1, report);
  }

  /** The thread carries out one request after the other: a statement that is whole in itself waits for transactions only. */
  async query(text: string, values: readonly unknown[], options?: StatementOptions): Promise<Rows> {
    const turn = await this.#turnstile.pass(firstWords(text));
    try {
      return await queryThread(this.#thread, text, values, options);
    } finally {
      turn.leave();
    }
  }

  async connect(who: string): Promise<Session> {
    const turn = await this.#turnstile.enter(who);
    // It goes along with what is asked first.
    let begins = false;
    const taken = (): boolean => {
      const before = begins;
      begins = false;
      return before;
    };
    return {
      begin: async () => {
        begins = true;
      },
      query: (text, values, options) => queryThread(this.#thread, text, values, options, taken),
      script: (text) => this.#thread.ask({ kind: "script", text, begins: taken() }),
      release: () => turn.leave(),
    };
  }

  async listen(channel: string, onNotify: (payload: string) => void, onResume: () => void): Promise<() => Promise<void>> {
    const remove = this.#channels.add(channel, onNotify, onResume);
    await this.#inTurn(`listen ${quoteName(channel)}`);
    return async () => {
      if (remove()) await this.#inTurn(`unlisten ${quoteName(channel)}`);
    };
  }

  async join(): Promise<Presence> {
    const { presence, leave } = await joinAlone((text, values) => queryThread(this.#thread, text, values));
    this.#leave = leave;
    return presence;
  }

  /** PGlite runs with fsync off, and its file system hands writes to the system and no more: after a checkpoint all stands in the files. */
  async makeDurable(): Promise<NotDurable | null> {
    await this.#inTurn("checkpoint");
    try {
      await this.#sync.flush();
      return null;
    } catch (error) {
      return {
        reason: `The files of the embedded database could not be written to the disk for certain: ${error instanceof Error ? error.message : String(error)}`,
        remedy: "Look whether the disk is full or failing. For mail that exists nowhere else, use PostgreSQL (docs/database.md).",
      };
    }
  }

  async close(): Promise<void> {
    try {
      const quiet = await within(CLOSE_PATIENCE_MS, this.#turnstile.close());
      // A transaction that does not end is cut off with the thread; the row of a process that ended so stays, as after a crash.
      if (quiet) await this.#leave?.();
      await this.#thread.close(quiet);
    } finally {
      await this.#lock.release();
    }
  }

  async #inTurn(statement: string): Promise<void> {
    const turn = await this.#turnstile.enter(statement);
    try {
      await this.#thread.ask({ kind: "script", text: statement, begins: false });
    } finally {
      turn.leave();
    }
  }
}

/** @param begins asked when nothing more can keep the statement from being sent */
async function queryThread(
  thread: PgliteThread,
  text: string,
  values: readonly unknown[],
  { keepsPlan = false }: StatementOptions = {},
  begins: () => boolean = () => false,
): Promise<Rows> {
  const handedOver: ArrayBuffer[] = [];
  const encoded = values.map((value): Encoded => {
    const one = encode(value);
    if (!Buffer.isBuffer(one)) return one;
    // In memory of their own they go to the thread without being copied again; whoever gave them may still need them here.
    const { buffer } = new Uint8Array(one);
    handedOver.push(buffer);
    return Buffer.from(buffer);
  });
  const [result] = await thread.ask({ kind: "query", text, values: encoded, keepsPlan, begins: begins() }, handedOver);
  if (result === undefined) throw new Error("PGlite gave no result.");
  return result;
}

type Asked = { [Kind in Request["kind"]]: Omit<Extract<Request, { kind: Kind }>, "id"> }[Request["kind"]];

interface Pending {
  readonly resolve: (results: readonly Rows[]) => void;
  readonly reject: (error: Error) => void;
}

/** The worker thread seen from outside: requests with answers. Once it has died, every request fails with the same `Failure`. */
class PgliteThread {
  readonly #worker: Worker;
  readonly #place: string;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #dead: Failure | null = null;

  static start(dataDir: string, onNotification: (channel: string, payload: string) => void): Promise<PgliteThread> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./pglite-worker.ts", import.meta.url), { workerData: dataDir });
      const thread = new PgliteThread(worker, dataDir);
      const fail = (said: string): void => {
        const failure = died(dataDir, said);
        reject(failure);
        void thread.abandon(failure);
      };
      worker.on("error", (error) => fail(String(error)));
      worker.on("exit", () => fail("The database thread ended."));
      worker.on("message", (response: Response) => {
        if (response.kind === "ready") resolve(thread);
        else if (response.kind === "unusable") fail(response.message);
        else if (response.kind === "notification") onNotification(response.channel, response.payload);
        else thread.#settle(response);
      });
    });
  }

  private constructor(worker: Worker, place: string) {
    this.#worker = worker;
    this.#place = place;
  }

  ask(request: Asked, handedOver: readonly ArrayBuffer[] = []): Promise<readonly Rows[]> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, handedOver);
    });
  }

  /** `inOrder`: PostgreSQL's own shutdown first, which writes a checkpoint and makes the next start quick. */
  async close(inOrder = true): Promise<void> {
    if (inOrder && this.#dead === null) await this.ask({ kind: "close" });
    await this.abandon(died(this.#place, "The database was closed."));
  }

  /** Ends the thread at once; what was asked and not answered fails with `failure`. */
  async abandon(failure: Failure): Promise<void> {
    this.#dead ??= failure;
    for (const pending of this.#pending.values()) pending.reject(this.#dead);
    this.#pending.clear();
    await this.#worker.terminate();
  }

  #settle(response: Extract<Response, { id: number }>): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if (pending === undefined) return;
    if (response.kind === "refused") {
      pending.reject(toDatabaseError(Object.assign(new Error(response.error.message), response.error), this.#place));
      return;
    }
    try {
      pending.resolve(response.results.map(toRows));
    } catch (error) {
      pending.reject(toDatabaseError(error, this.#place));
    }
  }
}

function toRows(result: TextResult): Rows {
  const decoders = result.types.map(decoderOf);
  const rows = result.rows.map((fields) => {
    const row: Record<string, unknown> = {};
    for (const [index, name] of result.names.entries()) {
      const field = fields[index] ?? null;
      row[name] = field === null ? null : decoders[index]?.(field);
    }
    return row;
  });
  return { rows, rowCount: result.rowCount, command: result.command };
}

function died(place: string, said: string): Failure {
  return new Failure({
    scope: "process",
    code: "database unavailable",
    message: `The embedded database in ${place} stopped working.`,
    serverSaid: said,
    remedy: "Restart Waypost. If it happens again, check the disk and the folder's permissions, or restore the folder from a backup.",
    waitingHelps: false,
  });
}
