import { randomUUID } from "node:crypto";
import type { Database, Transaction } from "../../database/database.ts";
import { pause } from "../../database/patience.ts";
import {
  countWatchers,
  deletePlaces,
  deleteStalePlaces,
  easeLearnedLimits,
  forgetAbsent,
  forgetWatcher,
  insertPlaces,
  isWanted,
  leaveLine,
  listWatches,
  lockPlaces,
  noteCalled,
  readCapacities,
  readLine,
  standInLine,
  turnOf,
  type Use,
  type Waiting,
  type Wanted,
} from "../../ledger/connections.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import type { Direction, Endpoint } from "../../model/mailbox.ts";
import type { Work } from "../context.ts";
import { Room, turnsNow } from "./room.ts";

/** Seconds that a use is let in before those who asked earlier: a person waits for a check, and for an email to leave. */
const HEAD_START: Readonly<Record<Use, number>> = { check: 60, send: 5, receive: 0, file: 0, watch: 0 };

/** For so long a place is kept free for one who was called; every worker may be busy with other servers. */
const CALLED_SECONDS = 10;

/** How often one who waits in person looks whether it is his turn. */
const LOOK_MS = 250;

/** A learned limit is tried again with one connection more after so long. */
export const EASE_MS = 5 * 60_000;

/** The right to hold one connection open. */
export interface Place extends AsyncDisposable {
  /** Gives it back, and calls whoever is next. Never throws: what the database was not told now it learns at the next sweep. */
  release(): Promise<void>;
}

export interface ConnectionsOptions {
  readonly database: Database;
  now(): Date;
  /** Enqueues the work of a mailbox within the transaction. */
  wake(tx: Transaction, work: "receive" | "send", mailboxId: string): Promise<void>;
  report(error: unknown): void;
  /** Under which name servers count a connection of the mailbox; by default that of its own user. */
  countedAs?(mailbox: MailboxRow, direction: Direction): string;
  /** A profile may again open as many connections as it says. */
  eased(profile: string): Promise<void>;
}

