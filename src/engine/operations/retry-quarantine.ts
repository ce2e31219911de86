import { askForRetry } from "../../ledger/quarantine.ts";
import type { EngineContext } from "../context.ts";

/** Asks for quarantined messages to be processed again and wakes their mailboxes, so that a running service does it at once. */
export async function retryQuarantine(
  context: EngineContext,
  ids: readonly number[] | "all",
): Promise<{ marked: number; mailboxIds: string[] }> {
  const asked = await askForRetry(context.database, ids);
  for (const mailboxId of asked.mailboxIds) await context.wake("receive", mailboxId);
  return asked;
}
