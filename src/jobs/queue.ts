import type { Database, Transaction } from "../database/database.ts";
import { startClock } from "./clock.ts";
import { JobStore } from "./job-store.ts";
import { type Handler, type ReportJob, Workers, type WorkOptions } from "./workers.ts";

export const QUEUES = ["receive", "send", "maintenance"] as const;
export type QueueName = (typeof QUEUES)[number];

/** Backstop for a notification that got lost, and how soon the work of a killed process is taken over. */
const LOOK_MS = 1_000;

export interface QueueOptions {
  /** Told of every error that escaped a handler or the queue itself; `key` is null when no single key is meant. */
  readonly report: ReportJob;
}

export interface Queue {
  /**
   * Makes one job wait for the key; nothing happens when one waits already. While one runs, another one can wait. In a transaction it
   * takes effect with the commit.
   */
  wake(name: QueueName, key: string, within?: Transaction): Promise<void>;
  /** Whether a job waits because every worker of this process is busy. */
  isFull(name: QueueName): Promise<boolean>;
  /** Runs jobs of the queue in this process: many keys at a time, over all processes at most one per key. Once per queue. */
  work(name: QueueName, options: WorkOptions, handler: Handler): void;
  /** Takes no more jobs, gives handlers that many seconds, then aborts their signals and puts back what does not end. Idempotent. */
  stop(options: { readonly gracefulSeconds: number }): Promise<void>;
}

/**
 * Starts the queue engine on the database and puts back at once what killed processes left running. Jobs survive everything; a
 * handler's job is over when the handler ends, however it ends.
 */
export async function startQueue(database: Database, options: QueueOptions): Promise<Queue> {
  const workers = new Map<string, Workers>();
  const pokeAll = (): void => {
    for (const one of workers.values()) one.poke();
  };
  const report = (error: unknown): void => options.report(error, { queue: "all", key: null });
  const store = await JobStore.open(database, QUEUES, (queue) => (queue === null ? pokeAll() : workers.get(queue)?.poke()), report);
  const clock = startClock({ everyMs: LOOK_MS, report }, async () => {
    await store.reclaimFromDead();
    pokeAll();
  });
  let stopping: Promise<void> | null = null;
  const stop = async (gracefulSeconds: number): Promise<void> => {
    await clock.stop();
    await Promise.all([...workers.values()].map((one) => one.stop(gracefulSeconds * 1000)));
    await store.close();
  };
  return {
    wake: (name, key, within) => store.add(name, key, within),
    isFull: async (name) => workers.get(name)?.isFull() === true && (await store.hasWaiting(name)),
    work(name, workOptions, handler) {
      if (workers.has(name)) throw new Error(`The queue ${name} has its workers already.`);
      const added = new Workers(store, name, workOptions, handler, options.report);
      workers.set(name, added);
      added.poke();
    },
    stop({ gracefulSeconds }) {
      stopping ??= stop(gracefulSeconds);
      return stopping;
    },
  };
}
