import { Worker } from "node:worker_threads";
import type { SafeBody } from "./sanitize.ts";
import type { Request } from "./sanitize-worker.ts";

/** Longest time for one body, in milliseconds. An honest one of the greatest length takes a second; a hostile one would take minutes. */
const DEADLINE = 5000;
/** Memory of the thread: a hundred times the longest body. */
const MEMORY_MEGABYTES = 256;

/**
 * Makes HTML bodies safe in a thread, one after the other, so that no message however hostile holds up the service. The thread starts
 * with the first body.
 */
export class Sanitizer {
  readonly #deadline: number;
  #worker: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Takes the result of the body that is in work. */
  #answer: ((result: SafeBody | null) => void) | null = null;

  constructor(deadline: number = DEADLINE) {
    this.#deadline = deadline;
  }

  /** See sanitize(). Null when the deadline passed or the body broke the thread: then only the plain text can be shown. */
  sanitize(body: string, pictures: ReadonlyMap<string, string>): Promise<SafeBody | null> {
    const result = this.#last.then(() => this.#ask({ body, pictures }));
    this.#last = result;
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#worker) this.#giveUp(this.#worker);
    await this.#last;
  }

  #ask(request: Request): Promise<SafeBody | null> {
    if (this.#closed) return Promise.resolve(null);
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(worker), this.#deadline);
      this.#answer = (result) => {
        clearTimeout(timer);
        this.#answer = null;
        resolve(result);
      };
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./sanitize-worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MEGABYTES },
    });
    worker.on("message", (result: SafeBody) => this.#worker === worker && this.#answer?.(result));
    // Out of memory comes as an error too. The listeners stay, because the error of a dying thread would end the process without one.
    worker.on("error", () => this.#giveUp(worker));
    worker.on("exit", () => this.#giveUp(worker));
    // A resting thread keeps no process from ending.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #giveUp(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    void worker.terminate();
    this.#answer?.(null);
  }
}
