/** Open connections kept for the next message: at most so many at a time, handed out in the order of asking. Knows no SMTP. */

/** What the pool needs to know of a connection. */
export interface Poolable {
  /** It can be used once more. */
  readonly usable: boolean;
  /** Resolves when it is closed; never throws. */
  close(): Promise<void>;
}

export interface PoolOptions<C extends Poolable> {
  /** Connections at a time, idle ones included. */
  readonly limit: number;
  /** Milliseconds until an idle connection is closed. */
  readonly idleTime: number;
  /** What is thrown to those who come, or still wait, after {@link Pool.close}. */
  readonly closed: () => Error;
  /** Whether a connection may go back to wait for more. */
  readonly keep: (connection: C) => boolean;
}

/** The right to use one connection; give it back exactly once. */
export interface Lease<C> {
  readonly connection: C;
  /** It was open before: it may have died unnoticed. */
  readonly reused: boolean;
  /** Gives it back, for the next message if it still is usable. */
  release(): Promise<void>;
}

interface Idle<C> {
  readonly key: string;
  readonly connection: C;
  readonly timer: NodeJS.Timeout;
}

export class Pool<C extends Poolable> {
  readonly #options: PoolOptions<C>;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  readonly #idle: Idle<C>[] = [];
  #leased = 0;
  #closed = false;
  #emptied: PromiseWithResolvers<void> | null = null;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  /**
   * A connection of this key: an idle one, unless `fresh`, or a new one from `open`. Waits its turn while the limit is reached.
   * @throws whatever `open` throws
   */
  async lease(key: string, open: () => Promise<C>, fresh = false): Promise<Lease<C>> {
    await this.#turn();
    try {
      const idle = fresh ? undefined : this.#takeIdle(key);
      if (idle) {
        return this.#leaseOf(key, idle, true);
      }
      await this.#makeRoom(key);
      return this.#leaseOf(key, await open(), false);
    } catch (error) {
      this.#next();
      throw error;
    }
  }

  /** Closes the idle connections of these keys. */
  async closeIdle(keys: ReadonlySet<string>): Promise<void> {
    const unwanted = this.#idle.filter((idle) => keys.has(idle.key));
    for (const idle of unwanted) this.#idle.splice(this.#idle.indexOf(idle), 1);
    await Promise.all(unwanted.map((idle) => this.#closeIdle(idle)));
  }

  /** Closes what is idle, turns away who waits, and resolves when the leases that are out have come back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(this.#options.closed());
    }
    await Promise.all(this.#idle.splice(0).map((idle) => this.#closeIdle(idle)));
    if (this.#leased > 0) {
      this.#emptied ??= Promise.withResolvers<void>();
      await this.#emptied.promise;
    }
  }

  #leaseOf(key: string, connection: C, reused: boolean): Lease<C> {
    const release = async () => {
      if (this.#closed || !this.#options.keep(connection)) {
        await connection.close();
      } else {
        const timer = setTimeout(() => this.#expire(connection), this.#options.idleTime);
        // Nobody waits for an idle connection: it must not keep the process alive.
        timer.unref();
        this.#idle.push({ key, connection, timer });
      }
      this.#next();
    };
    return { connection, reused, release };
  }

  /** The one used last, so that the others can go when there is little to do. Drops those that died. */
  #takeIdle(key: string): C | undefined {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const idle = this.#idle[i];
      if (idle?.key === key) {
        this.#idle.splice(i, 1);
        clearTimeout(idle.timer);
        if (idle.connection.usable) {
          return idle.connection;
        }
        void idle.connection.close();
      }
    }
    return undefined;
  }

  /** Closes the longest idle connection where a new one would be one too many; one of the same key first: it may be as dead as its twin. */
  async #makeRoom(key: string): Promise<void> {
    if (this.#leased + this.#idle.length > this.#options.limit) {
      const at = Math.max(
        0,
        this.#idle.findIndex((idle) => idle.key === key),
      );
      await Promise.all(this.#idle.splice(at, 1).map((idle) => this.#closeIdle(idle)));
    }
  }

  #expire(connection: C): void {
    const at = this.#idle.findIndex((idle) => idle.connection === connection);
    for (const idle of at < 0 ? [] : this.#idle.splice(at, 1)) {
      void this.#closeIdle(idle);
    }
  }

  async #closeIdle({ timer, connection }: Idle<C>): Promise<void> {
    clearTimeout(timer);
    await connection.close();
  }

  async #turn(): Promise<void> {
    if (this.#closed) {
      throw this.#options.closed();
    }
    if (this.#leased < this.#options.limit) {
      this.#leased++;
      return;
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    await turn.promise;
  }

  /** Hands the place on, or frees it. */
  #next(): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting.resolve();
      return;
    }
    this.#leased--;
    if (this.#leased === 0) {
      this.#emptied?.resolve();
    }
  }
}
