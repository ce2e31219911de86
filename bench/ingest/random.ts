import { createCipheriv } from "node:crypto";

/** Numbers that look random and are the same in every run, from one seed (Mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, small ones as likely as large ones on a logarithmic scale, as sizes of real files are. */
  size(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next());
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }
}

/** Bytes that no compression makes smaller, as in pictures and office files: the key stream of a cipher, cut somewhere. */
export function randomBytes(random: Random, length: number): Buffer {
  const start = random.below(STREAM.length - length);
  const bytes = Buffer.from(STREAM.subarray(start, start + length));
  bytes.writeUInt32BE(random.below(2 ** 32), 0);
  return bytes;
}

const STREAM = createCipheriv("aes-128-ctr", Buffer.alloc(16, "waypost bench"), Buffer.alloc(16)).update(Buffer.alloc(8 * 1024 * 1024));
