import { channel } from "node:diagnostics_channel";

/** The steps of the ways of mail between which a process can die. Each is passed once its work is durable or about to begin. */
export type StepName =
  | "receive.pulled"
  | "receive.decided"
  | "receive.read"
  | "receive.claimed"
  | "receive.delivered"
  | "receive.committed"
  | "delete.chosen"
  | "delete.durable"
  | "delete.verified"
  | "delete.intended"
  | "delete.deleted"
  | "delete.stored"
  | "send.intended"
  | "send.claimed"
  | "send.composed"
  | "send.transmitting"
  | "send.answered"
  | "send.stored"
  | "send.settled"
  | "send.copied";

/** A renewed access token was handed out and is not yet stored: the refresh token before it may be worth nothing from here on. */
export type TokenStepName = "token.handedOut";

const steps = channel("waypost:step");

/** Tells whoever subscribes to the diagnostics channel `waypost:step` that a step is reached. Subscribers run before it returns. */
export function step(name: StepName | TokenStepName): void {
  if (steps.hasSubscribers) steps.publish({ name });
}
