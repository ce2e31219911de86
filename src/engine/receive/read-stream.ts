import { readCursor, storeCursor } from "../../ledger/streams.ts";
import { Failure } from "../../model/failure.ts";
import type { Cursor, MessageRef } from "../../model/message.ts";
import { step } from "../step.ts";
import { processHeads } from "./process-heads.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

/** Heads in one page: enough to keep the look-ups few, little enough to keep memory and transactions small. */
export const PAGE_SIZE = 500;

/** What one round over one stream found. */
export interface StreamRound {
  readonly stream: string;
  readonly counts: Counts;
  readonly gone: readonly MessageRef[];
  readonly present: readonly string[] | null;
  readonly startedAt: Date;
}

/**
 * Pulls one stream page by page until nothing more is there. Each page's decisions and the cursor that covers them commit in one transaction
 * (invariants 1 and 2). A lost cursor starts again from the beginning and reconciles by identity: known messages are recognized, not replayed (invariant 3).
 */
export async function readStream(reading: Reading, stream: string): Promise<StreamRound> {
  const { context, work, source, lease, signal } = reading;
  const startedAt = context.now();
  let cursor = await readCursor(context.database, work.mailbox.id, stream);
  let counts: Counts = NO_COUNTS;
  const gone: MessageRef[] = [];
  let present: readonly string[] | null = null;
  let resets = 0;
  let reread: string[] | null = null;
  for (;;) {
    const pull = await source.pull(stream, cursor, { limit: PAGE_SIZE, since: work.mailbox.startDate });
    if (pull.kind === "reset") {
      if (++resets > 2) throw lostAgain(work.mailbox.address, stream, pull.reason);
      context.log.warn(
        { mailbox: work.mailbox.address, stream, reason: pull.reason },
        "cursor lost: the folder is read again and its messages recognized by identity",
      );
      cursor = null;
      reread = [];
      continue;
    }
    step("receive.pulled");
    gone.push(...pull.gone);
    present = pull.present ?? present;
    reread?.push(...pull.heads.map((head) => head.ref.id));
    const covered: Cursor = pull.cursor;
    if (pull.heads.length > 0 || covered !== cursor) {
      counts = addCounts(
        counts,
        await processHeads(reading, pull.heads, async (tx) => {
          await lease.assertHeld(tx);
          await storeCursor(tx, work.mailbox.id, stream, covered, context.now());
        }),
      );
    }
    cursor = covered;
    // What a folder read again from its beginning does not show is not there any more; half a reading proves nothing.
    if (!pull.more) return { stream, counts, gone, present: present ?? reread, startedAt };
    if (signal.aborted) return { stream, counts, gone: [], present: null, startedAt };
  }
}

function lostAgain(mailbox: string, stream: string, reason: string): Failure {
  return new Failure({
    scope: "folder",
    code: "cursor lost again",
    message: `Mailbox ${mailbox}, folder ${stream}: the server gave up the position in this folder again while it was being read: ${reason}`,
    remedy:
      "Nothing is lost: the folder is read from its beginning at the next round. If this goes on, the mail server's index of the folder is damaged and needs its administrator.",
    waitingHelps: true,
  });
}
