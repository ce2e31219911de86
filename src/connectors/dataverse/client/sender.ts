/** Sends requests until it is known what became of them: waits for the organization's limits, tries again what may be tried again, and nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Failure } from "../../../model/failure.ts";
import { currentCaller } from "../../../wire/on-behalf-of.ts";
import { Budget } from "./budget.ts";
import type { Answer, Answered, Refused, Request, SendOptions, Unknown } from "./client.ts";
import { Concurrency } from "./concurrency.ts";
import type { Door } from "./door.ts";
import { NoAnswer, type RawAnswer, type RawRequest } from "./exchange.ts";
import { exchangeFailure, organizationFailure } from "./failures.ts";
import { Gate } from "./gate.ts";
import { bodyOf } from "./json.ts";
import { isRepeatable, judge, type Verdict } from "./judge.ts";
import { LIMITS, type ServiceLimits } from "./limits.ts";
import { rawRequest } from "./raw-request.ts";

/** What an answer means; `done`: there is nothing more to send. */
export type Judged<T> = { readonly kind: "done"; readonly value: T } | Exclude<Verdict, Answered | Refused>;

export interface Sending<T> {
  readonly raw: RawRequest;
  /** It may be sent again though nobody knows whether it was done. */
  readonly repeatable: boolean;
  judged(answer: RawAnswer): Judged<T>;
}

export type Sent<T> = { readonly kind: "done"; readonly value: T } | Unknown;

type Next<T> =
  | Sent<T>
  /** Once more, after so many milliseconds; `failure`: what it is if there is no more time. */
  | { readonly kind: "again"; readonly pause: number; readonly failure: Failure };

export class Sender {
  readonly root: URL;
  readonly #door: Door;
  readonly #gate: Gate;
  readonly #budget: Budget | null;
  readonly #answerTime: number;

  /** @param answerTime milliseconds until an answer must be there */
  constructor(root: URL, door: Door, { concurrent, budget }: ServiceLimits, answerTime: number = LIMITS.answerTime) {
    this.root = root;
    this.#door = door;
    this.#answerTime = answerTime;
    this.#budget = budget === null ? null : new Budget(budget);
    this.#gate = new Gate({
      budget: this.#budget,
      concurrency: new Concurrency(concurrent),
      now: () => performance.now(),
      busy: (wait) => organizationFailure("organization busy", root.host, { notBefore: new Date(Date.now() + wait) }),
    });
  }

  async send(request: Request, options: SendOptions = {}): Promise<Answer> {
    const raw = rawRequest(request, this.root);
    const sent = await this.run<Answered | Refused>(
      {
        raw,
        repeatable: isRepeatable(request),
        judged: (answer) => {
          const { status, headers } = answer;
          const verdict = judge({ status, headers, body: bodyOf(answer), sent: raw.body?.length }, this.root.host, new Date());
          return verdict.kind === "answered" || verdict.kind === "refused" ? { kind: "done", value: verdict } : verdict;
        },
      },
      options,
    );
    return sent.kind === "done" ? sent.value : sent;
  }

  /** @throws Failure; the reason of the signal */
  async run<T>(sending: Sending<T>, { signal, caller = currentCaller(), patience = LIMITS.patience }: SendOptions): Promise<Sent<T>> {
    const deadline = performance.now() + patience;
    for (let tries = 1; ; tries++) {
      const next = await this.#try(sending, { caller, signal, patience: Math.max(0, deadline - performance.now()) }, tries);
      if (next.kind !== "again") return next;
      if (tries >= LIMITS.tries || performance.now() + next.pause > deadline) throw next.failure;
      await pauseOf(next.pause, signal);
    }
  }

  async #try<T>(sending: Sending<T>, waiting: Parameters<Gate["enter"]>[0], tries: number): Promise<Next<T>> {
    const pass = await this.#gate.enter(waiting);
    const began = performance.now();
    const leave = (how: "well" | "too much" | "lost") => pass.leave(how, performance.now() - began);
    try {
      const answer = await this.#door.exchange({ ...sending.raw, answerTime: this.#answerTime }, waiting.signal);
      this.#learn(answer);
      const judged = sending.judged(answer);
      leave(judged.kind === "done" ? "well" : judged.kind === "busy" && judged.tooMuch ? "too much" : "lost");
      return this.#follow(sending, judged, tries);
    } catch (error) {
      leave(error instanceof NoAnswer && error.reason === "too late" ? "too much" : "lost");
      if (!(error instanceof NoAnswer)) throw error;
      return this.#withoutAnswer(sending, error, waiting.signal, tries);
    }
  }

  #follow<T>({ repeatable }: Sending<T>, judged: Judged<T>, tries: number): Next<T> {
    if (judged.kind === "done") return judged;
    if (judged.kind === "failed") throw judged.failure;
    if (judged.kind === "not understood") {
      if (repeatable) throw judged.failure;
      return { kind: "unknown", failure: judged.failure };
    }
    const { notBefore } = judged.failure;
    const wait = notBefore === undefined ? null : Math.max(0, notBefore.getTime() - Date.now());
    if (wait !== null && judged.forAll) this.#gate.pauseUntil(performance.now() + wait);
    if (!judged.notDone && !repeatable) return { kind: "unknown", failure: judged.failure };
    return { kind: "again", pause: wait ?? pauseAfter(tries), failure: judged.failure };
  }

  #withoutAnswer<T>({ repeatable }: Sending<T>, error: NoAnswer, signal: AbortSignal | undefined, tries: number): Next<T> {
    const failure = exchangeFailure(error, this.root.origin);
    const mayBeDone = error.sent && !repeatable;
    if (mayBeDone) return { kind: "unknown", failure };
    signal?.throwIfAborted();
    const mayPass = error.sent && (error.reason === "cut" || error.reason === "too late");
    if (!mayPass) throw failure;
    return { kind: "again", pause: pauseAfter(tries), failure };
  }

  #learn({ headers }: RawAnswer): void {
    const requests = remaining(headers["x-ms-ratelimit-burst-remaining-xrm-requests"]);
    const seconds = remaining(headers["x-ms-ratelimit-time-remaining-xrm-requests"]);
    this.#budget?.told(performance.now(), { requests, execution: seconds === null ? null : seconds * 1000 });
  }

  async close(): Promise<void> {
    await this.#door.close();
  }
}

/** Numbers come with commas between the thousands. */
function remaining(value: string | undefined): number | null {
  const text = value?.replaceAll(",", "").trim();
  return text !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : null;
}

/** Twice as long each time, and by chance not at the same moment as others. */
export function pauseAfter(tries: number): number {
  return LIMITS.firstPause * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
}

/** @throws the reason of `signal` */
export async function pauseOf(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
