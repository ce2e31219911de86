import type { Sink } from "./body-reader.ts";

/** A sink of its own size to begin with; more is taken as more comes, whatever was announced. */
const FIRST_ROOM = 16 * 1024;

/** Nobody's announcement makes more room than this before a byte has come. */
const BELIEVED = 4 * 1024 * 1024;

/** Keeps content in one buffer, up to a limit; what is beyond is counted and dropped. */
export class Collector implements Sink {
  readonly #limit: number;
  #bytes: Buffer;
  #kept = 0;
  #total = 0;

  /** `announced`: how much the server says will come, for the first room. */
  constructor(limit: number, announced = FIRST_ROOM) {
    this.#limit = limit;
    // Room for the line end that servers do not always count.
    this.#bytes = Buffer.allocUnsafe(Math.max(2, Math.min(announced + 2, limit, BELIEVED)));
  }

  /** Bytes that came, kept or not. */
  get total(): number {
    return this.#total;
  }

  /** More came than the limit. */
  get over(): boolean {
    return this.#total > this.#limit;
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#total += end - start;
    const take = Math.min(end - start, this.#limit - this.#kept);
    if (take <= 0) return;
    if (this.#kept + take > this.#bytes.length) this.#grow(this.#kept + take);
    chunk.copy(this.#bytes, this.#kept, start, start + take);
    this.#kept += take;
  }

  /** What was kept. Of a buffer that is mostly empty a copy, so that the rest is not held with it. */
  content(): Buffer {
    const content = this.#bytes.subarray(0, this.#kept);
    return this.#kept * 2 < this.#bytes.length ? Buffer.from(content) : content;
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(least, this.#bytes.length * 2)));
    this.#bytes.copy(larger, 0, 0, this.#kept);
    this.#bytes = larger;
  }
}
