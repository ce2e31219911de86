import { type ToldBefore, toldBefore } from "../../ledger/told-before.ts";
import { decisionKey, identityOf, likenessOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Reading } from "./reading.ts";

/**
 * The first of these messages of one stream that is not the one that was told of before under its ref; null when all are. One of which nothing is
 * known was left out for its age, or it came under a ref that had passed by. A header that is not handed out says nothing.
 */
export async function anotherMessage(
  { context, work }: Reading,
  stream: string,
  heads: readonly MessageHead[],
): Promise<MessageHead | null> {
  const readable = heads.filter((head) => head.unreadable === undefined);
  if (readable.length === 0) return null;
  const known = await toldBefore(
    context.database,
    work.mailbox.id,
    stream,
    readable.map((head) => head.ref.id),
  );
  const isAnother = (head: MessageHead) => {
    const told = known.get(head.ref.id);
    return told === undefined ? head.received >= work.mailbox.startDate : !isSame(told, head);
  };
  return readable.find(isAnother) ?? null;
}

/** The identity under which the decision was made may be that of another place, or of a time when the header was not handed out. */
function isSame(told: ToldBefore, head: MessageHead): boolean {
  const identity = identityOf(head);
  if (told.head?.unreadable !== undefined || told.identity === decisionKey(identity, head)) return true;
  if (told.likeness !== null && told.likeness === likenessOf(head)) return told.received.getTime() === head.received.getTime();
  return told.head !== null && identityOf(told.head).key === identity.key && !identity.weak;
}
