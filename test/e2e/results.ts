import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { Ended } from "./command.ts";

/** The one line of JSON that a command with `--json` says, and nothing beside it. */
export function json<T>(schema: z.ZodType<T>, ended: Ended): T {
  assert.match(ended.out, /^[^\n]+\n$/, `one line on standard output, not:\n${ended.out}${ended.error}`);
  return schema.parse(JSON.parse(ended.out));
}

export const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }) });
export const receivedShape = z.object({
  mailboxes: z.number(),
  counts: z.object({ received: z.number(), tracked: z.number(), skipped: z.number(), quarantined: z.number() }),
  failures: z.array(z.object({ mailbox: z.string(), code: z.string() })),
  left: z.array(z.object({ mailbox: z.string(), state: z.enum(["off", "waits"]), because: z.string(), until: z.string().nullable() })),
});
export const sentShape = z.object({ counts: z.object({ sent: z.number(), failed: z.number(), waiting: z.number(), unknown: z.number() }) });
export const statusShape = z.object({
  mailboxes: z.array(z.object({ address: z.string(), messages: z.object({ tracked: z.number() }) })),
  pendingEmails: z.number(),
  unknownEmails: z.array(z.object({ emailId: z.string() })),
  quarantined: z.number(),
  alerts: z.array(z.object({ code: z.string() })),
});
export const explainedShape = z.object({
  incoming: z.array(z.object({ outcome: z.string(), mailbox: z.string() })),
  outgoing: z.array(z.object({ stage: z.string() })),
});
const tried = z.object({ outcome: z.string() });
export const whatIfShape = z.object({
  changed: z.number(),
  changes: z.array(z.object({ mailbox: z.string(), messageId: z.string(), before: tried, after: tried })),
});
export const quarantineShape = z.array(z.object({ id: z.number(), messageId: z.string() }));
export const checkedShape = z.array(z.object({ mailbox: z.string(), steps: z.array(z.object({ result: z.string() })) }));

/** Preloaded into a `waypost`, it notes each step of the engine in the file WAYPOST_STEP_TRACE. */
export const STEP_TRACE = path.resolve(import.meta.dirname, "../faults/kill-at.ts");

/** The traced process has passed that step. */
export function passed(trace: string, step: string): boolean {
  return statSync(trace, { throwIfNoEntry: false }) !== undefined && readFileSync(trace, "utf8").includes(` ${step}\n`);
}

/** Waits until it is so, for at most a minute and a half. */
export async function until(so: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!(await so())) {
    if (Date.now() > deadline) throw new Error("what was waited for did not happen within 90 s");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