/**
 * Gives out the connections to mail servers: over all processes no profile and no host has more than its limit, and no account more than its
 * server was seen to take. Who finds no room stands in line in the ledger, and his work is woken, in whichever process, when it is his turn.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** Ids of the places that this process holds or is about to. */
  readonly #held = new Set<string>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** A place, or null when there is none: then the mailbox stands in line, and its work is woken. */
  async take(work: Work, use: Use, direction: Direction = directionOf(use)): Promise<Place | null> {
    const wanted = this.wantedBy(work, use, direction);
    const id = randomUUID();
    this.#held.add(id);
    try {
      const given = await this.#options.database.transaction(async (tx) => {
        // Asked for at once and answered one after the other: what is read is as it stands once the places are locked.
        const [at, all, turn, capacities] = await Promise.all([
          lockPlaces(tx, [wanted]),
          readLine(tx),
          turnOf(tx, wanted),
          readCapacities(tx, this.#options.now()),
        ]);
        const line = all.filter((one) => !isSame(one, wanted));
        const turnAt = turn ?? new Date(at.getTime() - HEAD_START[use] * 1000);
        const mine: Waiting = { ...wanted, turnAt, called: true };
        const turns = turnsNow([...line, mine], capacities);
        const isTurn = turns.includes(mine);
        if (isTurn) {
          await Promise.all([insertPlaces(tx, this.#options.database.presence.instanceId, [{ ...wanted, id }]), leaveLine(tx, wanted)]);
        } else await standInLine(tx, wanted, turnAt);
        await this.#call(tx, turns);
        return isTurn;
      }, "take a connection");
      if (given) return this.#placeOf(id, wanted);
      this.#held.delete(id);
      return null;
    } catch (error) {
      // Should the place have been given all the same, the next sweep takes it away.
      this.#held.delete(id);
      throw error;
    }
  }

  /** Waits in line until there is a place; null when `signal` aborts. For what a person asked for: jobs do not wait, they are woken. */
  async takeInTurn(work: Work, use: Use, signal: AbortSignal, direction: Direction = directionOf(use)): Promise<Place | null> {
    while (!signal.aborted) {
      const place = await this.take(work, use, direction);
      if (place !== null) return place;
      await this.sweep();
      await pause(LOOK_MS, signal);
    }
    await leaveLine(this.#options.database, this.wantedBy(work, use));
    return null;
  }

  /** The mailbox has no work any more for which it stood in line. */
  async leave(work: Work, use: Use): Promise<void> {
    await leaveLine(this.#options.database, this.wantedBy(work, use));
  }

  /** Whether another mailbox stands in line for what this work holds. */
  isWanted(work: Work, use: Use): Promise<boolean> {
    return isWanted(this.#options.database, this.wantedBy(work, use));
  }

  /**
   * Divides the connections that may wait for news among the mailboxes, the first ones first, and these evenly among the processes that watch: takes
   * for this process what nobody watches, up to its share, and leaves what it has above that to the others. Gives the ids of the mailboxes that this
   * process is to watch: it stops watching any other, and then says so with {@link endWatches}.
   */
  async takeWatches(works: readonly Work[]): Promise<ReadonlySet<string>> {
    const wanted = works.map((work) => this.wantedBy(work, "watch"));
    const { database, now } = this.#options;
    const me = database.presence.instanceId;
    const fresh = new Map(wanted.map((one) => [one.mailboxId, { ...one, id: randomUUID() }]));
    const living = await database.presence.living();
    return database.transaction(async (tx) => {
      await lockPlaces(tx, wanted);
      const watches = await listWatches(tx);
      const capacities = await readCapacities(tx, now());
      // Whoever stands in line for work goes first; what is watched already keeps its place unless its mailbox is not among the first any more.
      const taken = new Room(capacities);
      const share = new Room(capacities.map((one) => ({ ...one, used: one.used - one.watches, watches: 0 })));
      for (const one of turnsNow(await readLine(tx), capacities)) for (const room of [taken, share]) room.take(one);
      const held = new Map(watches.map((one) => [one.mailboxId, one]));
      const first = wanted.filter((one) => share.take(one)).map((one) => one.mailboxId);
      const mine = first.filter((id) => held.get(id)?.holder === me);
      const fair = Math.ceil(first.length / (await countWatchers(tx, living, me)));
      const places = first
        .flatMap((id) => (held.has(id) ? [] : (fresh.get(id) ?? [])))
        .slice(0, Math.max(0, fair - mine.length))
        .filter((one) => taken.take(one));
      for (const { id } of places) this.#held.add(id);
      const inserted = new Set(await insertPlaces(tx, me, places));
      const gained = places.filter((one) => inserted.has(one.id)).map((one) => one.mailboxId);
      return new Set([...mine.slice(0, fair), ...gained]);
    }, "divide watches");
  }

  /** This process watches these mailboxes no more: their connections are closed. */
  async endWatches(mailboxIds: readonly string[]): Promise<void> {
    const { database } = this.#options;
    const mine = (await listWatches(database)).filter(
      (one) => one.holder === database.presence.instanceId && mailboxIds.includes(one.mailboxId),
    );
    for (const { id } of mine) this.#held.delete(id);
    await database.transaction(async (tx) => {
      await deletePlaces(
        tx,
        mine.map((one) => one.id),
      );
      await this.#callNext(tx);
    }, "end watches");
  }

  /** What a notification or a dead process left undone: run every few seconds, by every process that works. */
  async sweep(): Promise<void> {
    const { database, now } = this.#options;
    await deleteStalePlaces(database, await database.presence.living(), database.presence.instanceId, this.#held);
    await forgetAbsent(database, CALLED_SECONDS);
    for (const { profile } of await easeLearnedLimits(database, now(), new Date(now().getTime() + EASE_MS)))
      await this.#options.eased(profile);
    await database.transaction((tx) => this.#callNext(tx), "call who waits for a connection");
  }

  /** Gives everything back: the process ends. A database that is away learns it from the death of the process. */
  async close(): Promise<void> {
    const ids = [...this.#held];
    this.#held.clear();
    const { database, report } = this.#options;
    await forgetWatcher(database, database.presence.instanceId).catch((error: unknown) => report(error));
    if (ids.length > 0) await deletePlaces(database, ids).catch((error: unknown) => report(error));
  }

  /** What a piece of work connects to. A profile without that direction has nothing to count; it is never connected to. */
  wantedBy({ mailbox, profile }: Work, use: Use, direction: Direction = directionOf(use)): Wanted {
    const endpoint = direction === "send" ? profile.outgoing : profile.incoming;
    const user = this.#options.countedAs?.(mailbox, direction) ?? mailbox.username;
    return { use, mailboxId: mailbox.id, profile: profile.name, host: hostOf(endpoint), account: accountOf(endpoint, user) };
  }

  #placeOf(id: string, wanted: Wanted): Place {
    const release = async () => {
      if (!this.#held.delete(id)) return;
      try {
        await this.#options.database.transaction(async (tx) => {
          await Promise.all([lockPlaces(tx, [wanted]), deletePlaces(tx, [id]), this.#callNext(tx)]);
        }, "give a connection back");
      } catch (error) {
        this.#options.report(error);
      }
    };
    return { release, [Symbol.asyncDispose]: release };
  }

  async #callNext(tx: Transaction): Promise<void> {
    const line = await readLine(tx);
    if (line.length > 0) await this.#call(tx, turnsNow(line, await readCapacities(tx, this.#options.now())));
  }

  async #call(tx: Transaction, turns: readonly Waiting[]): Promise<void> {
    const called = turns.filter((one) => !one.called);
    if (called.length === 0) return;
    await noteCalled(tx, called);
    for (const { use, mailboxId } of called) {
      if (use === "receive") await this.#options.wake(tx, "receive", mailboxId);
      else if (use === "send" || use === "file") await this.#options.wake(tx, "send", mailboxId);
    }
  }
}

/** The direction in which a use connects; a check is for either. */
function directionOf(use: Use): Direction {
  return use === "send" ? "send" : "receive";
}

function hostOf(endpoint: Endpoint | null): string {
  return endpoint?.host.toLowerCase() ?? "";
}

function accountOf(endpoint: Endpoint | null, username: string): string {
  return endpoint === null || endpoint.authentication === "none" ? "" : username;
}

function isSame(one: Wanted, other: Wanted): boolean {
  return one.use === other.use && one.mailboxId === other.mailboxId;
}
