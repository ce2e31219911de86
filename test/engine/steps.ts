import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { StepName } from "../../src/engine/step.ts";

/** Calls `act` the next time that the engine reaches the step, before it goes on; `reached` tells whether it did. Disposing takes it back. */
export function onceAt(step: StepName, act: () => void): Disposable & { readonly reached: () => boolean } {
  let reached = false;
  const hear = (message: unknown) => {
    if (reached || typeof message !== "object" || message === null || !("name" in message) || message.name !== step) return;
    reached = true;
    act();
  };
  subscribe("waypost:step", hear);
  return {
    reached: () => reached,
    [Symbol.dispose]: () => void unsubscribe("waypost:step", hear),
  };
}

/** Holds up the whole process, so that what was told to end has ended before the next statement. */
export function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
