import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { Step } from "../../ports.ts";
import type { CrmChecks } from "./check-crm.ts";

/** A step with the direction that it tries; `both ways` sends a message and looks for it, `CRM` tries the organization of the mailbox. */
export interface CheckStep extends Step {
  readonly direction: Direction | "both ways" | "CRM";
}

/** A direction that was not touched, and why. */
export interface Untouched {
  readonly direction: Direction;
  readonly because: string;
}

export interface CheckOptions {
  /** Sends a message from the mailbox to itself when both directions work. */
  readonly testMessage: boolean;
  /** How long that message is looked for. */
  readonly waitSeconds: number;
  /** Seconds that it waits for one of the connections that its server profile allows. */
  readonly patienceSeconds: number;
  readonly crm: CrmChecks;
  readonly signal: AbortSignal;
  /** Told of each step as it is done. */
  readonly onStep: (step: CheckStep) => void;
}

/** The step that a failure ended. */
export function failedStep(name: string, failure: Failure): Step {
  const { code, message, serverSaid, remedy } = failure;
  return { name, result: "failed", code, message, serverSaid, remedy };
}

/** The server was signed in to a moment ago, and wants some time between two sign-ins (LOGIN-DELAY, RFC 2449 6.5): nothing is wrong. */
export function isTooSoon(error: unknown): error is Failure {
  return error instanceof Failure && error.code === "sign-in too soon";
}
