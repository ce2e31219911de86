import type { Answering } from "../../src/crm/webapi/answering.ts";
import { type ProtectionLimits, ServiceProtection } from "../../src/server/service-protection.ts";
import type { WebApiHook } from "../../src/server/web-api-hook.ts";

/** What the server of the CRM was asked since it was last told to count anew. */
export interface Counts {
  /** HTTP requests to the Web API, a batch as one; refused ones too. */
  readonly requests: number;
  /** What is asked in them: a request by itself, or each part of a batch. */
  readonly operations: number;
  /** Answered with 429. */
  readonly refused: number;
  /** The most that were answered, and not refused, within one window. */
  readonly mostInWindow: number;
  /** Pauses longer than {@link PAUSE} between two requests, in seconds. */
  readonly pauses: { readonly number: number; readonly longest: number; readonly together: number };
}

/** Milliseconds without a request that are told as a pause. */
const PAUSE = 1_500;

/** Stands between the requests and their answers: counts what comes, and refuses what is beyond the limits where there are any. */
export class RequestCount implements WebApiHook {
  readonly #protection: ServiceProtection | null;
  readonly #window: number;
  #operations = 0;
  #refused = 0;
  /** When each of them came. */
  #all: number[] = [];
  #answered: number[] = [];

  constructor(limits: ProtectionLimits | null) {
    this.#protection = limits && new ServiceProtection(limits);
    this.#window = (limits?.seconds ?? 300) * 1000;
  }

  readonly around: WebApiHook["around"] = async (asked, next) => {
    const at = performance.now();
    this.#all.push(at);
    const answer = (await this.#protection?.around(asked, next)) ?? (await next());
    if (answer.status === 429) this.#refused += 1;
    else this.#answered.push(at);
    return answer;
  };

  /** The same service, whose operations are counted. */
  counting(answering: Answering): Answering {
    return {
      ...answering,
      dispatch: (turn, request) => {
        this.#operations += 1;
        return answering.dispatch(turn, request);
      },
      dispatchAll: async (turn, requests) => {
        const answers = await answering.dispatchAll(turn, requests);
        this.#operations += answers?.length ?? 0;
        return answers;
      },
    };
  }

  /** What was counted; it begins anew. */
  taken(): Counts {
    const counts = {
      requests: this.#all.length,
      operations: this.#operations,
      refused: this.#refused,
      mostInWindow: mostWithin(this.#answered, this.#window),
      pauses: pausesBetween(this.#all),
    };
    this.#operations = 0;
    this.#refused = 0;
    this.#all = [];
    this.#answered = [];
    return counts;
  }
}

function mostWithin(times: readonly number[], window: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  let [most, first] = [0, 0];
  for (const [last, at] of sorted.entries()) {
    while ((sorted[first] ?? at) <= at - window) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

function pausesBetween(times: readonly number[]): Counts["pauses"] {
  const pauses = times.flatMap((at, index) => {
    const pause = at - (times[index - 1] ?? at);
    return pause > PAUSE ? [pause / 1000] : [];
  });
  return { number: pauses.length, longest: Math.max(0, ...pauses), together: pauses.reduce((sum, one) => sum + one, 0) };
}
