/** Requests at the same time to begin with. */
const FIRST = 4;

/**
 * How many requests may run at the same time: one more after each round that went well while all places were taken, half as many when the server says
 * that it is too much (additive increase, multiplicative decrease). Pure but for its state.
 */
export class Concurrency {
  readonly #most: number;
  #limit: number;
  #decreasedAt = Number.NEGATIVE_INFINITY;

  /** @param most never more than that, 1 or more */
  constructor(most: number) {
    this.#most = most;
    this.#limit = Math.min(FIRST, most);
  }

  get allowed(): number {
    return Math.floor(this.#limit);
  }

  /** A request went well; `running`: how many ran with it. Where places stayed empty, more of them would prove nothing. */
  wentWell(running: number): void {
    if (running >= this.allowed) this.#limit = Math.min(this.#most, this.#limit + 1 / this.allowed);
  }

  /** The server had too much to do for a request that was sent at `startedAt`. Those that were sent before the last decrease say nothing new. */
  wasTooMuch(startedAt: number, now: number): void {
    if (startedAt <= this.#decreasedAt) return;
    this.#decreasedAt = now;
    this.#limit = Math.max(1, this.#limit / 2);
  }
}
