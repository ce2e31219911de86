import type { Failure } from "../../../model/failure.ts";
import type { Budget } from "./budget.ts";
import type { Concurrency } from "./concurrency.ts";
import { LIMITS } from "./limits.ts";
import { Turns } from "./turns.ts";

/** A request that may run. To be given back, once. */
export interface Pass {
  readonly startedAt: number;
  /** `well`: answered. `too much`: the server had too much to do. `lost`: nobody knows. `execution`: milliseconds that it took. */
  leave(how: "well" | "too much" | "lost", execution: number): void;
}

export interface Waiting {
  readonly caller: string;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds. */
  readonly patience: number;
}

export interface GateOptions {
  readonly budget: Budget | null;
  readonly concurrency: Concurrency;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Makes the failure of whoever waited in vain; `wait`: milliseconds after which it is worth a try again. */
  readonly busy: (wait: number) => Failure;
}

/** Least milliseconds after which somebody who was turned away comes again. */
const LEAST_WAIT = 1000;

interface Waiter {
  readonly enter: (pass: Pass) => void;
}

/**
 * Where requests to one organization wait for its limits: for its budget, for a place among those that run, and for the end of a pause that the
 * organization asked for. Callers take turns; nobody waits longer than its patience.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #turns = new Turns<Waiter>();
  #running = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Nothing starts before that time. */
  pauseUntil(time: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, time);
  }

  /** @throws Failure where it would take, or took, longer than the patience; the reason of `signal` */
  enter({ caller, signal, patience }: Waiting): Promise<Pass> {
    signal?.throwIfAborted();
    const wait = this.#wait();
    if (wait > patience || this.#turns.size >= LIMITS.waiting) return Promise.reject(this.#options.busy(Math.max(wait, LEAST_WAIT)));
    return new Promise((resolve, reject) => {
      const leave = (error: unknown) => {
        done();
        this.#turns.remove(caller, waiter);
        reject(error);
      };
      const aborted = () => leave(signal?.reason);
      const impatient = setTimeout(() => leave(this.#options.busy(Math.max(this.#wait(), LEAST_WAIT))), patience);
      const done = () => {
        clearTimeout(impatient);
        signal?.removeEventListener("abort", aborted);
      };
      const waiter: Waiter = {
        enter: (pass) => {
          done();
          resolve(pass);
        },
      };
      signal?.addEventListener("abort", aborted, { once: true });
      this.#turns.add(caller, waiter);
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#turns.size > 0 && this.#running < this.#options.concurrency.allowed) {
      const wait = this.#wait();
      if (wait > 0) {
        this.#comeBack(wait);
        return;
      }
      this.#turns.next()?.enter(this.#pass());
    }
  }

  #comeBack(wait: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, Math.ceil(wait));
  }

  #wait(): number {
    const now = this.#options.now();
    return Math.max(0, this.#pausedUntil - now, this.#options.budget?.wait(now) ?? 0);
  }

  #pass(): Pass {
    const { budget, concurrency, now } = this.#options;
    const startedAt = now();
    budget?.started();
    this.#running++;
    let left = false;
    return {
      startedAt,
      leave: (how, execution) => {
        if (left) return;
        left = true;
        const time = now();
        if (how === "well") concurrency.wentWell(this.#running);
        if (how === "too much") concurrency.wasTooMuch(startedAt, time);
        budget?.ended(time, execution);
        this.#running--;
        this.#pump();
      },
    };
  }
}
