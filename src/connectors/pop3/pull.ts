import { setImmediate as othersTurn } from "node:timers/promises";
import type { Cursor, MessageHead } from "../../model/message.ts";
import type { Pull, PullOptions } from "../../ports.ts";
import { type Position, readCursor, Seen, writeCursor } from "./cursor.ts";
import { fetchHeads, type HeadSource } from "./heads.ts";
import type { Entry } from "./listing.ts";
import type { Maildrop } from "./maildrop.ts";

/** Ids worked out before other work of the process has its turn: a few milliseconds. */
const IDS_AT_A_TIME = 5000;

/** Fewer messages than this can all be others by chance: somebody emptied the mailbox and got new mail. */
const LEAST_OF_A_MIGRATION = 10;

/** One look at the mailbox, handed out page by page. */
interface Round {
  /** The cursor that goes on with it. */
  cursor: Cursor;
  readonly drop: Maildrop;
  readonly position: Position;
  readonly entries: readonly Entry[];
  readonly digests: ReadonlyMap<string, bigint>;
  readonly known: readonly Entry[];
  readonly fresh: readonly Entry[];
  /** Messages of `fresh` that were handed out. */
  done: number;
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
    const first = begun.done === 0;
    const page = begun.fresh.slice(begun.done, begun.done + Math.max(1, limit));
    const { heads, read } = await fetchHeads(this.#heads, page);
    begun.done += read;
    const more = begun.done < begun.fresh.length;
    const departed = begun.position.seen.size > begun.known.length;
    const present = first && departed ? begun.entries.map(({ id }) => id) : null;
    const unchanged = cursor !== null && begun.fresh.length === 0 && !departed && begun.position.since === null;
    begun.cursor = unchanged ? cursor : cursorAfter(begun, more);
    this.#round = more ? begun : null;
    // Whoever comes next wants to know what came meanwhile.
    if (!more) begun.drop.used = true;
    return { kind: "page", heads: leftOut(heads, begun.position.since), gone: [], present, cursor: begun.cursor, more };
  }

  async #begin(cursor: Cursor | null, since: Date): Promise<Round | Extract<Pull, { kind: "reset" }>> {
    const position = cursor === null ? { since, seen: Seen.none() } : readCursor(cursor);
    if (position === null) return { kind: "reset", reason: "The cursor is damaged or of another version of Waypost." };
    return this.#heads.session.fresh(async (drop) => {
      const entries = await drop.entries();
      const digests = await digestsOf(position.seen, entries);
      const known: Entry[] = [];
      const fresh: Entry[] = [];
      for (const entry of entries) (position.seen.has(digests.get(entry.id) ?? 0n) ? known : fresh).push(entry);
      if (known.length === 0 && Math.min(position.seen.size, fresh.length) >= LEAST_OF_A_MIGRATION)
        return { kind: "reset", reason: "The server gave all messages new ids (UIDL)." };
      return { cursor: cursor ?? "", drop, position, entries, digests, known, fresh, done: 0 };
    });
  }
}

async function digestsOf(seen: Seen, entries: readonly Entry[]): Promise<ReadonlyMap<string, bigint>> {
  const digests = new Map<string, bigint>();
  for (const [index, { id }] of entries.entries()) {
    if (index % IDS_AT_A_TIME === 0) await othersTurn();
    digests.set(id, seen.digest(id));
  }
  return digests;
}

/** What was handed out of what is there: ids that vanished drop out. */
function cursorAfter({ position, known, fresh, done, digests }: Round, more: boolean): Cursor {
  const digest = ({ id }: Entry) => digests.get(id) ?? 0n;
  const seen = position.seen.with([...known, ...fresh.slice(0, done)].map(digest));
  return writeCursor({ since: more ? position.since : null, seen });
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
