/** When work that takes long makes room for others that have something to do too. */
export interface Slice {
  /** Milliseconds after which it asks, at the end of a page or of an email, whether it is to give way. */
  readonly length: number;
  /** Whether another mailbox waits for what this one has: a connection, or a worker. */
  isWanted(): Promise<boolean>;
}

/** How long a mailbox is worked on before it gives way: several pages on any machine, and little to wait for. */
export const SLICE_MS = 5000;

/** Goes on to the end, whoever waits. */
export const NEVER: Slice = { length: SLICE_MS, isWanted: async () => false };

/** Tells when a slice is over. */
export class SliceClock {
  readonly #slice: Slice;
  #began = performance.now();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** The time is over, and somebody waits; when nobody does, the next slice begins. */
  async isOver(): Promise<boolean> {
    if (performance.now() - this.#began < this.#slice.length) return false;
    if (await this.#slice.isWanted()) return true;
    this.#began = performance.now();
    return false;
  }
}
