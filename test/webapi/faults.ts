/** Faults of a Dataverse organization, on demand: for tests, and in no start of the product. */
import { setTimeout as sleep } from "node:timers/promises";
import { completed } from "../../src/crm/webapi/answering.ts";
import { type ApiAnswer, ApiFault } from "../../src/crm/webapi/exchange.ts";
import { faultAnswer } from "../../src/crm/webapi/fault-answer.ts";
import type { Asked, WebApiHook } from "../../src/server/web-api-hook.ts";

export type FaultKind =
  /** Too many requests: each code of the service protection. */
  | { readonly kind: "requests" | "execution time" | "concurrent"; readonly retryAfter: string }
  /** The ETag of If-Match is not the row's any more. */
  | { readonly kind: "precondition" }
  | { readonly kind: "unavailable"; readonly retryAfter?: string }
  | { readonly kind: "slow"; readonly milliseconds: number }
  /** The delta token is told to be too old. */
  | { readonly kind: "expired delta token" }
  | { readonly kind: "unexpected" }
  /** The connection ends before anything was done, or when all was done and nothing answered. */
  | { readonly kind: "cut before" | "cut after" };

export interface PlannedFault {
  readonly fault: FaultKind;
  /** How many requests it befalls; default one. */
  readonly times?: number;
  /** Which; default all. */
  readonly of?: (asked: Asked) => boolean;
}

const LIMITS = { requests: "0x80072322", "execution time": "0x80072321", concurrent: "0x80072326" } as const;

/** Lets planned faults befall the requests that come, each for as often as planned, the oldest plan first. */
export class Faults implements WebApiHook {
  readonly #inner: WebApiHook | null;
  #plans: { readonly plan: PlannedFault; left: number }[] = [];
  /** Requests that a fault befell, in order. */
  readonly befell: { readonly asked: Asked; readonly fault: FaultKind }[] = [];
  /** All requests, in order. */
  readonly asked: Asked[] = [];

  /** `inner`: what stands between requests and answers besides, like the counting service protection. */
  constructor(inner: WebApiHook | null = null) {
    this.#inner = inner;
  }

  plan(...plans: readonly PlannedFault[]): void {
    this.#plans.push(...plans.map((plan) => ({ plan, left: plan.times ?? 1 })));
  }

  clear(): void {
    this.#plans = [];
  }

  async around(asked: Asked, next: () => Promise<ApiAnswer>): Promise<ApiAnswer | "cut"> {
    this.asked.push(asked);
    const serve = async () => (this.#inner ? await this.#inner.around(asked, next) : await next());
    const due = this.#plans.find(({ plan, left }) => left > 0 && (plan.of?.(asked) ?? true));
    if (!due) return await serve();
    due.left--;
    const { fault } = due.plan;
    this.befell.push({ asked, fault });
    switch (fault.kind) {
      case "slow":
        await sleep(fault.milliseconds);
        return await serve();
      case "cut before":
        return "cut";
      case "cut after":
        await serve();
        return "cut";
      default:
        return completed(faultAnswer(refusal(fault)));
    }
  }
}

function refusal(fault: Exclude<FaultKind, { kind: "slow" | "cut before" | "cut after" }>): ApiFault {
  switch (fault.kind) {
    case "precondition":
      return new ApiFault(412, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided.");
    case "unavailable":
      return new ApiFault(
        503,
        "0x80044150",
        "The service is unavailable.",
        fault.retryAfter === undefined ? {} : { "Retry-After": fault.retryAfter },
      );
    case "expired delta token":
      return new ApiFault(400, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.");
    case "unexpected":
      return new ApiFault(500, "0x80040216", "An unexpected error occurred.");
    default:
      return new ApiFault(429, LIMITS[fault.kind], `The ${fault.kind} of this user exceeded the limit of the service protection.`, {
        "Retry-After": fault.retryAfter,
      });
  }
}
