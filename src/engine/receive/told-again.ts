import { noteRule } from "../../ledger/note-rule.ts";
import { type ToldBefore, toldBefore } from "../../ledger/told-before.ts";
import { decisionKey, eitherIdentity, identityOf, likenessOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Reading } from "./reading.ts";
import { type Changed, type Likely, lyingThere } from "./same-place.ts";
import { WRITTEN_ANEW } from "./written-anew.ts";

/** What came of looking at messages that were told of before. */
export interface ToldAgain {
  /** The first that is not the one that was told of before under its ref; null when all are. */
  readonly another: MessageHead | null;
  /** They look otherwise than what was decided at their refs, and no email was made of that: they are decided for themselves. */
  readonly undecided: readonly MessageHead[];
}

const ALL_SAME: ToldAgain = { another: null, undecided: [] };

/**
 * Compares messages of one stream with what was told of them before. One of which nothing is known was left out for its age, or it came under a ref that
 * had passed by. A header that is not handed out says nothing. What is the same and was written anew is said so of.
 */
export async function compareTold(reading: Reading, stream: string, heads: readonly MessageHead[]): Promise<ToldAgain> {
  const { context, work } = reading;
  const readable = heads.filter((head) => head.unreadable === undefined);
  if (readable.length === 0) return ALL_SAME;
  const known = await toldBefore(
    context.database,
    work.mailbox.id,
    stream,
    readable.map((head) => head.ref.id),
  );
  const unknown = readable.find((head) => !known.has(head.ref.id) && head.received >= work.mailbox.startDate);
  if (unknown !== undefined) return { another: unknown, undecided: [] };
  const changed = readable.flatMap((head): readonly Changed[] => {
    const told = known.get(head.ref.id);
    return told === undefined || isSame(told, head) ? [] : [{ head, told }];
  });
  if (changed.length === 0) return ALL_SAME;
  const likely = await lyingThere(reading, changed);
  const those = (wanted: Likely) => changed.filter(({ head }) => likely.get(head.ref.id) === wanted);
  const [another] = [...those("another"), ...those("look-alike")];
  if (another !== undefined) return { another: another.head, undecided: [] };
  await noteSame(reading, those("same"));
  return { another: null, undecided: those("no email").map(({ head }) => head) };
}

async function noteSame({ context, work, lease }: Reading, same: readonly Changed[]): Promise<void> {
  if (same.length === 0) return;
  const ids = same.map(({ told }) => told.decisionId);
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteRule(tx, work.mailbox.id, ids, WRITTEN_ANEW);
  }, "note what was written anew");
}

/** The identity under which the decision was made may be that of another place, or of a time when the header was not handed out. */
function isSame(told: ToldBefore, head: MessageHead): boolean {
  const identity = identityOf(head);
  const keys = eitherIdentity(head).map((one) => decisionKey(one, head));
  if (told.head?.unreadable !== undefined || keys.includes(told.identity)) return true;
  if (told.likeness !== null && told.likeness === likenessOf(head)) return told.received.getTime() === head.received.getTime();
  return told.head !== null && identityOf(told.head).key === identity.key && !identity.weak;
}
