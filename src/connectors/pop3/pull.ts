import type { Cursor, MessageHead } from "../../model/message.ts";
import type { Pull, PullOptions } from "../../ports.ts";
import { type Position, readCursor, writeCursor } from "./cursor.ts";
import { fetchHeads, type HeadSource } from "./heads.ts";
import type { Entry } from "./listing.ts";
import { changedAmong } from "./recognize.ts";
import { Seen } from "./seen.ts";
import { likenessOf, remainingLikenessOf } from "./witnesses.ts";

/** Fewer messages than this can all be others by chance: somebody emptied the mailbox and got new mail. */
const LEAST_OF_A_MIGRATION = 10;

/** One look at the mailbox, handed out page by page. */
interface Round {
  /** The cursor that goes on with it. */
  cursor: Cursor;
  readonly since: Date | null;
  /** What was handed out of what is there. */
  seen: Seen;
  /** It is not what the cursor says with which the round began. */
  readonly changed: boolean;
  /** All ids that the mailbox holds, where some that it held are not there any more. */
  readonly present: readonly string[] | null;
  /** Known messages that look otherwise now. */
  readonly again: readonly MessageHead[];
  /** What is still to be handed out. */
  fresh: readonly Entry[];
  begun: boolean;
}

/** Reads the mailbox page by page. Holds nothing that a new one could not find out again. */
export class Puller {
  readonly #heads: HeadSource;
  #round: Round | null = null;

  constructor(heads: HeadSource) {
    this.#heads = heads;
  }

  /** The port's `pull`. Each round compares what the mailbox holds with what was handed out of it before. */
  async pull(cursor: Cursor | null, { limit, since }: PullOptions): Promise<Pull> {
    const begun = cursor === null || this.#round?.cursor !== cursor ? await this.#begin(cursor, since) : this.#round;
    if ("kind" in begun) return begun;
    const ordered = this.#heads.session.breakingLast(begun.fresh);
    const page = this.#pageOf(ordered, limit);
    const { heads, read } = await fetchHeads(this.#heads, page);
    const first = !begun.begun;
    const isNothing = first && page.length === 0;
    begun.begun = true;
    begun.fresh = ordered.slice(read);
    const more = begun.fresh.length > 0;
    begun.seen = await begun.seen.changed(
      [],
      // One that left meanwhile was not handed out: if it lies there the next time, it is new.
      heads.map((head) => [begun.seen.digest(head.ref.id), likenessOf(head)]),
    );
    const unchanged = cursor !== null && isNothing && !begun.changed && begun.since === null;
    begun.cursor = unchanged ? cursor : writeCursor({ since: more ? begun.since : null, seen: begun.seen });
    this.#round = more ? begun : null;
    // Whoever comes next wants to know what came meanwhile.
    if (!more) this.#heads.session.markUsed();
    const present = first ? begun.present : null;
    const again = first ? begun.again : [];
    return { kind: "page", heads: leftOut(heads, begun.since), gone: [], present, again, cursor: begun.cursor, more };
  }

  /** A message at which the server hung up comes after all others, and alone: it may end the session, in which the content of the others is to be read. */
  #pageOf(ordered: readonly Entry[], limit: number): readonly Entry[] {
    const page = ordered.slice(0, Math.max(1, limit));
    const suspect = page.findIndex(({ id }) => this.#heads.session.breaksAt(id));
    return suspect < 0 ? page : page.slice(0, Math.max(1, suspect));
  }

  async #begin(cursor: Cursor | null, since: Date): Promise<Round | Extract<Pull, { kind: "reset" }>> {
    const position: Position | null = cursor === null ? { since, seen: Seen.none() } : readCursor(cursor);
    if (position === null) return { kind: "reset", reason: "The cursor is damaged or of another version of Waypost." };
    const { session } = this.#heads;
    const entries = await session.fresh((drop) => drop.entries());
    const { known, fresh, left } = await position.seen.compare(entries);
    if (known.length === 0 && Math.min(position.seen.size, fresh.length) >= LEAST_OF_A_MIGRATION)
      return { kind: "reset", reason: "The server gave all messages new ids (UIDL)." };
    session.vouchFor(known);
    const again = await changedAmong(this.#heads, position.seen, known);
    const { seen } = position;
    return {
      cursor: cursor ?? "",
      since: position.since,
      seen: await seen.changed(
        left,
        again.map((head) => [seen.digest(head.ref.id), remainingLikenessOf(head)]),
      ),
      changed: left.length > 0 || again.length > 0,
      present: left.length > 0 ? entries.map(({ id }) => id) : null,
      again,
      fresh,
      begun: false,
    };
  }
}

/**
 * In the first reading, messages that a server received before the start are nobody's business. One that only its sender dated is told, so that
 * the decision about it says so.
 */
function leftOut(heads: readonly MessageHead[], since: Date | null): readonly MessageHead[] {
  return since === null
    ? heads
    : heads.filter((head) => head.received >= since || head.receivedFrom !== "trace" || head.unreadable !== undefined);
}
