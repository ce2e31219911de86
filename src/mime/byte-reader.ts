/** The bytes end before what they announce. Caught where the reading of a file begins: no stranger's bytes throw further than that. */
export class CutShort extends Error {}

/** Reads little-endian numbers and stretches of bytes one after the other. Throws {@link CutShort} at the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#pass(1));
  }

  short(): number {
    return this.#bytes.readUInt16LE(this.#pass(2));
  }

  long(): number {
    return this.#bytes.readUInt32LE(this.#pass(4));
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const from = this.#pass(length);
    return this.#bytes.subarray(from, from + length);
  }

  #pass(length: number): number {
    if (length > this.left) throw new CutShort(`${length} bytes are announced, ${this.left} are there.`);
    this.#at += length;
    return this.#at - length;
  }

  /** As {@link take}, and passes over what fills up to a multiple of four; at the very end that filling may be missing. */
  takePadded(length: number): Buffer {
    const taken = this.take(length);
    this.take(Math.min(this.left, (4 - (length % 4)) % 4));
    return taken;
  }
}
