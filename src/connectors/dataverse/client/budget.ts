import type { BudgetLimits } from "./limits.ts";

/** Parts of the window: what is spent in one part is given back together, when the last of it has left the window. */
const PARTS = 300;

interface Part {
  readonly index: number;
  requests: number;
  execution: number;
}

/**
 * What is left of the requests and of the execution time that an organization allows in a sliding window, by our own count and by what it tells. Pure
 * but for its state: the time is given, and never goes back. Never allows more than the limit in any window, on the organization's clock too: a request
 * counts from its end on, because nobody knows when between its start and its end it was counted there. May give back up to a three-hundredth of the window late.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  readonly #width: number;
  #parts: Part[] = [];
  #requests = 0;
  #execution = 0;
  #underWay = 0;
  /** Milliseconds that a request takes, as far as known: those under way are counted with it. */
  #usual = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
    this.#width = limits.window / PARTS;
  }

  /** Milliseconds until a request may start; 0: now. */
  wait(now: number): number {
    this.#forget(now);
    const { requests, execution } = this.#limits;
    let overRequests = this.#requests + this.#underWay + 1 - requests;
    let overExecution = this.#execution + this.#underWay * this.#usual - execution;
    if (overRequests <= 0 && overExecution < 0) return 0;
    for (const part of this.#parts) {
      overRequests -= part.requests;
      overExecution -= part.execution;
      if (overRequests <= 0 && overExecution < 0) return this.#leaves(part) - now;
    }
    // Only what is under way stands in the way: soon somebody knows how long it took.
    return this.#width;
  }

  started(): void {
    this.#underWay++;
  }

  /** A request that was started came to its end. `execution`: milliseconds that the server worked on it. */
  ended(now: number, execution: number): void {
    this.#underWay = Math.max(0, this.#underWay - 1);
    this.#usual = this.#usual === 0 ? execution : this.#usual * 0.9 + execution * 0.1;
    this.#spend(now, 1, execution);
  }

  /**
   * What the organization itself says is left (`x-ms-ratelimit-…`). Others may work in the same account: less than we count is believed. More is not:
   * it is the count of one of its servers.
   */
  told(now: number, left: { readonly requests: number | null; readonly execution: number | null }): void {
    this.#forget(now);
    const foreign = left.requests === null ? 0 : this.#limits.requests - this.#requests - this.#underWay - Math.max(0, left.requests);
    const foreignTime = left.execution === null ? 0 : this.#limits.execution - this.#execution - Math.max(0, left.execution);
    if (foreign > 0 || foreignTime > 0) this.#spend(now, Math.max(0, foreign), Math.max(0, foreignTime));
  }

  #spend(now: number, requests: number, execution: number): void {
    const index = Math.floor(now / this.#width);
    const last = this.#parts.at(-1);
    const part = last?.index === index ? last : { index, requests: 0, execution: 0 };
    if (part !== last) this.#parts.push(part);
    part.requests += requests;
    part.execution += execution;
    this.#requests += requests;
    this.#execution += execution;
  }

  #forget(now: number): void {
    const gone = this.#parts.findIndex((part) => this.#leaves(part) > now);
    const leaving = this.#parts.splice(0, gone === -1 ? this.#parts.length : gone);
    for (const { requests, execution } of leaving) {
      this.#requests -= requests;
      this.#execution -= execution;
    }
  }

  /** When the last moment of a part is out of the window. */
  #leaves({ index }: Part): number {
    return (index + 1) * this.#width + this.#limits.window;
  }
}
