import { completed } from "../crm/webapi/answering.ts";
import { type ApiAnswer, ApiFault } from "../crm/webapi/exchange.ts";
import { faultAnswer } from "../crm/webapi/fault-answer.ts";
import type { Asked, WebApiHook } from "./web-api-hook.ts";

/** What one user may ask of one server within a window (product-behaviour 5.5). */
export interface ProtectionLimits {
  readonly requests: number;
  /** Seconds that all requests of the window may take together. */
  readonly executionSeconds: number;
  /** At the same time. */
  readonly concurrent: number;
  /** Length of the window. */
  readonly seconds: number;
}

/** Those of Dynamics 365 online. */
export const ONLINE_LIMITS: ProtectionLimits = { requests: 6000, executionSeconds: 1200, concurrent: 52, seconds: 300 };

/** The window moves on in so many steps: counts are kept by step, not by request. It is never longer than told: whoever keeps to the limit is not refused. */
const STEPS = 60;
/** Users that are counted at a time. */
const MOST_USERS = 10_000;

interface Step {
  readonly number: number;
  requests: number;
  milliseconds: number;
}

interface Use {
  running: number;
  steps: Step[];
}

/**
 * Counts what each user asks in a moving window and refuses what is beyond the limits, as the service protection of Dynamics 365 online does: 429 with
 * Retry-After, 0x80072322 for the number of requests, 0x80072321 for their execution time, 0x80072326 for how many run at once. A batch counts as one request.
 */
export class ServiceProtection implements WebApiHook {
  readonly #limits: ProtectionLimits;
  readonly #now: () => number;
  readonly #users = new Map<string, Use>();

  constructor(limits: ProtectionLimits, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  async around({ userId }: Asked, next: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
    const use = this.#useOf(userId);
    const refused = this.#refusal(use);
    if (refused) return completed(faultAnswer(refused));
    const began = this.#now();
    const step = this.#step(use);
    step.requests++;
    use.running++;
    try {
      const answer = await next();
      return { ...answer, headers: { ...answer.headers, ...this.#remaining(use) } };
    } finally {
      use.running--;
      this.#step(use).milliseconds += this.#now() - began;
    }
  }

  #useOf(userId: string): Use {
    const known = this.#users.get(userId);
    if (known) return known;
    if (this.#users.size >= MOST_USERS) for (const [id, { running }] of this.#users) if (running === 0) this.#users.delete(id);
    const use: Use = { running: 0, steps: [] };
    this.#users.set(userId, use);
    return use;
  }

  #refusal(use: Use): ApiFault | null {
    const { requests, executionSeconds, concurrent, seconds } = this.#limits;
    if (use.running >= concurrent) return tooMany("0x80072326", `Number of concurrent requests exceeded the limit of ${concurrent}.`, 1);
    const { asked, milliseconds } = this.#sums(use);
    if (asked >= requests)
      return tooMany(
        "0x80072322",
        `Number of requests exceeded the limit of ${requests} over time window of ${seconds} seconds.`,
        this.#wait(use, (one) => one.requests, asked - requests),
      );
    if (milliseconds >= executionSeconds * 1000)
      return tooMany(
        "0x80072321",
        `Combined execution time of incoming requests exceeded limit of ${executionSeconds * 1000} milliseconds over time window of ${seconds} seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.`,
        this.#wait(use, (one) => one.milliseconds, milliseconds - executionSeconds * 1000),
      );
    return null;
  }

  /** Seconds until the steps that are too many have left the window. */
  #wait({ steps }: Use, count: (step: Step) => number, tooMuch: number): number {
    let left = tooMuch;
    for (const step of steps) {
      left -= count(step);
      if (left < 0) return Math.max(1, Math.ceil(((step.number + STEPS) * this.#stepLength() - this.#now()) / 1000));
    }
    return this.#limits.seconds;
  }

  #step(use: Use): Step {
    const number = Math.floor(this.#now() / this.#stepLength());
    this.#forget(use, number);
    const last = use.steps.at(-1);
    if (last?.number === number) return last;
    const step = { number, requests: 0, milliseconds: 0 };
    use.steps.push(step);
    return step;
  }

  #forget(use: Use, number: number): void {
    while ((use.steps[0]?.number ?? number) <= number - STEPS) use.steps.shift();
  }

  #sums(use: Use): { asked: number; milliseconds: number } {
    this.#forget(use, Math.floor(this.#now() / this.#stepLength()));
    return use.steps.reduce((sums, one) => ({ asked: sums.asked + one.requests, milliseconds: sums.milliseconds + one.milliseconds }), {
      asked: 0,
      milliseconds: 0,
    });
  }

  #remaining(use: Use): Readonly<Record<string, string>> {
    const { asked, milliseconds } = this.#sums(use);
    return {
      "x-ms-ratelimit-burst-remaining-xrm-requests": String(Math.max(0, this.#limits.requests - asked)),
      "x-ms-ratelimit-time-remaining-xrm-requests": (Math.max(0, this.#limits.executionSeconds * 1000 - milliseconds) / 1000).toFixed(2),
    };
  }

  #stepLength(): number {
    return (this.#limits.seconds * 1000) / STEPS;
  }
}

function tooMany(code: string, message: string, seconds: number): ApiFault {
  return new ApiFault(429, code, message, { "Retry-After": String(seconds) });
}
