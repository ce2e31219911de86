import { readAfterwards, reconsiderSenders } from "../../ledger/afterwards.ts";
import { addressKey } from "../../model/address.ts";
import type { EngineContext } from "../context.ts";
import { type AuditResult, auditNow } from "./audit.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import type { Progress } from "./run-now.ts";

/** Times of a replay: both ends count. */
export interface ReplayWindow {
  readonly from: Date;
  /** Null: until now. */
  readonly to: Date | null;
}

/**
 * Reads a window of mailboxes again, now: what was received in it and is no email is decided by the rules and settings of now, and what was passed by is
 * decided at last. What is an email stays the one it is, what a person untracked or deleted stays so.
 */
export function replayNow(
  context: EngineContext,
  addresses: readonly string[],
  { from, to }: ReplayWindow,
  signal: AbortSignal,
  progress: Progress,
): Promise<AuditResult> {
  return auditNow(context, addresses, { repair: false, window: { from, to: to ?? context.now() } }, signal, progress);
}

/** What came of asking for a sender's mail to be decided again. */
export interface ReplaySenderResult {
  readonly sender: string;
  /** Messages that are decided again, at once by a running service. */
  readonly messages: number;
  readonly from: Date;
}

const DAY = 24 * 3_600_000;

/**
 * Mail of a sender that no filter wanted is decided again where it lies, by the rules of now and whether or not the sender is known: of the last days
 * that the organization's setting names, or from `from` on; in all mailboxes, or in those addresses.
 */
export async function replaySender(
  context: EngineContext,
  organizations: readonly string[],
  addresses: readonly string[],
  sender: string,
  from: Date | null,
): Promise<ReplaySenderResult> {
  const mailboxes = addresses.length === 0 ? null : await chooseMailboxes(context, addresses);
  const now = context.now();
  let earliest = from ?? now;
  let messages = 0;
  for (const organization of organizations) {
    const days = (await readAfterwards(context.database, organization))?.days ?? 0;
    const since = from ?? new Date(now.getTime() - days * DAY);
    if (since < earliest) earliest = since;
    const by = {
      addresses: [addressKey(sender)],
      from: since,
      to: now,
      mailboxIds: mailboxes?.map((one) => one.id) ?? null,
    };
    const found = await context.database.transaction((tx) => reconsiderSenders(tx, organization, by), "reconsider sender");
    messages += found.messages;
    for (const mailboxId of found.mailboxIds) await context.wake("receive", mailboxId);
  }
  return { sender: addressKey(sender), messages, from: earliest };
}
