import { Failure } from "../model/failure.ts";
import type { Report } from "./database.ts";

/** After this time a holder is reported by name: nothing in Waypost needs a session for as long as this. */
export const SLOW_HOLDER_MS = 10_000;

export interface Turn {
  leave(): void;
}

interface Waiting {
  readonly who: string;
  readonly passes: boolean;
  readonly enter: (turn: Turn) => void;
  readonly refuse: (reason: unknown) => void;
}

/** Lets a fixed number of flows in, and any number pass while there is room; first come, first served. Names whoever stays too long. */
export class Turnstile {
  readonly #report: Report;
  readonly #slowAfter: number;
  readonly #waiting: Waiting[] = [];
  #free: number;
  #inside = 0;
  #closed = false;
  #emptied: (() => void) | null = null;

  constructor(places: number, report: Report, slowAfter: number = SLOW_HOLDER_MS) {
    this.#free = places;
    this.#report = report;
    this.#slowAfter = slowAfter;
  }

  /** Takes one of the places. */
  enter(who: string): Promise<Turn> {
    return this.#come(who, false);
  }

  /** Comes when a place is free, and takes none: for what needs nobody else to stay away. */
  pass(who: string): Promise<Turn> {
    return this.#come(who, true);
  }

  #come(who: string, passes: boolean): Promise<Turn> {
    if (this.#closed) return Promise.reject(closedFailure());
    if (this.#free > 0) return Promise.resolve(this.#admit(who, passes));
    return new Promise((enter, refuse) => this.#waiting.push({ who, passes, enter, refuse }));
  }

  /** Refuses everybody who waits or comes later; resolves when the last one inside has left. */
  close(): Promise<void> {
    this.#closed = true;
    for (const one of this.#waiting.splice(0)) one.refuse(closedFailure());
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied = resolve;
    });
  }

  #admitNext(): void {
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      next.enter(this.#admit(next.who, next.passes));
    }
    if (this.#inside === 0) this.#emptied?.();
  }

  #admit(who: string, passes: boolean): Turn {
    if (!passes) this.#free -= 1;
    this.#inside += 1;
    const slow = setTimeout(() => {
      const seconds = this.#slowAfter / 1000;
      this.#report(`"${who}" has held a database session for ${seconds} s; ${this.#waiting.length} others wait for one.`);
    }, this.#slowAfter);
    slow.unref();
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        clearTimeout(slow);
        if (!passes) this.#free += 1;
        this.#inside -= 1;
        this.#admitNext();
      },
    };
  }
}

function closedFailure(): Failure {
  return new Failure({
    scope: "process",
    code: "database closed",
    message: "The database was used after Waypost began to stop.",
    remedy: "Nothing to do: the work goes on at the next start.",
    waitingHelps: false,
  });
}
