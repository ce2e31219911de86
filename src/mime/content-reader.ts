import { Worker } from "node:worker_threads";
import { Failure } from "../model/failure.ts";
import type { MessageHead } from "../model/message.ts";
import type { Origin } from "../model/origin.ts";
import type { Question, Request, Response } from "./content-thread.ts";
import type { HeadFacts } from "./head.ts";
import type { Storable, StorageLimits } from "./storable.ts";

/** Longest time for one message, in milliseconds. The largest one takes a second; a machine under load may need some times that. */
const DEADLINE = 60_000;

/** Megabytes of text that the thread may hold: several times the largest message. Bytes of attachments do not count. */
const HEAP_MEGABYTES = 768;

/** Bytes in the thread at a time, so that it need not wait for us between two messages; the rest waits here. */
const BYTES_IN_THREAD = 2 * 1024 * 1024;

/** A message larger than this goes alone and is given away instead of copied. */
const LARGE = 1024 * 1024;

/** A message as the CRM may store it; the attachments have their hashes. */
export interface ReadContent {
  readonly storable: Storable;
  /** What is new in its text; see replyOf. */
  readonly reply: string | null;
  /** See contentFingerprint; null unless it was asked for. */
  readonly fingerprint: string | null;
  /** What the message's own header says, to be compared with the head that it was decided on; null where it is written as in that head. */
  readonly origin: Origin | null;
}

export interface ReadOptions {
  readonly limits: StorageLimits;
  readonly fingerprint: boolean;
  /** That of the head that it was decided on, if it is known: saves reading the header once more. */
  readonly originDigest?: string | undefined;
}

/** What the reader can be told for tests. */
export interface ReaderSettings {
  readonly deadline?: number;
  readonly heapMegabytes?: number;
}

/** The heads of the messages that are attached to one. */
export interface HeadsOfAttached {
  /** Each with a ref of its own: see originalId in model/. */
  readonly heads: readonly MessageHead[];
  /** More are attached than are kept, or the message has more parts than are read. */
  readonly isCut: boolean;
}

/** Messages that are attached to one. */
export interface AttachedMessages {
  /** How many there are. */
  readonly of: number;
  /** Those asked for that are there, by number, byte for byte. */
  readonly messages: ReadonlyMap<number, Buffer>;
}

type Answer = Exclude<Response, { kind: "ready" | "failed" }>;

interface Asked {
  readonly mime: Buffer;
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads the content of messages in a thread of its own, in the order in which they are given, so that the event loop never waits for a large one
 * and a second core takes its share. A message that breaks the thread or holds it too long fails alone: those behind it are read by a new thread.
 */
export class ContentReader {
  readonly #settings: Required<ReaderSettings>;
  readonly #waiting: Asked[] = [];
  /** Given to the thread and not answered; the first of them is the one in work. */
  readonly #given: Asked[] = [];
  #thread: Worker | null = null;
  #ready = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** What is asked in one turn of the event loop is handed over at its end, in one message. */
  #giving: NodeJS.Immediate | null = null;

  constructor(settings: ReaderSettings = {}) {
    this.#settings = { deadline: DEADLINE, heapMegabytes: HEAP_MEGABYTES, ...settings };
  }

  /**
   * Parses a raw message and leaves out what the CRM may not store. The bytes belong to the reader from then on. Rejects with an error about this
   * message alone where it cannot be read, and with a Failure of scope process where nothing can be.
   */
  async read(mime: Buffer, options: ReadOptions): Promise<ReadContent> {
    const answer = await this.#ask(mime, { kind: "read", ...options });
    if (answer.kind !== "read") throw answeredOtherwise(answer);
    return received(answer);
  }

  /** The heads of the messages attached to a raw message, of which this is known. Takes the bytes, and rejects, as `read` does. */
  async headsOfAttached(mime: Buffer, facts: HeadFacts): Promise<HeadsOfAttached> {
    const answer = await this.#ask(mime, { kind: "heads of attached", facts });
    if (answer.kind !== "heads of attached") throw answeredOtherwise(answer);
    return answer;
  }

  /** Messages attached to a raw message, by number from 1. Takes the bytes, and rejects, as `read` does. */
  async attached(mime: Buffer, numbers: readonly number[]): Promise<AttachedMessages> {
    const answer = await this.#ask(mime, { kind: "attached", numbers });
    if (answer.kind !== "attached") throw answeredOtherwise(answer);
    return { of: answer.of, messages: new Map([...answer.messages].map(([number, { buffer }]) => [number, Buffer.from(buffer)])) };
  }

