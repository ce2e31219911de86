import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../model/failure.ts";

/** Connections being opened at a time, so that a thousand mailboxes do not sign in at the same moment. */
const AT_ONCE = 8;

/** The longest wait between two attempts to connect. */
const LONGEST_WAIT = 5 * 60 * 1000;

/**
 * Through which the watches of one server connect: so many at a time while the server is well. Once it has failed as a whole, one at a time and
 * with doubling waits for all together, until one has come in: a server in trouble sees one attempt and not one of each mailbox.
 */
export class Door {
  readonly #waiting: (() => void)[] = [];
  #inside = 0;
  #failures = 0;
  #notBefore = 0;

  /** `connect` in its turn; throws what it throws, and the signal's reason when that aborts first. `firstWait`: milliseconds after a first failure. */
  async pass<T>(connect: () => Promise<T>, signal: AbortSignal, firstWait: number): Promise<T> {
    await this.#enter(signal);
    try {
      if (this.#failures > 0) await pause(this.#notBefore - Date.now(), signal);
      signal.throwIfAborted();
      const connected = await connect();
      this.#failures = 0;
      return connected;
    } catch (error) {
      if (signal.aborted) throw error;
      const failed = error instanceof Failure && error.scope === "profile";
      this.#failures = failed ? this.#failures + 1 : 0;
      this.#notBefore = Date.now() + waitAfter(this.#failures, firstWait);
      throw error;
    } finally {
      this.#inside--;
      while (this.#inside < this.#width() && this.#waiting.length > 0) {
        this.#inside++;
        this.#waiting.shift()?.();
      }
    }
  }

  #width(): number {
    return this.#failures > 0 ? 1 : AT_ONCE;
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#width()) {
      this.#inside++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    const giveUp = () => {
      const at = this.#waiting.indexOf(turn.resolve);
      if (at >= 0) this.#waiting.splice(at, 1);
      turn.reject(signal.reason);
    };
    this.#waiting.push(turn.resolve);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

/** Doubling, with up to half of it left to chance, so that not all come back at once. */
export function waitAfter(failures: number, first: number): number {
  const longest = Math.min(LONGEST_WAIT, first * 2 ** Math.min(Math.max(failures - 1, 0), 16));
  return longest * (0.5 + Math.random() / 2);
}

/** Resolves early when the signal aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
