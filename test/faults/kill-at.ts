/**
 * Preloaded into the real `waypost serve` (`node --import kill-at.ts bin/waypost.mjs serve`). Notes in WAYPOST_STEP_TRACE each step that is
 * reached, before the program goes on, and kills the process the moment it reaches the step of WAYPOST_KILL_AT (`name`, or `name:3` for the third
 * time). SIGKILL to oneself arrives before the next instruction: nothing after the step is done.
 */
import { subscribe } from "node:diagnostics_channel";
import { openSync, writeSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

/** The thread of the embedded database loads this too, and passes no steps. */
if (isMainThread) {
  const { WAYPOST_STEP_TRACE: trace, WAYPOST_KILL_AT: killAt = "" } = process.env;
  const file = trace === undefined ? null : openSync(trace, "a");
  const [killName, times = "1"] = killAt.split(":");
  let left = Number(times);
  subscribe("waypost:step", (message) => {
    const { name } = message as { readonly name: string };
    if (file !== null) writeSync(file, `${Date.now()} ${name}\n`);
    if (name === killName && --left === 0) process.kill(process.pid, "SIGKILL");
  });
}
