import { Worker } from "node:worker_threads";
import { problemOfBounds } from "./json-bounds.ts";

/** Bytes up to which JSON is read at once: a few milliseconds. */
const SMALL = 512 * 1024;

/** What the thread answers: the value, or that the bytes are no JSON. */
export type Read = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly problem: string };

/**
 * Reads JSON: short texts at once, long ones in a thread, so that an attachment of 128 MB holds up nobody. What comes back from the thread is copied, which for
 * the long strings that make bodies long is a copy of memory. The thread starts with the first long body.
 */
export class BodyReader {
  #worker: Worker | null = null;
  #last = 0;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();

  /** Rejects with a SyntaxError for what is no JSON, or is nested too deeply or holds too many values (see json-bounds.ts). */
  async read(bytes: Buffer): Promise<unknown> {
    if (bytes.length <= SMALL) {
      const problem = problemOfBounds(bytes);
      if (problem !== null) throw new SyntaxError(problem);
      return JSON.parse(bytes.toString("utf8"));
    }
    const id = ++this.#last;
    // A copy of its own, which can be handed over whole; the bytes may be a piece of a batch.
    const own = new Uint8Array(bytes);
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const worker = this.#worker ?? this.#start();
      // As long as somebody waits, the process does not end.
      worker.ref();
      worker.postMessage({ id, bytes: own }, [own.buffer]);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
    this.#giveUp(new Error("the web server is closing"));
  }

  #start(): Worker {
    const worker = new Worker(new URL("./body-worker.ts", import.meta.url));
    worker.on("message", (read: Read) => {
      const asked = this.#waiting.get(read.id);
      this.#waiting.delete(read.id);
      if (this.#waiting.size === 0) worker.unref();
      if ("problem" in read) asked?.reject(new SyntaxError(read.problem));
      else asked?.resolve(read.value);
    });
    worker.on("error", (error) => this.#failed(worker, error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", () => this.#failed(worker, new Error("the thread that reads bodies ended")));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #failed(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#giveUp(error);
  }

  #giveUp(error: Error): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(error);
  }
}
