import { pause, within } from "../database/patience.ts";
import { isUnavailable } from "../database/sql-error.ts";
import type { Job, JobStore } from "./job-store.ts";

/** Does the work of one key. `signal` aborts when the process cannot wait any longer: stop at the next safe point. */
export type Handler = (key: string, signal: AbortSignal) => Promise<void>;

export interface WorkOptions {
  /** Keys worked on at the same time in this process. */
  readonly concurrency: number;
}

export type ReportJob = (error: unknown, where: { readonly queue: string; readonly key: string | null }) => void;

/** Between two tries to tell a database that was away that a job has ended. */
const RETRY_MS = 1_000;
/** Handlers get this long to follow their aborted signal; then their jobs are given to others, and the lease keeps them from committing. */
const ABORT_PATIENCE_MS = 2_000;

/** The workers of one queue in this process. Woken by `poke`, they fill all free places at once; nothing waits for a poll while work is there. */
export class Workers {
  readonly #store: JobStore;
  readonly #queue: string;
  readonly #options: WorkOptions;
  readonly #handler: Handler;
  readonly #report: ReportJob;
  readonly #running = new Map<string, { readonly job: Job; readonly done: Promise<void> }>();
  readonly #abort = new AbortController();
  #stopping = false;
  #poked = false;
  #filling: Promise<void> | null = null;
  /** A claim failed and may have been committed all the same. */
  #uncertain = false;

  constructor(store: JobStore, queue: string, options: WorkOptions, handler: Handler, report: ReportJob) {
    this.#store = store;
    this.#queue = queue;
    this.#options = options;
    this.#handler = handler;
    this.#report = report;
  }

  /** Every worker has a job. */
  isFull(): boolean {
    return this.#running.size >= this.#options.concurrency;
  }

  /** There may be work. */
  poke(): void {
    this.#poked = true;
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = null;
      if (this.#poked && !this.#stopping) this.poke();
    });
  }

  async #fill(): Promise<void> {
    while (this.#poked && !this.#stopping) {
      this.#poked = false;
      const free = this.#options.concurrency - this.#running.size;
      if (free <= 0) return;
      try {
        if (this.#uncertain) await this.#store.reclaimUnknown(this.#queue, this.#running.keys());
        this.#uncertain = true;
        const jobs = await this.#store.claim(this.#queue, free);
        this.#uncertain = false;
        for (const job of jobs) this.#start(job);
      } catch (error) {
        this.#report(error, { queue: this.#queue, key: null });
      }
    }
  }

  #start(job: Job): void {
    const done = this.#run(job).finally(() => {
      this.#running.delete(job.id);
      this.poke();
    });
    this.#running.set(job.id, { job, done });
  }

  /** A job never ends failed: an error is reported, and when the work is to be tried again stands in the ledger. */
  async #run(job: Job): Promise<void> {
    const where = { queue: this.#queue, key: job.key };
    try {
      await this.#handler(job.key, this.#abort.signal);
    } catch (error) {
      this.#report(error, where);
    }
    // Until the database knows, the key stays taken; were it given up here, the key would be blocked as long as this process lives.
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#store.finish(this.#queue, job);
      } catch (error) {
        if (tries === 1 || !isUnavailable(error)) this.#report(error, where);
        if (this.#abort.signal.aborted) return;
        await pause(RETRY_MS, this.#abort.signal);
      }
    }
  }

  /** Takes no new job, waits for the running ones, then aborts them; what does not follow is put back for others. */
  async stop(gracefulMs: number): Promise<void> {
    this.#stopping = true;
    await this.#filling;
    if (!(await within(gracefulMs, this.#settled()))) {
      this.#abort.abort(new Error("Waypost stops."));
      await within(ABORT_PATIENCE_MS, this.#settled());
    }
    this.#abort.abort();
    for (const { job } of this.#running.values()) {
      try {
        await this.#store.putBack(this.#queue, job);
      } catch (error) {
        this.#report(error, { queue: this.#queue, key: job.key });
      }
    }
  }

  #settled(): Promise<unknown> {
    return Promise.all([...this.#running.values()].map((one) => one.done));
  }
}
