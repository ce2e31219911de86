import type { ExpungeEvent, ImapFlow, MailboxObject } from "imapflow";
import type { Cursor, MessageHead, MessageRef } from "../../model/message.ts";
import type { Pull, PullOptions } from "../../ports.ts";
import { type Position, readCursor, writeCursor } from "./cursor.ts";
import { fetchHeads, type Place, unreadableHead } from "./heads.ts";
import { departures, nextRound, type Observation, refOf, takePage } from "./plan.ts";
import { examine, opened, type Session, searchUids } from "./session.ts";
import { askSurviving } from "./survivors.ts";

/** More messages than this gone at once are told by a listing of those that stayed instead of one by one. */
const MAXIMUM_TOMBSTONES = 50_000;

/** A listing is taken again when messages come or go while it is made. */
const LISTING_ATTEMPTS = 3;

/** UIDs of the round that is being read, so that not every page searches again. They are searched anew after a restart. */
interface Remembered {
  readonly round: string;
  readonly uids: readonly number[];
}

/** Reads folders page by page. Holds nothing that a new one could not find out again. */
export class Puller {
  readonly #session: Session;
  #remembered: Remembered | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The port's `pull` for the folder at `path`, whose messages belong to `stream`. */
  async pull(stream: string, path: string, cursor: Cursor | null, { limit, since }: PullOptions): Promise<Pull> {
    const before = cursor === null ? null : readCursor(cursor);
    if (cursor !== null && before === null) return { kind: "reset", reason: "The cursor is damaged or of another version of Waypost." };
    const tombstones = new Tombstones();
    const plan = await this.#session.run(path, (client) =>
      this.#session.whileHearing(
        (event) => tombstones.add(event),
        async () => {
          const seen = await observe(client, path, before);
          const round = nextRound(before, seen, since);
          if (round.kind === "reset") return round;
          const uids = await this.#uidsOf(client, stream, round.position);
          const left =
            round.kind === "begins" && round.before !== null
              ? await departed(client, stream, round.before, seen, uids.length, tombstones)
              : NONE;
          const place: Place = { stream, validity: seen.validity };
          return { kind: "plan" as const, place, left, ...takePage(round.position, uids, limit) };
        },
      ),
    );
    if (plan.kind === "reset") return plan;
    const heads = await this.#headsOf(path, plan.place, plan.page);
    if (!plan.more) this.#remembered = null;
    const { gone, present, unsettled } = plan.left;
    return { kind: "page", heads, gone, present, cursor: writeCursor({ ...plan.after, ...unsettled }), more: plan.more };
  }

  async #headsOf(path: string, place: Place, uids: readonly number[]): Promise<readonly MessageHead[]> {
    const { answers, refused } = await askSurviving(uids, (some) =>
      this.#session.run(path, async (client) => {
        const { uidValidity } = await opened(client, path);
        // New numbers since the plan was made: what lies under these now is for the next pull, which sees the reset.
        return String(uidValidity ?? 0) === place.validity ? fetchHeads(client, place, some) : [];
      }),
    );
    const damaged = refused.map(({ item, words }) => unreadableHead(place, item, words));
    return [...answers, ...damaged];
  }

  /** All UIDs of the round that are left, or more; ascending. */
  async #uidsOf(client: ImapFlow, stream: string, position: Position): Promise<readonly number[]> {
    const { from, until, since, validity } = position;
    if (from >= until) return [];
    const round = JSON.stringify([stream, validity, until, since]);
    if (this.#remembered?.round === round) return this.#remembered.uids;
    // The upper end is a number, never `*`, which would always return the last message. What a server returns beside the question is dropped.
    const found = await searchUids(client, { uid: `${from}:${until - 1}`, ...(since === null ? {} : { since: new Date(since) }) });
    const uids = found.filter((uid) => uid >= from && uid < until);
    this.#remembered = { round, uids };
    return uids;
  }
}

