import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { type CheckStep, failedStep } from "./check-step.ts";

/** What the CRM of a mailbox can and cannot do. Each organization is tried once in a check, however many of its mailboxes are tested. */
export class CrmChecks {
  readonly #context: EngineContext;
  readonly #signal: AbortSignal;
  readonly #begun = new Map<string, Promise<readonly CheckStep[]>>();

  constructor(context: EngineContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** All steps for who asks first, only the failed ones for who comes later: they stand in the way of his mailbox, too. */
  async stepsFor(organization: string): Promise<readonly CheckStep[]> {
    const begun = this.#begun.get(organization);
    if (begun !== undefined) return (await begun).filter((step) => step.result === "failed");
    const steps = this.#run(organization);
    this.#begun.set(organization, steps);
    return steps;
  }

  async #run(organization: string): Promise<readonly CheckStep[]> {
    const steps: CheckStep[] = [];
    try {
      for await (const step of this.#context.crm(organization).check?.(this.#signal) ?? []) steps.push({ ...step, direction: "CRM" });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      steps.push({ ...failedStep("check", error), direction: "CRM" });
    }
    return steps;
  }
}
