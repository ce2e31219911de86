import type { ImapFlow, MailboxObject } from "imapflow";
import type { Cursor, MessageHead } from "../../model/message.ts";
import type { Pull, PullOptions } from "../../ports.ts";
import { anotherSurvives } from "./another.ts";
import { bearingOf } from "./bearing.ts";
import { type Position, readCursor, writeCursor } from "./cursor.ts";
import { countUnnumbered, type Departed, departed, NOTHING_LEFT, Tombstones } from "./departed.ts";
import { isFlooded } from "./failures.ts";
import { ENOUGH, fetchHeads, ITS_FIELDS, type Place, Room, unreadableHead } from "./heads.ts";
import { listingDigest } from "./listing-digest.ts";
import { NO_VALIDITY, nextRound, type Observation, takePage, uidIn } from "./plan.ts";
import { highest, isOpen, type ReadHeads, type Recognized, recognize } from "./recognize.ts";
import { examine, opened, type Session, searchUids } from "./session.ts";
import { askSurviving } from "./survivors.ts";
import { highestOf, witnessOf } from "./witnesses.ts";

/** UIDs of the round that is being read, so that not every page searches again. They are searched anew after a restart. */
interface Remembered {
  readonly round: string;
  readonly uids: readonly number[];
}

/** `fresh`: the folder was opened for it, not left open from the page before. */
type Observed = Observation & { readonly fresh: boolean };

/** Reads folders page by page. Holds nothing that a new one could not find out again. */
export class Puller {
  readonly #session: Session;
  #remembered: Remembered | null = null;
  /** Messages of a page: as many as had room in one, and more again where there is more room. A whole page would come again and again for its beginning. */
  #most = Number.POSITIVE_INFINITY;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The port's `pull` for the folder at `path`, whose messages belong to `stream`. */
  async pull(stream: string, path: string, cursor: Cursor | null, { limit, since, keyword = null }: PullOptions): Promise<Pull> {
    const before = cursor === null ? null : readCursor(cursor);
    if (cursor !== null && before === null) return { kind: "reset", reason: "The cursor is damaged or of another version of Waypost." };
    const { seen, tombstones } = await this.#observe(path, before);
    const round = nextRound(before, seen, since);
    if (round.kind === "reset") return this.#lost(round.reason, round.expected);
    const place: Place = { stream, validity: seen.validity };
    const lost = (reason: string) => this.#lost(reason, seen.validity === NO_VALIDITY ? true : undefined);
    const known: Recognized =
      before !== null && seen.fresh
        ? await recognize(
            this.#session,
            path,
            place,
            { ...round.position, since: before.since, until: before.until, exists: seen.exists },
            this.#readerOf(path, place),
          )
        : { kind: "recognized", witnesses: round.position.witnesses, again: [] };
    if (known.kind === "reset") return lost(known.reason);
    const plan = await this.#session.run(path, async (client) => {
      await opened(client, path);
      const uids = await this.#uidsOf(client, stream, round.position);
      const left: Departed =
        round.kind === "begins" && round.before !== null
          ? await departed(client, place, { before: round.before, seen, arrived: uids.length, tombstones })
          : before === null
            ? await countUnnumbered(client, seen.exists, uids.length)
            : NOTHING_LEFT;
      return { left, uids, taken: takePage(round.position, uids, Math.min(limit, this.#most)) };
    });
    if (plan.left.kind === "reset") return lost(plan.left.reason);
    const { heads, read } = await this.#headsOf(path, place, plan.taken.page);
    const isCut = read < plan.taken.page.length;
    this.#most = isCut ? read : this.#most * 2;
    const { after, more } = isCut ? takePage(round.position, plan.uids, read) : plan.taken;
    if (!more) this.#remembered = null;
    const { gone, present, unsettled, unnumbered } = plan.left;
    const seenNow = highestOf(
      known.witnesses,
      heads.map((head) => witnessOf(uidIn(head.ref), head)),
    );
    // The end of a first round: old messages that it left out may lie above those that it read.
    const bearing = keyword !== null && seen.fresh ? await bearingOf(this.#session, path, place, keyword) : undefined;
    const leftOut = !more && after.since !== null;
    const remark = unnumbered === undefined ? undefined : remarkOn(seen.validity, unnumbered);
    const witnesses = leftOut
      ? (await highest(this.#session, path, place, after.until, seenNow, this.#readerOf(path, place))).witnesses
      : seenNow;
    return {
      kind: "page",
      heads,
      gone,
      present,
      again: known.again,
      bearing,
      remark,
      cursor: writeCursor({ ...after, ...unsettled, unnumbered: unnumbered ?? before?.unnumbered ?? 0, witnesses }),
      more,
    };
  }

  #lost(reason: string, expected: true | undefined): Pull {
    this.#remembered = null;
    return { kind: "reset", reason, ...(expected && { expected }) };
  }

  #observe(path: string, before: Position | null): Promise<{ readonly seen: Observed; readonly tombstones: Tombstones }> {
    const tombstones = new Tombstones();
    return this.#session.run(path, (client) =>
      this.#session.whileHearing(
        (event) => tombstones.add(event),
        async () => ({ seen: await observe(client, path, before), tombstones }),
      ),
    );
  }

