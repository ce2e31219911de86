import type { Connection } from "./connection.ts";

/** Milliseconds for which a connection is kept: until the other direction of the mailbox was tried, and not so long that other programs miss the mailbox. */
const KEPT = 15_000;

interface Kept {
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
}

/**
 * Connections that a check has signed in, for whoever opens the mailbox next: a server that wants some time between two sign-ins (LOGIN-DELAY,
 * RFC 2449 6.5) would let nobody in again so soon. Each is left when nobody came.
 */
export class KeptConnections implements AsyncDisposable {
  readonly #kept = new Map<string, Kept>();
  readonly #leaving = new Map<string, Promise<void>>();

  /** `address`: of the mailbox that is open on it. */
  async keep(address: string, connection: Connection): Promise<void> {
    await this.#leave(address);
    if (connection.channel.ended) return;
    // Whatever it kept from running would be worth more than a mailbox left in time.
    const timer = setTimeout(() => void this.#leave(address), KEPT).unref();
    this.#kept.set(address, { connection, timer });
  }

  /** The one of a mailbox, once; null where there is none. One that is just being left is waited for: the mailbox is locked by it. */
  async take(address: string): Promise<Connection | null> {
    await this.#leaving.get(address);
    const kept = this.#kept.get(address);
    if (kept === undefined) return null;
    this.#kept.delete(address);
    clearTimeout(kept.timer);
    return kept.connection.channel.ended ? null : kept.connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#kept.keys()].map((address) => this.#leave(address)));
  }

  async #leave(address: string): Promise<void> {
    const connection = await this.take(address);
    if (connection === null) return;
    const leaving = connection.leave().finally(() => this.#leaving.delete(address));
    this.#leaving.set(address, leaving);
    await leaving;
  }
}
