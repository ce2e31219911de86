import { forgetOpened } from "../../ledger/forwarders.ts";
import { leaveDecided, type PendingDecision, pendingDecisions } from "../../ledger/pending-decisions.ts";
import { Failure } from "../../model/failure.ts";
import { decisionKey, eitherIdentity, remainderOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import { lookedAtTogether } from "./forward-source.ts";
import { openedSince } from "./forwarded-refs.ts";
import { processHeads } from "./process-heads.ts";
import { forgetPosition } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";
import { readHeadsAgain } from "./unreadable-heads.ts";
import { PositionLost } from "./verify-content.ts";

const BATCH = 200;

/** Folders in trouble, though they were listed and opened, before the mailbox is in trouble: each may cost connections. */
const MOST_BROKEN = 3;

export interface DecidedAgain {
  readonly counts: Counts;
  /** Others waited: behind this decision the next turn goes on. Null: each had its turn. */
  readonly goesOnAfter: number | null;
}

/**
 * Decides again what was skipped before the message that it answers was tracked, and what a person asked to take out of quarantine: each once
 * a round, where the message lies now. What cannot be read this time (moved a moment ago, folder refused or hidden) is tried again in a later round;
 * if it lies nowhere any more, the earlier decision stays. The mail system tells of a departure only once: deciding again never says that a message lies
 * where it was told to have left. After a slice the mailbox gives way if others wait; its next turn goes on behind what was
 * tried in this one, so that what cannot be read keeps nothing else from its turn. Where a head is not kept any more, what lies in its place now is decided only if it is that message.
 */
export async function decideAgain(reading: Reading, slice: Slice): Promise<DecidedAgain> {
  const { context, work, signal } = reading;
  const { id: mailboxId, unfinished } = work.mailbox;
  const limit = lookedAtTogether(work.mailbox, BATCH);
  const clock = new SliceClock(slice);
  const tried = new Set<number>();
  const broken = new Set<string>();
  let counts: Counts = NO_COUNTS;
  let trackedBefore = 0;
  for (let after = unfinished?.deciding ?? 0; !signal.aborted; ) {
    const { found, ids } = await pendingDecisions(context.database, mailboxId, { after, limit });
    const last = ids.at(-1);
    if (last === undefined) {
      // An answer that became an email may be what others wait for that stand before it.
      if (counts.tracked === trackedBefore) break;
      [after, trackedBefore] = [0, counts.tracked];
      continue;
    }
    const pending = found.filter(({ id, ref }) => !tried.has(id) && !broken.has(ref.stream));
    if (pending.length > 0 && tried.size > 0 && (await clock.isOver())) return { counts, goesOnAfter: after };
    for (const { id } of pending) tried.add(id);
    for (const [stream, some] of Map.groupBy(pending, (one) => one.ref.stream))
      counts = addCounts(counts, await decideFolder(reading, stream, some, broken));
    await leaveThoseNowhere(reading, ids);
    after = last;
  }
  return { counts, goesOnAfter: null };
}

/** After they were looked for where they were seen last: a tombstone may lie. */
async function leaveThoseNowhere({ context, lease }: Reading, ids: readonly number[]): Promise<void> {
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await leaveDecided(tx, ids, context.now());
  }, "leave decided");
}

/** A folder that is gone, refused or broken keeps its messages from being decided, and nothing else. */
async function decideFolder(reading: Reading, stream: string, pending: readonly PendingDecision[], broken: Set<string>): Promise<Counts> {
  const { context, work, lease } = reading;
  try {
    const read = await headsOf(reading, pending);
    const opened = openedSince(pending, read).map(({ id }) => id);
    return await processHeads(reading, read, { again: new Map(pending.map((one) => [one.ref.id, one])) }, async (tx) => {
      await lease.assertHeld(tx);
      await forgetOpened(tx, opened);
    });
  } catch (error) {
    if (error instanceof PositionLost) {
      // The next round reads the folder from its beginning.
      await forgetPosition(reading, stream, error.message);
      return NO_COUNTS;
    }
    if (!(error instanceof Failure)) throw error;
    const failure = error.scope === "folder" ? error : error.ofFolder;
    if (failure === undefined || broken.size >= MOST_BROKEN) throw error;
    // The mail system was well when the folders were read, a moment ago: the trouble is taken for the folder's, which is not asked again this time.
    if (failure !== error) broken.add(stream);
    context.log.warn({ mailbox: work.mailbox.address, stream, messages: pending.length, code: failure.code }, failure.message);
    return NO_COUNTS;
  }
}

/** As they are kept, and read where they lie as far as they are not. */
async function headsOf(reading: Reading, pending: readonly PendingDecision[]): Promise<MessageHead[]> {
  const kept = await readHeadsAgain(
    reading,
    pending.flatMap(({ head }) => head ?? []),
  );
  const bare = new Map(pending.flatMap((one) => (one.head === null ? [[one.ref.id, one]] : [])));
  if (bare.size === 0) return kept;
  const read = await reading.source.heads([...bare.values()].map(({ ref }) => ref));
  return [...kept, ...read.filter((head) => isOfDecision(head, bare.get(head.ref.id)))];
}

/**
 * Whether that is the message of a decision whose head is gone: a server may have given its place to another one, of which nobody spoke. What is not asked
 * about by its place is decided for itself.
 */
function isOfDecision(head: MessageHead, decision: PendingDecision | undefined): boolean {
  if (decision === undefined) return true;
  return eitherIdentity(head).some((one) => decisionKey(one, head) === decision.identity) || decision.remainder === remainderOf(head);
}
