/**
 * A server can give numbers a second time and not say so: an older copy of the mail store is put back, and new messages get the UIDs of those
 * that came after the copy, under the same UIDVALIDITY. Once UIDNEXT has caught up, nothing it says differs. So a cursor remembers a few
 * messages, and when one of their UIDs stands for another message, the position is lost. Those that came last, because numbers are given a
 * second time from the highest down. Pure.
 */
import { decisionKey, identityOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";

/** More would make each round slower and find no more: only where all of these are gone does it matter how many there were. */
export const WITNESSES = 4;

/** Only the fields are read again of a witness, and of a message larger than this they were not what was read first. */
const LARGEST = 1024 * 1024;

export interface Witness {
  readonly uid: number;
  /**
   * Of what makes a message the same wherever it is read (model/identity.ts), and where that is weak, of the moment of receipt too, because a
   * scanner's messages look all alike: 16 hexadecimal digits.
   */
  readonly likeness: string;
}

/** The witness that a head makes, or null where the head was not read whole. */
export function witnessOf(uid: number, head: MessageHead): Witness | null {
  if (head.unreadable !== undefined || head.truncated || head.size > LARGEST) return null;
  const identity = identityOf(head);
  return { uid, likeness: decisionKey(identity, { ...head, ref: { stream: "", id: "" } }).slice(0, 16) };
}

/** The last of all these, ascending. One that has left the folder stays: its UID must never come back. */
export function lastWitnesses(...lists: readonly (readonly Witness[])[]): readonly Witness[] {
  const byUid = new Map(lists.flat().map((witness) => [witness.uid, witness]));
  return [...byUid.values()].sort((one, other) => one.uid - other.uid).slice(-WITNESSES);
}

/** The first witness whose UID stands for another message now. One that is not found says nothing. */
export function contradicted(remembered: readonly Witness[], found: readonly Witness[]): Witness | null {
  const now = new Map(found.map((witness) => [witness.uid, witness.likeness]));
  return remembered.find(({ uid, likeness }) => (now.get(uid) ?? likeness) !== likeness) ?? null;
}
