import type { DecidedMessage } from "../../ledger/decisions.ts";
import { markLater, readMarking, storeMarked } from "../../ledger/marking.ts";
import { isWiderThanFolder } from "../../model/failure.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Work } from "../context.ts";
import type { Reading } from "./reading.ts";

const BATCH = 200;

/** Of what is stored as emails it is noted that they are to be given the category, where the profile asks for that. One statement, or none. */
export async function noteMarking(
  { work }: Reading,
  tx: Transaction,
  decided: readonly Pick<DecidedMessage, "identity" | "outcome">[],
  ids: ReadonlyMap<string, number>,
): Promise<void> {
  if (!marks(work)) return;
  const emails = decided.filter(({ outcome }) => outcome === "tracked" || outcome === "duplicate");
  await markLater(
    tx,
    work.mailbox.id,
    emails.flatMap(({ identity }) => ids.get(identity) ?? []),
  );
}

/**
 * Gives the category to messages that became emails, so that people see in their mail programs what is in the CRM (product-behaviour 4.3, step 7). It is
 * tried once for each: what a folder or a server refuses is no trouble of the mailbox. That it is to be done stands in the ledger first, so that the
 * keyword is never taken for a person's word.
 */
export async function markTracked(reading: Reading, keyword: string, streams: readonly string[]): Promise<void> {
  const { context, work, source, lease, signal } = reading;
  const { keepsKeywords = false } = context.mailSystem(work.profile).capabilities;
  if (!marks(work) || !keepsKeywords) return;
  for (let after = 0; !signal.aborted; ) {
    const messages = await readMarking(context.database, work.mailbox.id, streams, { after, limit: BATCH });
    const last = messages.at(-1);
    if (last === undefined) return;
    const { undone } = await source.apply(
      messages.flatMap(({ refs }) => refs),
      { addKeyword: keyword },
    );
    const wider = undone.find(({ failure }) => failure.waitingHelps && isWiderThanFolder(failure));
    if (wider !== undefined) throw wider.failure;
    if (undone[0] !== undefined)
      context.log.warn({ mailbox: work.mailbox.address, messages: undone.length, code: undone[0].failure.code }, undone[0].failure.message);
    await context.database.transaction(async (tx) => {
      await lease.assertHeld(tx);
      await storeMarked(
        tx,
        work.mailbox.id,
        messages.map(({ id }) => id),
        context.now(),
      );
    }, "note what was marked");
    after = last.id;
  }
}

/** In a forward mailbox nobody looks, and one forward may hold what is an email and what is none. */
function marks({ mailbox, profile }: Work): boolean {
  return profile.marksTracked === true && mailbox.owner.type !== "forward";
}
