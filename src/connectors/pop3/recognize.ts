import { randomInt } from "node:crypto";
import type { MessageHead } from "../../model/message.ts";
import { type HeadSource, lookAgain } from "./heads.ts";
import type { Entry } from "./listing.ts";
import { NO_LIKENESS, type Seen } from "./seen.ts";
import { likenessOf, remainingLikenessOf, witnessesAmong } from "./witnesses.ts";

/**
 * Those of a few known messages that do not look any more as they did: the server gave an id to another message, or writes the header anew. Which of
 * the two, only whoever was told of the message can know. What is not handed out says nothing this time.
 */
export async function changedAmong(source: HeadSource, seen: Seen, known: readonly Entry[]): Promise<readonly MessageHead[]> {
  const remembered = ({ id }: Pick<Entry, "id">) => seen.likeness(seen.digest(id)) ?? NO_LIKENESS;
  const isRemembered = (entry: Entry) => remembered(entry) !== NO_LIKENESS && !source.session.breaksAt(entry.id);
  const witnesses = witnessesAmong(known, isRemembered, () => randomInt(2 ** 32) / 2 ** 32);
  const heads = await lookAgain(source, witnesses);
  return heads.filter((head) => {
    const now = likenessOf(head);
    return now !== NO_LIKENESS && ![now, remainingLikenessOf(head)].includes(remembered(head.ref));
  });
}
