import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { Step } from "../../ports.ts";
import { asFailure, type EngineContext, type Work } from "../context.ts";
import { workedOnElsewhere } from "../elsewhere.ts";
import { type CheckStep, failedStep } from "./check-step.ts";

/** What the CRM of a mailbox can and cannot do. Each organization is tried once in a check, however many of its mailboxes are tested. */
export class CrmChecks {
  readonly #context: EngineContext;
  readonly #signal: AbortSignal;
  readonly #begun = new Map<string, Promise<readonly CheckStep[]>>();
  readonly #asked = new Set<string>();

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

  /** The step that ends the test of a direction on which the CRM's own program works; null where it does not. */
  async elsewhere(work: Work, direction: Direction): Promise<Step | null> {
    const { organization } = work.mailbox;
    const fresh = !this.#asked.has(organization);
    this.#asked.add(organization);
    const name = "look who works on the mailbox";
    try {
      const refusal = await workedOnElsewhere({ context: this.#context, work, fresh }, direction);
      return refusal === null ? null : failedStep(name, refusal);
    } catch (error) {
      return failedStep(name, asFailure(error, work.mailbox.address));
    }
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