  #readerOf(path: string, place: Place): ReadHeads {
    return async (uids) => (await this.#headsOf(path, place, uids)).heads;
  }

  /** The heads of the first of these messages, and of how many: all for whose headers there is room, up to where enough are damaged, and always one. */
  async #headsOf(
    path: string,
    place: Place,
    uids: readonly number[],
  ): Promise<{ readonly heads: readonly MessageHead[]; readonly read: number }> {
    const passed = new Set<number>();
    let left = uids.length === 1 ? Number.POSITIVE_INFINITY : ENOUGH;
    let room = new Room(left);
    const read = (some: readonly number[]) =>
      this.#session.run(path, async (client) => {
        room = new Room(left);
        const heads = (await isOpen(client, path, place)) ? await fetchHeads(client, place, some, room) : [];
        for (const uid of room.passed) passed.add(uid);
        left -= room.taken;
        return heads;
      });
    const survivors = await askSurviving(uids, {
      ask: read,
      reopen: (how) => this.#session.reopen(path, how),
      another: (than) => anotherSurvives(this.#session, path, (uid) => than.includes(uid), ITS_FIELDS),
    }).catch((error: unknown) => {
      if (uids.length === 1 || !isFlooded(error)) throw error;
      return null;
    });
    // As many as there was room for, and at least ever fewer.
    if (survivors === null) return this.#headsOf(path, place, uids.slice(0, Math.max(1, Math.min(room.headers, uids.length >> 1))));
    const { answers, refused, unasked } = survivors;
    const first = uids.findIndex((uid) => passed.has(uid) || uid === unasked[0]);
    // A server may answer in any order.
    if (first === 0) return this.#headsOf(path, place, uids.slice(0, 1));
    const cut = first < 0 ? uids.length : first;
    const end = uids[cut] ?? Number.POSITIVE_INFINITY;
    const damaged = refused.map(({ item, words }) => unreadableHead(place, item, words));
    const heads = [...answers, ...damaged].filter((head) => uidIn(head.ref) < end);
    return { heads: heads.sort((one, other) => uidIn(one.ref) - uidIn(other.ref)), read: cut };
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

/** What people should know of a folder. */
function remarkOn(validity: string, unnumbered: number): string | null {
  if (validity === NO_VALIDITY)
    return "The mail server gives its messages no lasting numbers (no UIDVALIDITY): whenever something changes in it, all of it is read again and recognized.";
  if (unnumbered === 0) return null;
  return `The mail server counts ${unnumbered} more in it than it gives numbers (UID) by which they could be read: its index of the folder is damaged and has to be built anew.`;
}

/** Opens the folder and tells what it looks like at that moment, before anything is read (invariant 2). */
export async function observe(client: ImapFlow, path: string, before: Position | null): Promise<Observed> {
  if (before !== null && goesOn(client, path, before)) return { ...before, next: before.until, fresh: false };
  const begins = before === null || before.from >= before.until;
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
    listing: begins && String(validity ?? 0) === NO_VALIDITY ? await listingDigest(client, stated(exists) ?? 0, Number(next)) : null,
    fresh: true,
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
