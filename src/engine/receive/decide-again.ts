import { leaveDecided, type PendingDecision, pendingDecisions } from "../../ledger/pending-decisions.ts";
import { Failure } from "../../model/failure.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import { processHeads } from "./process-heads.ts";
import { forgetPosition } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";
import { readHeadsAgain } from "./unreadable-heads.ts";
import { PositionLost } from "./verify-content.ts";

const BATCH = 200;

export interface DecidedAgain {
  readonly counts: Counts;
  /** Others waited: behind this decision the next turn goes on. Null: each had its turn. */
  readonly goesOnAfter: number | null;
}

/**
 * Decides again what was skipped before the message that it answers was tracked, and what a person asked to take out of quarantine: each once
 * a round, where the message lies now. What cannot be read this time (moved a moment ago, folder refused) is tried again in the next round;
 * if it lies nowhere any more, the earlier decision stays. The mail system tells of a departure only once: deciding again never says that a message
 * lies where it was told to have left. After a slice the mailbox gives way if others wait; its next turn goes on behind what was tried in this one, so
 * that what cannot be read keeps nothing else from its turn.
 */
export async function decideAgain(reading: Reading, slice: Slice): Promise<DecidedAgain> {
  const { context, work, signal } = reading;
  const clock = new SliceClock(slice);
  const after = work.mailbox.unfinished?.deciding ?? null;
  const tried: PendingDecision[] = [];
  let counts: Counts = NO_COUNTS;
  while (!signal.aborted) {
    const except = tried.map((one) => one.id);
    const pending = await pendingDecisions(context.database, work.mailbox.id, { after, except, limit: BATCH });
    if (pending.length === 0) break;
    if (tried.length > 0 && (await clock.isOver())) return { counts, goesOnAfter: tried.reduce(later).id };
    tried.push(...pending);
    for (const [stream, some] of Map.groupBy(pending, (one) => one.head.ref.stream))
      counts = addCounts(counts, await decideFolder(reading, stream, some));
  }
  return { counts, goesOnAfter: null };
}

/** What becomes pending while others are decided may stand before them. */
function later(one: PendingDecision, other: PendingDecision): PendingDecision {
  const [its, others] = [one.head.received.getTime(), other.head.received.getTime()];
  return its > others || (its === others && one.id > other.id) ? one : other;
}

/** A folder that is gone, refused or broken keeps its messages from being decided, and nothing else. */
async function decideFolder(reading: Reading, stream: string, pending: readonly PendingDecision[]): Promise<Counts> {
  const { context, work, lease, broken } = reading;
  const ids = pending.map((one) => one.id);
  try {
    return await processHeads(
      reading,
      await readHeadsAgain(
        reading,
        pending.map((one) => one.head),
      ),
      { again: new Map(pending.map((one) => [placeOf(one), one])) },
      async (tx) => {
        await lease.assertHeld(tx);
        await leaveDecided(tx, ids, context.now());
      },
    );
  } catch (error) {
    if (error instanceof PositionLost) {
      // The next round reads the folder from its beginning.
      await forgetPosition(reading, stream, error.message);
      return NO_COUNTS;
    }
    const isOfFolder = error instanceof Failure && (error.scope === "folder" || (error.ofFolder !== undefined && broken.has(stream)));
    if (!isOfFolder) throw error;
    context.log.warn({ mailbox: work.mailbox.address, stream, messages: ids.length, code: error.code }, error.message);
    await context.database.transaction((tx) => leaveDecided(tx, ids, context.now()), "leave decided");
    return NO_COUNTS;
  }
}

function placeOf({ head }: PendingDecision): string {
  return `${head.ref.stream} ${head.ref.id}`;
}
