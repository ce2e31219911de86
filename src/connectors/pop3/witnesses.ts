/**
 * A server can give ids (UIDL) a second time and not say so: an older copy of the mail store is put back, a counter goes back, and new messages get
 * the ids of those that came after the copy. Where the sizes are equal too, nothing in a listing differs, and they would count as read. So a cursor
 * remembers what each message looked like, and each round looks at some again: of what looks otherwise, whoever was told of it has to be asked. Pure.
 */
import { decisionKey, identityOf, remainderOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Entry } from "./listing.ts";
import { NO_LIKENESS } from "./seen.ts";

/**
 * Those at the end of the list: ids are given a second time from the place on to which the counter went back, so that the last known id of the list
 * is among them, however many messages came since.
 */
const LAST = 4;

/** Those at its beginning, where a server may list the newest. */
const FIRST = 2;

/** Others, other ones each time: where a server lists in no order, they find by and by what the first and last ones do not. */
const ANY = 2;

/**
 * Of what makes a message the same wherever it is read (model/identity.ts), and where that is weak, of the moment of receipt too, because a scanner's
 * messages look all alike: a number from 1 to 2^32 - 2. None where the head was not read whole, and where several messages share the id: which of
 * them it means changes.
 */
export function likenessOf(head: MessageHead): number {
  return isWhole(head) ? numberOf(decisionKey(identityOf(head), { ...head, ref: { stream: "", id: "" } })) : NO_LIKENESS;
}

/** What is left of a message to know it by where its server writes the other fields anew, as a likeness. */
export function remainingLikenessOf(head: MessageHead): number {
  return isWhole(head) ? numberOf(remainderOf(head)) : NO_LIKENESS;
}

function isWhole(head: MessageHead): boolean {
  return head.unreadable === undefined && !head.truncated && head.sharesId !== true;
}

function numberOf(key: string): number {
  return 1 + (Number.parseInt(key.slice(0, 8), 16) % (2 ** 32 - 2));
}

/** The messages to look at again, of those of which it is known what they looked like, in the order of the list. `random`: from 0 up to 1. */
export function witnessesAmong(known: readonly Entry[], isRemembered: (entry: Entry) => boolean, random: () => number): readonly Entry[] {
  const chosen = new Set<number>();
  for (let at = known.length - 1, left = LAST; at >= 0 && left > 0; at--) left -= choose(at);
  for (let at = 0, left = FIRST; at < known.length && left > 0; at++) left -= choose(at);
  for (let tries = 0; tries < ANY; tries++) choose(Math.floor(random() * known.length));
  return [...chosen].sort((one, other) => one - other).flatMap((at) => known[at] ?? []);

  function choose(at: number): number {
    const entry = known[at];
    if (entry === undefined || chosen.has(at) || entry.shared || !isRemembered(entry)) return 0;
    chosen.add(at);
    return 1;
  }
}
