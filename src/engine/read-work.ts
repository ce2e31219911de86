import { readMailbox, readProfileOf } from "../ledger/mailboxes.ts";
import type { EngineContext, Work } from "./context.ts";

/** A mailbox with its server profile, asked for at once; null where one of them is not there any more. */
export async function readWork({ database }: Pick<EngineContext, "database">, mailboxId: string): Promise<Work | null> {
  const [mailbox, profile] = await Promise.all([readMailbox(database, mailboxId), readProfileOf(database, mailboxId)]);
  if (mailbox === null || profile === null) return null;
  // The configuration was read anew between the two.
  if (profile.name !== mailbox.profile) return readWork({ database }, mailboxId);
  return { mailbox, profile };
}
