import { writeAudit } from "../../ledger/audit.ts";
import { countWaitingWith, purgeHeadsWith, purgeWordsWith } from "../../ledger/retention.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { eachPart } from "../purge.ts";

/** What was purged of an address, and what is left. */
export interface Forgotten {
  readonly address: string;
  /** Messages that were no emails, or whose emails were deleted, of which nothing is known any more. */
  readonly messages: number;
  /** Closed alerts, and entries of the quarantine, that named it. */
  readonly words: number;
  /** Messages with it that wait in quarantine, or to be decided again: they keep what is known of them until they are decided. */
  readonly waiting: number;
  /** Emails of the CRM with it, the newest first, at most {@link MOST_EMAILS}: they are the CRM's business and stay. */
  readonly emails: readonly string[];
}

/** Emails of an address that are listed. */
export const MOST_EMAILS = 1000;

/**
 * Purges what is known of an address from mail that is no email, or no more (a person's right to be forgotten): heads, senders, recipients, and what the rules said, whatever
 * their age. The fingerprints stay, so that no such message is taken for a new one. The audit says that it was done, and not for whom.
 */
export async function forget(context: EngineContext, organizations: readonly string[], address: string, actor: string): Promise<Forgotten> {
  const { database } = context;
  const key = addressKey(address);
  if (!/^[^\s@"\\]+@[^\s@"\\]+$/.test(key)) throw noAddress(address);
  const messages = await eachPart(context, organizations, new AbortController().signal, (tx, walk) =>
    purgeHeadsWith(tx, key, walk, context.now()),
  );
  const words = await database.transaction(async (tx) => {
    await writeAudit(tx, { at: context.now(), actor, action: "forget address", subject: "privacy" });
    return purgeWordsWith(tx, key);
  }, "forget the words about an address");
  const emails: string[] = [];
  for (const organization of organizations) emails.push(...(await context.crm(organization).emailsOf(key, MOST_EMAILS)));
  return { address: key, messages, words, waiting: await countWaitingWith(database, key), emails };
}

function noAddress(address: string): Failure {
  return new Failure({
    scope: "item",
    code: "no address",
    message: `"${address}" is no e-mail address.`,
    remedy: "Give one like carla@customer.example.",
    waitingHelps: false,
  });
}
