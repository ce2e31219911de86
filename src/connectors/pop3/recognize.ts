import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type HeadSource, lookAgain } from "./heads.ts";
import type { Entry } from "./listing.ts";
import { NO_LIKENESS, type Seen } from "./seen.ts";
import { likenessOf, witnessesAmong } from "./witnesses.ts";

/** Milliseconds after which what looks different is read a second time: a server that writes the time of reading into a message writes another second. */
const MOMENT = 1100;

/** What came of looking at some known messages again. */
export interface Recognition {
  /** Why the position is lost, or null. */
  readonly contradiction: string | null;
  /** Messages that the server writes anew at each reading: they bear witness of nothing. */
  readonly silent: readonly Entry[];
}

/**
 * Whether the ids of a mailbox still stand for the messages for which they stood. What looks different is read a second time: a server that writes a
 * message anew at each reading has not given its id to another one. What is not handed out says nothing this time.
 */
export async function recognize(source: HeadSource, seen: Seen, known: readonly Entry[]): Promise<Recognition> {
  const remembered = (entry: Entry) => seen.likeness(seen.digest(entry.id)) ?? NO_LIKENESS;
  const isRemembered = (entry: Entry) => remembered(entry) !== NO_LIKENESS && !source.session.breaksAt(entry.id);
  const witnesses = witnessesAmong(known, isRemembered, () => randomInt(2 ** 32) / 2 ** 32);
  const first = await likenesses(source, witnesses);
  const others = witnesses.filter((entry) => (first.get(entry.id) ?? remembered(entry)) !== remembered(entry));
  if (others.length > 0) await sleep(MOMENT);
  const second = await likenesses(source, others);
  const another = others.find((entry) => second.get(entry.id) === first.get(entry.id));
  if (another === undefined) return { contradiction: null, silent: others.filter((entry) => second.has(entry.id)) };
  const contradiction = `The server gave ids (UIDL) a second time: ${another.id.split(" ")[0]} is another message now.`;
  return { contradiction, silent: [] };
}

async function likenesses(source: HeadSource, entries: readonly Entry[]): Promise<ReadonlyMap<string, number>> {
  const heads = await lookAgain(source, entries);
  return new Map(heads.map((head) => [head.ref.id, likenessOf(head)] as const).filter(([, likeness]) => likeness !== NO_LIKENESS));
}
