import { randomInt } from "node:crypto";
import { type HeadSource, lookAgain } from "./heads.ts";
import type { Entry } from "./listing.ts";
import { NO_LIKENESS, type Seen } from "./seen.ts";
import { likenessOf, witnessesAmong } from "./witnesses.ts";

/** What came of looking at some known messages again. */
export interface Recognition {
  /** Why the position is lost, or null. */
  readonly contradiction: string | null;
  /** Messages that the server does not hand out any more, or writes anew each time: they bear witness of nothing. */
  readonly silent: readonly Entry[];
}

/**
 * Whether the ids of a mailbox still stand for the messages for which they stood. What looks different is read a second time: a server that writes a
 * message anew at each reading has not given its id to another one.
 */
export async function recognize(source: HeadSource, seen: Seen, known: readonly Entry[]): Promise<Recognition> {
  const remembered = (entry: Entry) => seen.likeness(seen.digest(entry.id)) ?? NO_LIKENESS;
  const isRemembered = (entry: Entry) => remembered(entry) !== NO_LIKENESS && !source.session.breaksAt(entry.id);
  const witnesses = witnessesAmong(known, isRemembered, () => randomInt(2 ** 32) / 2 ** 32);
  const first = await likenesses(source, witnesses);
  const others = witnesses.filter((entry) => (first.heads.get(entry.id) ?? remembered(entry)) !== remembered(entry));
  const second = await likenesses(source, others);
  const another = others.find((entry) => second.heads.get(entry.id) === first.heads.get(entry.id));
  if (another === undefined) return { contradiction: null, silent: [...first.withheld, ...others] };
  const contradiction = `The server gave ids (UIDL) a second time: ${another.id.split(" ")[0]} is another message now.`;
  return { contradiction, silent: [] };
}

async function likenesses(source: HeadSource, entries: readonly Entry[]) {
  const { heads, withheld } = await lookAgain(source, entries);
  return { heads: new Map(heads.map((head) => [head.ref.id, likenessOf(head)])), withheld };
}
