import type { ExpungeEvent, ImapFlow } from "imapflow";
import type { MessageRef } from "../../model/message.ts";
import type { Position } from "./cursor.ts";
import type { Place } from "./heads.ts";
import { accountsFor, departures, forgotChanges, type Observation, refOf, returned } from "./plan.ts";
import { stillThere } from "./rows.ts";
import { searchUids } from "./session.ts";

/** More messages than this gone at once are told by a listing of those that stayed instead of one by one. */
const MAXIMUM_TOMBSTONES = 50_000;

/** Tombstones that are looked up one by one; of more a listing tells as much. */
const MAXIMUM_LOOKED_UP = 500;

/** A listing is taken again when messages come or go while it is made. */
const LISTING_ATTEMPTS = 3;

/** UIDs that the server said to have vanished since the cursor (QRESYNC, RFC 7162 3.2.5.1). */
export class Tombstones {
  readonly #uids = new Set<number>();
  complete = true;

  add(event: ExpungeEvent): void {
    if (!event.vanished || !event.earlier || event.uid === undefined) return;
    if (this.#uids.size < MAXIMUM_TOMBSTONES) this.#uids.add(event.uid);
    else this.complete = false;
  }

  below(until: number): readonly number[] {
    return [...this.#uids].filter((uid) => uid < until).sort((a, b) => a - b);
  }
}

export type Departed =
  | {
      readonly kind: "left";
      readonly gone: readonly MessageRef[];
      readonly present: readonly string[] | null;
      /** Messages that the server counts without giving them a UID; left out where they were not counted. */
      readonly unnumbered?: number;
      /** What the next round has to look into again. */
      readonly unsettled: Pick<Position, "exists"> | Record<string, never>;
    }
  /** The folder holds more of the past than it did. */
  | { readonly kind: "reset"; readonly reason: string };

export const NOTHING_LEFT = { kind: "left", gone: [], present: null, unsettled: {} } as const satisfies Departed;

/** A round that begins: what the folder was and is, how many messages came since, and what the server told to have vanished. */
interface Beginning {
  readonly before: Position;
  readonly seen: Observation;
  readonly arrived: number;
  readonly tombstones: Tombstones;
}

/**
 * What left the folder since the last round: by tombstones where the server keeps them, and where they do not account for all that
 * is missing, by a complete listing. A listing that cannot be verified says nothing (invariant 4), and the next round tries again.
 */
export async function departed(client: ImapFlow, place: Place, { before, seen, arrived, tombstones }: Beginning): Promise<Departed> {
  const missing = departures(before, seen, arrived);
  const vanished = tombstones.complete ? tombstones.below(before.until) : [];
  const refs = (uids: readonly number[]) => uids.map((uid) => refOf(place.stream, place.validity, uid));
  const believed = tombstones.complete && !forgotChanges(before, seen) && accountsFor(vanished.length, missing);
  if (believed && vanished.length <= MAXIMUM_LOOKED_UP && (await stillThere(client, vanished)).size === 0)
    // The count is right, of those with a number alone.
    return { ...NOTHING_LEFT, gone: refs(vanished), ...(before.unnumbered > 0 && { unnumbered: 0 }) };
  const { uids, verified, unnumbered } = await listing(client);
  const back = returned(before, uids);
  if (back > 0) {
    const reason = `The folder holds messages again that were not there at the last round (${back} more below UID ${before.until}), as after a restore.`;
    return { kind: "reset", reason };
  }
  const there = new Set(uids);
  const gone = refs(vanished.filter((uid) => !there.has(uid)));
  if (!verified) return { kind: "left", gone, present: null, unnumbered, unsettled: { exists: seen.exists + missing } };
  return { kind: "left", gone, present: refs(uids).map((ref) => ref.id), unnumbered, unsettled: {} };
}

/** The first round of a folder, in which `exists` messages were counted and so many found: nothing left, but some may have no UID. */
export async function countUnnumbered(client: ImapFlow, exists: number, found: number): Promise<Departed> {
  const { unnumbered } = found >= exists ? { unnumbered: 0 } : await listing(client);
  return { ...NOTHING_LEFT, unnumbered, unsettled: { exists: Math.max(0, exists - unnumbered) } };
}

interface Listing {
  readonly uids: readonly number[];
  readonly verified: boolean;
  readonly unnumbered: number;
}

/** All UIDs of the open folder; verified when there were once as many as the server says there are. */
async function listing(client: ImapFlow): Promise<Listing> {
  let uids: readonly number[] = [];
  let more = 0;
  for (let attempt = 0; attempt < LISTING_ATTEMPTS; attempt++) {
    uids = await searchUids(client, { all: true });
    more = client.mailbox === false ? 0 : client.mailbox.exists - uids.length;
    if (client.mailbox !== false && more === 0) return { uids, verified: true, unnumbered: 0 };
  }
  return { uids, verified: false, unnumbered: Math.max(0, more) };
}
