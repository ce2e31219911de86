/**
 * A server can give numbers a second time and not say so: an older copy of the mail store is put back, and new messages get the UIDs of those
 * that came after the copy, under the same UIDVALIDITY. Once UIDNEXT has caught up, nothing it says differs. But numbers are given upwards, so that
 * of all messages that were read the one that lies highest is the first to be another one: as long as it is the same, so are all below it. A
 * cursor remembers the few that lay highest, and that nothing else lay from the lowest of them on. Where no header of these can be read whole, the
 * next lower one that can is remembered too, with all above it. Pure.
 */
import { decisionKey, identityOf, remainderOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";

/** Where all of them left at one time, whoever was told of the next lower ones is asked: more would only make each round slower. */
export const WITNESSES = 4;

/** How far down the next one is looked for with which something can be compared, where none of those that lay highest is one: messages. */
export const FARTHEST = 16;

export interface Witness {
  readonly uid: number;
  /**
   * Of what makes a message the same wherever it is read (model/identity.ts), and where that is weak, of the moment of receipt too, because a
   * scanner's messages look all alike: 16 hexadecimal digits. Of a message that was seen to look otherwise, of what is left of it then. Null where the
   * header was not read whole, so that nothing can be compared.
   */
  readonly likeness: string | null;
}

/** A message as it looks now. */
export interface Seen extends Witness {
  /** What is left to know it by where its server writes the other fields anew, as a likeness; null where there is none. */
  readonly remainder: string | null;
}

/** UIDs from the first to the last. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

/** The witness that a head makes. */
export function witnessOf(uid: number, head: MessageHead): Witness {
  if (head.unreadable !== undefined || head.truncated) return { uid, likeness: null };
  const identity = identityOf(head);
  return { uid, likeness: decisionKey(identity, { ...head, ref: { stream: "", id: "" } }).slice(0, 16) };
}

/** A message as its head shows it. */
export function seenIn(uid: number, head: MessageHead): Seen {
  const witness = witnessOf(uid, head);
  return { ...witness, remainder: witness.likeness === null ? null : remainderOf(head).slice(0, 16) };
}

/**
 * The highest of all these, ascending, and where nothing can be compared with any of them, down to the next one with which something can; of several
 * with one UID the last.
 */
export function highestOf(...lists: readonly (readonly Witness[])[]): readonly Witness[] {
  const byUid = new Map(lists.flat().map((witness) => [witness.uid, witness]));
  const all = [...byUid.values()].sort((one, other) => one.uid - other.uid);
  const comparable = all.findLastIndex(isComparable);
  const down = comparable < 0 ? 0 : all.length - comparable;
  return all.slice(-(down <= FARTHEST ? Math.max(down, WITNESSES) : WITNESSES));
}

/** Whether its header was read whole. */
export function isComparable({ likeness }: Witness): boolean {
  return likeness !== null;
}

/**
 * Where nothing but the witnesses may lie, below `end`: each of them, and what is between and above them, in pieces. Left out are those with which
 * nothing can be compared: their headers may be large. Without a witness nothing lay in the folder at all.
 */
export function watched(remembered: readonly Witness[], end: number): readonly UidRange[] {
  const pieces: UidRange[] = [];
  let next = remembered[0]?.uid ?? 1;
  const add = (first: number, last: number) => first <= last && pieces.push({ first, last });
  for (const { uid, likeness } of remembered) {
    add(next, uid - 1);
    if (likeness !== null) add(uid, uid);
    next = uid + 1;
  }
  add(next, end - 1);
  return pieces;
}

/** The UID of the first found message that lies where none was; null where there is none. */
export function strangerAmong(remembered: readonly Witness[], found: readonly Pick<Witness, "uid">[]): number | null {
  return found.find(({ uid }) => remembered.every((one) => one.uid !== uid))?.uid ?? null;
}

/**
 * Those found messages that look like another one than the one remembered: the server gave the number a second time, or writes the header anew. One that
 * is not found says nothing.
 */
export function changedAmong(remembered: readonly Witness[], found: readonly Seen[]): readonly Seen[] {
  const before = new Map(remembered.map(({ uid, likeness }) => [uid, likeness]));
  return found.filter(({ uid, likeness, remainder }) => {
    const known = before.get(uid) ?? null;
    return known !== null && likeness !== null && known !== likeness && known !== remainder;
  });
}

/** What is to be remembered where these look otherwise and are the same messages all the same: what is left of them. */
export function rememberedAnew(remembered: readonly Witness[], changed: readonly Seen[]): readonly Witness[] {
  const now = new Map(changed.map(({ uid, remainder }) => [uid, remainder]));
  return remembered.map((one) => ({ uid: one.uid, likeness: now.get(one.uid) ?? one.likeness }));
}

/** Whether it is seen that what lies below the witnesses is the same: one of them is there, or there is none to see it by. */
export function areProven(remembered: readonly Witness[], found: readonly Witness[]): boolean {
  const there = new Set(found.flatMap(({ uid, likeness }) => (likeness === null ? [] : [uid])));
  return remembered.every(({ likeness }) => likeness === null) || remembered.some(({ uid }) => there.has(uid));
}
