import { setImmediate as othersTurn } from "node:timers/promises";
import { type Aging, emailsMade, type PurgedPart, purgeAged, purgeHeads, type Walk } from "../ledger/retention.ts";
import type { Transaction } from "../model/sql.ts";
import type { EngineContext } from "./context.ts";

/** How many days is kept what nobody needs any more; see docs/privacy.md. */
export interface Retention {
  readonly headDays: number;
  readonly quarantineDays: number;
  readonly alertDays: number;
  readonly auditDays: number;
}

/** Rows of one transaction: few milliseconds, in which nobody waits long for one of them. */
const BATCH = 200;

/** Decisions of one transaction: most of them keep what they have, or have nothing any more. */
const DECISIONS = 500;

/** Bodies of one transaction: who names them is asked for all at once, by going through all emails, which is not to be done often. The list of them takes 2 MB. */
const BODIES = 20_000;

const DAY = 86_400_000;

/**
 * Purges the heads of messages that are no emails, or whose emails were deleted, once they are too old. Goes through all decisions, part by part; others have their turn between two. What a
 * stop leaves is purged the next time. Returns how many there were.
 */
export async function purgeOldHeads(
  context: EngineContext,
  organizations: readonly string[],
  { headDays }: Retention,
  signal: AbortSignal,
): Promise<number> {
  const before = daysAgo(context, headDays);
  const heads = await eachPart(context, organizations, signal, (tx, walk) => purgeHeads(tx, before, walk, context.now()));
  if (heads > 0) context.log.info({ heads }, "heads that were too old are purged");
  return heads;
}

/** Those of these emails, by organization, that somebody deleted in the CRM. */
export async function deletedIn(context: EngineContext, emails: ReadonlyMap<string, readonly string[]>): Promise<string[]> {
  const deleted: string[] = [];
  for (const [organization, ids] of emails) deleted.push(...(await context.crm(organization).deleted(ids)));
  return deleted;
}

/** Walks through all decisions, a part in each transaction. Returns how many were purged. */
export async function eachPart(
  context: EngineContext,
  organizations: readonly string[],
  signal: AbortSignal,
  purgePart: (tx: Transaction, walk: Walk) => Promise<PurgedPart>,
): Promise<number> {
  let all = 0;
  for (let after: number | null = 0; after !== null && !signal.aborted; await othersTurn()) {
    const part = { after, limit: DECISIONS };
    const walk: Walk = { ...part, deletedEmails: await deletedIn(context, await emailsMade(context.database, organizations, part)) };
    const { purged, goesOnAfter }: PurgedPart = await context.database.transaction((tx) => purgePart(tx, walk), "purge heads");
    all += purged;
    after = goesOnAfter;
  }
  return all;
}

/** Purges what is closed and too old, and the bodies of emails that were deleted, batch by batch. What a stop leaves is purged the next time. */
export async function purgeRest(
  context: EngineContext,
  organizations: readonly string[],
  retention: Retention,
  signal: AbortSignal,
): Promise<void> {
  const { database } = context;
  const aged = (what: Aging, days: number) =>
    inBatches(signal, BATCH, () => database.transaction((tx) => purgeAged(tx, what, daysAgo(context, days), BATCH), `purge ${what}`));
  const quarantine = await aged("quarantine", retention.quarantineDays);
  const alerts = await aged("alert", retention.alertDays);
  const audit = await aged("audit", retention.auditDays);
  let bodies = 0;
  for (const organization of organizations) bodies += await inBatches(signal, BODIES, () => context.crm(organization).purgeLeft(BODIES));
  if (quarantine + alerts + audit + bodies > 0) context.log.info({ quarantine, alerts, audit, bodies }, "what was too old is purged");
}

function daysAgo(context: EngineContext, days: number): Date {
  return new Date(context.now().getTime() - days * DAY);
}

/** Until a batch is not full. Returns how many rows there were in all. */
async function inBatches(signal: AbortSignal, size: number, batch: () => Promise<number>): Promise<number> {
  let all = 0;
  while (!signal.aborted) {
    const rows = await batch();
    all += rows;
    if (rows < size) break;
    await othersTurn();
  }
  return all;
}