/** UIDs that the server said to have vanished since the cursor (QRESYNC, RFC 7162 3.2.5.1). */
class Tombstones {
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

/** Opens the folder and tells what it looks like at that moment, before anything is read (invariant 2). */
async function observe(client: ImapFlow, path: string, before: Position | null): Promise<Observation> {
  if (before !== null && goesOn(client, path, before)) return { ...before, next: before.until };
  const askGone = before !== null && before.from >= before.until && before.modseq !== null && client.enabled.has("QRESYNC");
  const mailbox = await examine(
    client,
    path,
    askGone ? { uidValidity: BigInt(before.validity), changedSince: BigInt(before.modseq) } : null,
  );
  // imapflow keeps changing this object as answers come in.
  const { exists, noModseq } = mailbox;
  const validity = stated(mailbox.uidValidity);
  const modseq = noModseq === true ? undefined : stated(mailbox.highestModseq);
  const next = stated(mailbox.uidNext) ?? (await missingUidNext(client, path, before));
  return {
    validity: String(validity ?? 0),
    next: Number(next),
    exists: stated(exists) ?? 0,
    modseq: modseq === undefined ? null : String(modseq),
  };
}

/** The folder is still open from the page before, in the middle of a round: what it looks like now matters only to the next round. */
function goesOn({ mailbox }: ImapFlow, path: string, { validity, from, until }: Position): boolean {
  return (
    from < until &&
    mailbox !== false &&
    mailbox.path === path &&
    mailbox.readOnly === true &&
    String(stated(mailbox.uidValidity) ?? 0) === validity
  );
}

/** imapflow's types promise these, but it leaves out what the server did not say. */
function stated<T extends MailboxObject[keyof MailboxObject]>(value: T): T | undefined {
  return value;
}

/** Some servers leave UIDNEXT out of EXAMINE (peers.md 2.1). Found by searching, it can only be a lower bound, so it never goes back. */
async function missingUidNext(client: ImapFlow, path: string, before: Position | null): Promise<number> {
  const status = await client.status(path, { uidNext: true });
  if (status !== false && status.uidNext !== undefined) return status.uidNext;
  const least = before?.until ?? 1;
  const found = await searchUids(client, { uid: `${least}:*` });
  return Math.max(least, (found.at(-1) ?? 0) + 1);
}

interface Departed {
  readonly gone: readonly MessageRef[];
  readonly present: readonly string[] | null;
  /** What the next round has to look into again. */
  readonly unsettled: Pick<Position, "exists"> | Record<string, never>;
}

const NONE: Departed = { gone: [], present: null, unsettled: {} };

/**
 * What left the folder since the last round: by tombstones where the server keeps them, and where they do not account for all that
 * is missing, by a complete listing. A listing that cannot be verified says nothing (invariant 4), and the next round tries again.
 */
async function departed(
  client: ImapFlow,
  stream: string,
  before: Position,
  seen: Observation,
  arrived: number,
  tombstones: Tombstones,
): Promise<Departed> {
  const missing = departures(before, seen, arrived);
  const vanished = tombstones.complete ? tombstones.below(before.until) : [];
  const gone = vanished.map((uid) => refOf(stream, seen.validity, uid));
  if (tombstones.complete && missing <= vanished.length) return { ...NONE, gone };
  const uids = await verifiedListing(client);
  if (uids === null) return { gone, present: null, unsettled: { exists: seen.exists + missing } };
  return { gone, present: uids.map((uid) => refOf(stream, seen.validity, uid).id), unsettled: {} };
}

/** All UIDs of the open folder, or null when there never were as many as the server says there are. */
async function verifiedListing(client: ImapFlow): Promise<readonly number[] | null> {
  for (let attempt = 0; attempt < LISTING_ATTEMPTS; attempt++) {
    const uids = await searchUids(client, { all: true });
    if (client.mailbox !== false && uids.length === client.mailbox.exists) return uids;
  }
  return null;
}
