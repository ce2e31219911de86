/** The decisions of a pull, apart from any connection. UIDs are those of RFC 3501 2.3.1.1. */
import type { MessageRef } from "../../model/message.ts";
import type { Position } from "./cursor.ts";
import type { UidRange, Witness } from "./witnesses.ts";

/** What opening a folder told, all at one moment. */
export interface Observation {
  readonly validity: string;
  /** UIDNEXT. */
  readonly next: number;
  readonly exists: number;
  readonly modseq: string | null;
  /** See Position. */
  readonly listing: string | null;
}

export type Round =
  /** The cursor says nothing about this folder any more. */
  | { readonly kind: "reset"; readonly reason: string; readonly expected?: true }
  /** The round of the cursor is not over: its remaining UIDs come next. */
  | { readonly kind: "goes on"; readonly position: Position }
  /** A new round. `before` is where the last one ended; null for the first. */
  | { readonly kind: "begins"; readonly position: Position; readonly before: Position | null };

/** No UIDVALIDITY, or the illegal value 0: UIDs mean nothing beyond this round. */
export const NO_VALIDITY = "0";

/**
 * IMAP's SINCE compares days and ignores the time zone (RFC 3501 6.4.4): two days earlier surely covers every zone. The exact
 * bound is for the caller, who has the received date of each head.
 */
const SINCE_MARGIN = 2 * 24 * 60 * 60 * 1000;

/** What the next pull of a folder is to do, from where the last one ended and what the folder looks like now. */
export function nextRound(before: Position | null, seen: Observation, since: Date): Round {
  if (before === null) return { kind: "begins", position: { ...round(seen, 1, []), since: dayBefore(since) }, before };
  if (seen.validity !== before.validity) {
    return {
      kind: "reset",
      reason: `The server gave the folder new message numbers (UIDVALIDITY ${before.validity}, now ${seen.validity}).`,
    };
  }
  const isOver = before.from >= before.until;
  if (seen.validity === NO_VALIDITY && isOver && (seen.listing === null || seen.listing !== before.listing))
    return { kind: "reset", reason: "The folder changed, and the server gives it no UIDVALIDITY.", expected: true };
  if (seen.next < before.until) {
    return { kind: "reset", reason: `The folder's next message number went back (UIDNEXT ${before.until}, now ${seen.next}).` };
  }
  if (!isOver) return { kind: "goes on", position: before };
  return { kind: "begins", position: round(seen, before.until, before.witnesses), before };
}

function round({ next, ...seen }: Observation, from: number, witnesses: readonly Witness[]): Position {
  const { validity, exists, modseq, listing } = seen;
  return { validity, from, until: Math.max(next, from), since: null, exists, unnumbered: 0, modseq, listing, witnesses };
}

/** The day from which messages have to be asked for that were received since then, `YYYY-MM-DD`; null: from the first. */
export function dayBefore(since: Date): string | null {
  const day = new Date(since.getTime() - SINCE_MARGIN);
  // Before the year 1 or after 9999 there is no day to write; reading all of it is right then.
  return /^\d{4}-\d{2}-\d{2}T/.test(toIso(day)) ? toIso(day).slice(0, 10) : null;
}

function toIso(day: Date): string {
  return Number.isNaN(day.getTime()) ? "" : day.toISOString();
}

/**
 * How many messages left the folder since the last round. UIDs only grow, so a message below `before.until` can leave but not
 * arrive: those that were there, less those still there, is exact. May come out lower than the truth, or below zero, when a
 * new message went while we looked; the next round then sees the difference, because `exists` is what was observed.
 */
export function departures(before: Position, seen: Observation, arrived: number): number {
  return before.exists - (seen.exists - arrived);
}

/**
 * Whether tombstones tell all that left. None missing is enough: servers may repeat what left earlier (RFC 7162 3.2). Fewer missing than
 * told proves nothing: those repeated may hide others.
 */
export function accountsFor(vanished: number, missing: number): boolean {
  return missing === 0 || missing === vanished;
}

/**
 * HIGHESTMODSEQ went back, as where an index was deleted or an older one restored: of what left meanwhile the server knows nothing or something
 * else.
 */
export function forgotChanges(before: Position, { modseq }: Observation): boolean {
  return before.modseq !== null && (modseq === null || BigInt(modseq) < BigInt(before.modseq));
}

/**
 * Messages that lie below the end of the last round though they were not there then, at least so many: the folder was put back to an earlier
 * state, or the server shows messages out of order. They were never handed out.
 */
export function returned(before: Position, listed: readonly number[]): number {
  return Math.max(0, listed.filter((uid) => uid < before.until).length - before.exists);
}

/** One page of a round: the UIDs to read now, and the position after it. `uids` ascend and lie within the round. */
export function takePage(
  position: Position,
  uids: readonly number[],
  limit: number,
): { readonly page: readonly number[]; readonly after: Position; readonly more: boolean } {
  const rest = uids.slice(lowerBound(uids, position.from));
  const page = rest.slice(0, Math.max(1, limit));
  const last = page.at(-1);
  const more = page.length < rest.length && last !== undefined;
  return { page, after: { ...position, from: more ? last + 1 : position.until }, more };
}

/** Index of the first of the ascending numbers that is not below `least`. */
function lowerBound(ascending: readonly number[], least: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? least) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The UIDs as an IMAP sequence set, ascending and with runs joined: `1:3,7` (RFC 3501 9). Empty for none. */
export function sequenceSet(uids: Iterable<number>): string {
  const runs: [first: number, last: number][] = [];
  for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === uid - 1) run[1] = uid;
    else runs.push([uid, uid]);
  }
  return rangeSet(runs.map(([first, last]) => ({ first, last })));
}

/** Ranges as an IMAP sequence set, in their order. */
export function rangeSet(ranges: readonly UidRange[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}:${last}`)).join(",");
}

/** UIDs named in one command: keeps the line short enough for every server (RFC 7162 4 recommends 8192 bytes). */
export const UIDS_AT_A_TIME = 500;

/** The list in pieces of at most `size`. */
export function chunks<T>(list: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) => list.slice(index * size, (index + 1) * size));
}

/** Where a message lies: its UID is unique for ever only together with UIDVALIDITY. */
export function refOf(stream: string, validity: string, uid: number): MessageRef {
  return { stream, id: idOf(validity, uid) };
}

/** The id of a ref. */
export function idOf(validity: string, uid: number): string {
  return `${validity}.${uid}`;
}

/** The UID in a ref, or null when the ref was given under another UIDVALIDITY and so names nothing here any more. */
export function uidOf(ref: MessageRef, validity: string): number | null {
  const [, given, uid] = /^(\d{1,20})\.(\d{1,10})$/.exec(ref.id) ?? [];
  return given === validity && uid !== undefined ? Number(uid) : null;
}

/** The UID in a ref that was just made of one. */
export function uidIn(ref: MessageRef): number {
  return Number(ref.id.slice(ref.id.indexOf(".") + 1));
}
