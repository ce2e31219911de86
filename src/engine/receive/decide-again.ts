import { leaveDecided, type PendingDecision, pendingDecisions } from "../../ledger/decisions.ts";
import { processHeads } from "./process-heads.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

const BATCH = 200;

/**
 * Decides again what was skipped before the message that it answers was tracked, and what a person asked to take out of quarantine.
 * Content is fetched where the message was last seen; if it lies nowhere any more, the earlier decision stays.
 */
export async function decideAgain(reading: Reading): Promise<Counts> {
  const { context, work, lease, signal } = reading;
  let counts: Counts = NO_COUNTS;
  while (!signal.aborted) {
    const pending = await pendingDecisions(context.database, work.mailbox.id, BATCH);
    if (pending.length === 0) break;
    const heads = pending.map((one) => one.head);
    const keys = new Map(pending.map((one) => [placeOf(one), one.identity]));
    counts = addCounts(
      counts,
      await processHeads(
        reading,
        heads,
        async (tx) => {
          await lease.assertHeld(tx);
          await leaveDecided(
            tx,
            pending.map((one) => one.id),
            context.now(),
          );
        },
        keys,
      ),
    );
  }
  return counts;
}

function placeOf({ head }: PendingDecision): string {
  return `${head.ref.stream} ${head.ref.id}`;
}