  #ask(mime: Buffer, question: Question): Promise<Answer> {
    if (this.#closed) return Promise.reject(stopped());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ mime, question, resolve, reject });
      this.#giving ??= setImmediate(() => {
        this.#giving = null;
        this.#give();
      });
    });
  }

  /** Ends the thread at once; what is not read yet is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#giving !== null) clearImmediate(this.#giving);
    const thread = this.#thread;
    this.#thread = null;
    for (const { reject } of [...this.#given.splice(0), ...this.#waiting.splice(0)]) reject(stopped());
    await thread?.terminate();
  }

  /** Hands the thread as much as it may hold. */
  #give(): void {
    const wasIdle = this.#given.length === 0;
    const requests: Request[] = [];
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#given.push(next);
      requests.push({ mime: handedOver(next.mime), question: next.question });
    }
    if (requests.length > 0) {
      const thread = this.#thread ?? this.#start();
      thread.postMessage(
        requests,
        requests.map(({ mime }) => mime.buffer),
      );
      if (wasIdle) this.#watch(thread);
    }
    // A thread with nothing to do keeps no process from ending, and one that works does.
    if (this.#given.length > 0) this.#thread?.ref();
    else this.#thread?.unref();
  }

  #fits({ mime }: Asked): boolean {
    if (this.#given.length === 0) return true;
    const held = this.#given.reduce((bytes, one) => bytes + one.mime.length, 0);
    return mime.length <= LARGE && this.#given.every((one) => !isGivenAway(one)) && held + mime.length <= BYTES_IN_THREAD;
  }

  #watch(thread: Worker): void {
    clearTimeout(this.#timer);
    // The time that the thread takes to start is no message's.
    if (this.#given.length === 0 || !this.#ready) return;
    const { deadline } = this.#settings;
    this.#timer = setTimeout(() => this.#broke(thread, `It took more than ${deadline / 1000} seconds.`), deadline);
  }

  #start(): Worker {
    const thread = new Worker(new URL("./content-thread.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.#settings.heapMegabytes },
    });
    this.#ready = false;
    thread.on("message", (response: Response) => this.#hear(thread, response));
    // Out of memory comes as an error too. The listeners stay, because the error of a dying thread would end the process without one.
    thread.on("error", (error) => this.#broke(thread, error instanceof Error ? error.message : String(error)));
    thread.on("exit", () => this.#broke(thread, "The thread that reads messages ended."));
    this.#thread = thread;
    return thread;
  }

  #hear(thread: Worker, response: Response): void {
    if (this.#thread !== thread) return;
    if (response.kind === "ready") {
      this.#ready = true;
      this.#watch(thread);
      return;
    }
    const asked = this.#given.shift();
    if (response.kind === "failed") asked?.reject(new Error(response.message));
    else asked?.resolve(response);
    this.#watch(thread);
    this.#give();
  }

  /** The thread is lost at the message in work. One that never came to its first message is no message's fault. */
  #broke(thread: Worker, why: string): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    clearTimeout(this.#timer);
    void thread.terminate();
    const culprit = this.#given.shift();
    if (this.#ready) culprit?.reject(new Error(why));
    else culprit?.reject(noThread(why));
    this.#waiting.unshift(...this.#given.splice(0));
    if (!this.#ready) for (const { reject } of this.#waiting.splice(0)) reject(noThread(why));
    this.#give();
  }
}

function answeredOtherwise({ kind }: Answer): Error {
  return new Error(`The thread that reads messages answered something else than it was asked: "${kind}".`);
}

/** A small message is copied: it has to be given again should the thread break at another one. */
function handedOver(mime: Buffer): Uint8Array<ArrayBuffer> {
  return mime.length > LARGE && isWhole(mime) ? new Uint8Array(mime.buffer) : new Uint8Array(mime);
}

/** The buffer is all of its memory, so that the memory can be given away. */
function isWhole(mime: Buffer): mime is Buffer<ArrayBuffer> {
  return mime.buffer instanceof ArrayBuffer && mime.buffer.byteLength === mime.length;
}

/** After it was given away nothing is left of it. */
function isGivenAway({ mime }: Asked): boolean {
  return mime.length === 0 || mime.length > LARGE;
}

/** What crosses threads comes as plain bytes. */
function received({ storable, reply, fingerprint, origin }: Extract<Response, { kind: "read" }>): ReadContent {
  const attachments = storable.content.attachments.map((one) => ({
    ...one,
    body: Buffer.from(one.body.buffer, one.body.byteOffset, one.body.byteLength),
  }));
  return { storable: { ...storable, content: { ...storable.content, attachments } }, reply, fingerprint, origin };
}

function noThread(why: string): Failure {
  return new Failure({
    scope: "process",
    code: "no thread for messages",
    message: "The thread that reads messages cannot be started.",
    serverSaid: why,
    remedy: "Look whether the machine is short of memory. Nothing is lost: the messages are read at the next try.",
    waitingHelps: true,
  });
}

function stopped(): Failure {
  return new Failure({
    scope: "process",
    code: "stopping",
    message: "Waypost is being stopped.",
    remedy: "Nothing is to be done: the messages are read after the next start.",
    waitingHelps: true,
  });
}
