/** Whether a folder still holds what its cursor remembers of it; see witnesses.ts. */
import type { ImapFlow } from "imapflow";
import type { MessageHead } from "../../model/message.ts";
import { anotherSurvives } from "./another.ts";
import type { Position } from "./cursor.ts";
import { fetchFields, ITS_FIELDS, type Place } from "./heads.ts";
import { uidIn } from "./plan.ts";
import { opened, type Session, searchUids } from "./session.ts";
import { askAllSurviving } from "./survivors.ts";
import {
  areProven,
  changedAmong,
  FARTHEST,
  highestOf,
  isComparable,
  rememberedAnew,
  type Seen,
  seenIn,
  strangerAmong,
  type UidRange,
  WITNESSES,
  type Witness,
  watched,
  witnessOf,
} from "./witnesses.ts";

/** UIDs that are looked through at first for the messages that lie highest, and how many times as many where there are too few. */
const SPAN = 1000;
const WIDER = 30;

export type Recognized =
  /** The folder does not hold what it did, under the same numbers. */
  | { readonly kind: "reset"; readonly reason: string }
  | {
      readonly kind: "recognized";
      /** What is to be remembered of what was read. */
      readonly witnesses: readonly Witness[];
      /**
       * Nothing that the cursor remembers shows whether these are the messages that were read, or they look otherwise now; whoever was told of them may
       * know.
       */
      readonly again: readonly MessageHead[];
    };

/** Reads heads of messages of the open folder. */
export type ReadHeads = (uids: readonly number[]) => Promise<readonly MessageHead[]>;

/** Looks at the messages of the folder at `path` that lie highest of those read, where the last pull ended; `exists` is what it holds now. */
export async function recognize(
  session: Session,
  path: string,
  place: Place,
  position: Pick<Position, "from" | "until" | "since" | "exists" | "witnesses">,
  readHeads: ReadHeads,
): Promise<Recognized> {
  const { witnesses: remembered, from } = position;
  // A first round that leaves old messages out has not seen what lies between those that it read.
  const partly = position.since !== null && from < position.until;
  if (position.exists === 0) return { kind: "recognized", witnesses: partly ? remembered : [], again: [] };
  const pieces = partly
    ? watched(remembered, from).filter(({ first }) => remembered.some(({ uid }) => uid === first))
    : watched(remembered, from);
  const { found, withheld } = await fingerprints(session, path, place, pieces, remembered.length + 1);
  const other =
    strangerAmong(remembered, found) ??
    strangerAmong(
      remembered,
      withheld.map((uid) => ({ uid })),
    );
  if (other !== null) {
    const reason = `The server gave numbers a second time (UID ${other} is a message now and was none before, under the same UIDVALIDITY ${place.validity}).`;
    return { kind: "reset", reason };
  }
  const changed = changedAmong(remembered, found);
  const again = changed.length > 0 ? await readHeads(changed.map(({ uid }) => uid)) : [];
  const before = rememberedAnew(remembered, changed);
  if (partly) return { kind: "recognized", witnesses: before, again };
  const known = before.map((one) => (withheld.includes(one.uid) ? { ...one, likeness: null } : one));
  if (areProven(before, found)) {
    const there = new Set(found.map(({ uid }) => uid));
    return { kind: "recognized", witnesses: known.filter(({ uid, likeness }) => likeness === null || there.has(uid)), again };
  }
  const opaque = known.filter((one) => !isComparable(one));
  const { witnesses, heads } = await highest(session, path, place, from, opaque, readHeads);
  return { kind: "recognized", witnesses, again: heads };
}

/**
 * The witnesses that lie highest below `end`, and the heads of those that were read for it: none is read that is among `known`. Few are read at a time,
 * and more only as long as nothing can be compared with any: they may be large, or damaged.
 */
export async function highest(
  session: Session,
  path: string,
  place: Place,
  end: number,
  known: readonly Witness[],
  readHeads: ReadHeads,
): Promise<{ readonly witnesses: readonly Witness[]; readonly heads: readonly MessageHead[] }> {
  const heads: MessageHead[] = [];
  const told = new Map(known.map((one) => [one.uid, one]));
  for (let most = WITNESSES; ; most += WITNESSES) {
    const uids: readonly number[] = await session.run(path, async (client) =>
      (await isOpen(client, path, place)) ? highestUids(client, end, most) : [],
    );
    const unknown = uids.filter((uid) => !told.has(uid));
    const read = unknown.length > 0 ? await readHeads(unknown) : [];
    heads.push(...read);
    for (const uid of unknown) told.set(uid, { uid, likeness: null });
    for (const head of read) told.set(uidIn(head.ref), witnessOf(uidIn(head.ref), head));
    const witnesses = highestOf(uids.flatMap((uid) => told.get(uid) ?? []));
    if (witnesses.some(isComparable) || uids.length < most || most >= FARTHEST) return { witnesses, heads };
  }
}

/** The UIDs of so many messages that lie highest below `end`, ascending. */
async function highestUids(client: ImapFlow, end: number, most: number): Promise<readonly number[]> {
  for (let span = SPAN; end > 1; span *= WIDER) {
    const first = Math.max(1, end - span);
    const found = (await searchUids(client, { uid: `${first}:${end - 1}` })).filter((uid) => first <= uid && uid < end);
    if (found.length >= most || first === 1) return found.slice(-most);
  }
  return [];
}

/** What lies within these ranges, of at most so many messages, and the first UIDs of the ranges that the server does not hand out. */
async function fingerprints(
  session: Session,
  path: string,
  place: Place,
  ranges: readonly UidRange[],
  most: number,
): Promise<{ readonly found: readonly Seen[]; readonly withheld: readonly number[] }> {
  if (ranges.length === 0) return { found: [], withheld: [] };
  const { answers, refused } = await askAllSurviving<UidRange, MessageHead>(ranges, {
    ask: (some) => session.run(path, async (client) => ((await isOpen(client, path, place)) ? fetchFields(client, place, some, most) : [])),
    reopen: (how) => session.reopen(path, how),
    another: (than) => anotherSurvives(session, path, (uid) => than.some(({ first, last }) => first <= uid && uid <= last), ITS_FIELDS),
  });
  return { found: answers.map((head) => seenIn(uidIn(head.ref), head)), withheld: refused.map(({ item }) => item.first) };
}

/** Opens the folder unless it is open. False: it has new numbers; what lies under the old ones is for the next pull, which sees the reset. */
export async function isOpen(client: ImapFlow, path: string, place: Place): Promise<boolean> {
  const { uidValidity } = await opened(client, path);
  return String(uidValidity ?? 0) === place.validity;
}
