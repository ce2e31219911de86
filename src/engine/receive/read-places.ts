import { forgetOpened } from "../../ledger/forwarders.ts";
import { forgetDelivered } from "../../ledger/listed-places.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Transaction } from "../../model/sql.ts";
import type { DecidedThere, Listed } from "./compare-page.ts";
import { openedSince } from "./forwarded-refs.ts";
import { processHeads, type Which } from "./process-heads.ts";
import { forgetPosition } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";
import { PositionLost } from "./verify-content.ts";

/** What is to be read again of a stream, each where it lies. */
export interface Wanted {
  /** Their emails are gone, and nobody deleted them. */
  readonly lost: readonly DecidedThere[];
  /** Decided before, and to be decided by the rules of now. */
  readonly anew: readonly DecidedThere[];
  readonly unseen: readonly MessageHead[];
}

/**
 * Reads messages again at just these places, on the way of all others: the same rules, claims and words of people. Null where the position in the stream
 * turned out to be lost: then all of it is read again in the next round.
 */
export async function readPlaces(reading: Reading, listed: Listed, { lost, anew, unseen }: Wanted): Promise<Counts | null> {
  const { source } = reading;
  if (lost.length > 0) await forget(reading, lost);
  const decided = [...lost, ...anew];
  const places = decided.map(({ id, decision }) => ({ ref: { stream: listed.stream, id }, decisionId: decision.decisionId }));
  const heads = places.length === 0 ? [] : await source.heads(places.map(({ ref }) => ref));
  const opened = openedSince(places, heads).map(({ decisionId }) => decisionId);
  const earlier = new Map(
    decided.map(({ id, decision: { identity, emailId, lies, isSentCopy } }) => [
      id,
      { identity, emailId, isGone: false, lies, isSentCopy },
    ]),
  );
  const again = await process(reading, listed.stream, heads, { again: earlier }, opened);
  const first = again && (await process(reading, listed.stream, unseen, { newIn: new Set(listed.folders.keys()), changed: new Set() }));
  return first && addCounts(again, first);
}

async function forget({ context, work, lease }: Reading, lost: readonly DecidedThere[]): Promise<void> {
  await context.database.transaction(async (tx) => {
    await forgetDelivered(
      tx,
      work.mailbox.organization,
      lost.map(({ decision }) => decision.decisionId),
    );
    await lease.assertHeld(tx);
  }, "forget lost emails");
}

/** @param opened decisions about forwards in whose place what they hold is decided */
async function process(
  reading: Reading,
  stream: string,
  heads: readonly MessageHead[],
  which: Which,
  opened: readonly number[] = [],
): Promise<Counts | null> {
  if (heads.length === 0) return NO_COUNTS;
  try {
    return await processHeads(reading, heads, { ...which, passed: true }, async (tx: Transaction) => {
      await reading.lease.assertHeld(tx);
      await forgetOpened(tx, opened);
    });
  } catch (error) {
    if (!(error instanceof PositionLost)) throw error;
    await forgetPosition(reading, stream, error.message);
    return null;
  }
}
