import { type ToldBefore, toldBefore } from "../../ledger/told-before.ts";
import { decideOnNewHeads, noteRule } from "../../ledger/written-anew.ts";
import { decisionKey, identityOf, likenessOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Reading } from "./reading.ts";
import { type Changed, lyingThere } from "./same-place.ts";
import { WRITTEN_ANEW } from "./written-anew.ts";

/**
 * The first of these messages of one stream that is not the one that was told of before under its ref; null when all are. One of which nothing is
 * known was left out for its age, or it came under a ref that had passed by. A header that is not handed out says nothing. What is the same and was
 * written anew is said so of; where no email was made of it, it is decided again on what it shows now.
 */
export async function anotherMessage(reading: Reading, stream: string, heads: readonly MessageHead[]): Promise<MessageHead | null> {
  const { context, work } = reading;
  const readable = heads.filter((head) => head.unreadable === undefined);
  if (readable.length === 0) return null;
  const known = await toldBefore(
    context.database,
    work.mailbox.id,
    stream,
    readable.map((head) => head.ref.id),
  );
  const unknown = readable.find((head) => !known.has(head.ref.id) && head.received >= work.mailbox.startDate);
  if (unknown !== undefined) return unknown;
  const changed = readable.flatMap((head): readonly Changed[] => {
    const told = known.get(head.ref.id);
    return told === undefined || isSame(told, head) ? [] : [{ head, told }];
  });
  const likely = await lyingThere(reading, changed);
  const another = changed.find(({ head }) => likely.get(head.ref.id) === "another");
  if (another !== undefined) return another.head;
  await noteChanged(reading, changed, likely);
  return null;
}

async function noteChanged({ context, work, lease }: Reading, changed: readonly Changed[], likely: Awaited<ReturnType<typeof lyingThere>>) {
  if (changed.length === 0) return;
  const undecided = changed.filter(({ head }) => likely.get(head.ref.id) === "no email");
  const same = changed.filter(({ head }) => likely.get(head.ref.id) === "same");
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteRule(
      tx,
      work.mailbox.id,
      same.map(({ told }) => told.decisionId),
      WRITTEN_ANEW,
    );
    await decideOnNewHeads(
      tx,
      undecided.map(({ head, told }) => ({ decisionId: told.decisionId, head })),
    );
  }, "note what was written anew");
}

/** The identity under which the decision was made may be that of another place, or of a time when the header was not handed out. */
function isSame(told: ToldBefore, head: MessageHead): boolean {
  const identity = identityOf(head);
  if (told.head?.unreadable !== undefined || told.identity === decisionKey(identity, head)) return true;
  if (told.likeness !== null && told.likeness === likenessOf(head)) return told.received.getTime() === head.received.getTime();
  return told.head !== null && identityOf(told.head).key === identity.key && !identity.weak;
}
