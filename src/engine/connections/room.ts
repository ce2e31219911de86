import type { Capacity, Waiting, Wanted } from "../../ledger/connections.ts";

/** Connections that wait for news may take all but a third of what a profile or host allows, rounded up, and all but this many in any case. */
const MOST_RESERVED = 20;

/** How many connections of so many may wait for news (IMAP IDLE); the rest is kept for work. Pure. */
export function watchShare(limit: number): number {
  return Math.max(0, limit - Math.min(Math.ceil(limit / 3), MOST_RESERVED));
}

interface Free {
  all: number;
  watches: number;
}

/** The room that is left under all limits, as places are taken one by one. Pure but for its own counts. */
export class Room {
  readonly #free = new Map<string, Free>();

  constructor(capacities: readonly Capacity[]) {
    for (const { kind, name, limit, used, watches } of capacities) {
      const key = `${kind} ${name}`;
      const before = this.#free.get(key) ?? { all: Number.POSITIVE_INFINITY, watches: Number.POSITIVE_INFINITY };
      this.#free.set(key, {
        all: Math.min(before.all, limit - used),
        watches: Math.min(before.watches, watchShare(limit) - watches),
      });
    }
  }

  /** Takes a place if every limit leaves room for it. */
  take(wanted: Wanted): boolean {
    const limits = keysOf(wanted).flatMap((key) => this.#free.get(key) ?? []);
    const watches = wanted.use === "watch";
    if (limits.some((one) => one.all <= 0 || (watches && one.watches <= 0))) return false;
    for (const one of limits) {
      one.all -= 1;
      if (watches) one.watches -= 1;
    }
    return true;
  }
}

/** Those of these limits that hold for a connection. Pure. */
export function limitsOf(wanted: Wanted, capacities: readonly Capacity[]): Capacity[] {
  const keys = new Set(keysOf(wanted));
  return capacities.filter(({ kind, name }) => keys.has(`${kind} ${name}`));
}

function keysOf({ profile, host, account }: Wanted): string[] {
  return [`profile ${profile}`, `host ${host}`, `account ${host}\n${account}`];
}

/**
 * Who of the line may have a place now, in the order of turns. One who is kept out by a limit of his own holds up nobody whom that limit does not
 * concern. Pure.
 */
export function turnsNow<W extends Waiting>(line: readonly W[], capacities: readonly Capacity[]): W[] {
  const room = new Room(capacities);
  return line.toSorted(byTurn).filter((one) => room.take(one));
}

function byTurn(one: Waiting, other: Waiting): number {
  return one.turnAt.getTime() - other.turnAt.getTime() || (one.mailboxId < other.mailboxId ? -1 : 1);
}
