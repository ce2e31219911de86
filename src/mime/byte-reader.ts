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
    return this.take(1).readUInt8(0);
  }

  short(): number {
    return this.take(2).readUInt16LE(0);
  }

  long(): number {
    return this.take(4).readUInt32LE(0);
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    if (length > this.left) throw new CutShort(`${length} bytes are announced, ${this.left} are there.`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** As {@link take}, and passes over what fills up to a multiple of four; at the very end that filling may be missing. */
  takePadded(length: number): Buffer {
    const taken = this.take(length);
    this.take(Math.min(this.left, (4 - (length % 4)) % 4));
    return taken;
  }
}
