import type pg from "pg";
import type { Report } from "./database.ts";
import type { Rows } from "./engine.ts";
import { pause, within } from "./patience.ts";
import { toDatabaseError, unavailable } from "./sql-error.ts";

/** First and longest wait before connecting again. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** A connection that the network swallowed without a word is found by asking: this often, waiting this long. */
const PROBE_MS = 10_000;
const PROBE_PATIENCE_MS = 5_000;

export interface DedicatedHooks {
  readonly open: () => pg.Client;
  readonly place: string;
  readonly onNotification: (channel: string, payload: string) => void;
  /** Sets up each new session; when it throws, the session is dropped and another one tried. */
  readonly onConnected: (ask: Ask) => Promise<void>;
  readonly report: Report;
}

export type Ask = (text: string, values: readonly unknown[]) => Promise<Rows>;

/** The one session outside the pool: it listens and holds the presence lock, and is made anew with back-off whenever it is lost. */
export class DedicatedConnection {
  readonly #hooks: DedicatedHooks;
  readonly #stop = new AbortController();
  #client: pg.Client | null = null;
  #reconnecting: Promise<void> = Promise.resolve();
  #probe: NodeJS.Timeout | null = null;

  private constructor(hooks: DedicatedHooks) {
    this.#hooks = hooks;
  }

  /** Throws a `Failure` when the first connection cannot be made. */
  static async open(hooks: DedicatedHooks): Promise<DedicatedConnection> {
    const connection = new DedicatedConnection(hooks);
    await connection.#connect();
    return connection;
  }

  ask(text: string, values: readonly unknown[]): Promise<Rows> {
    if (this.#client === null) return Promise.reject(unavailable(this.#hooks.place, "The session for notifications is being made again."));
    return askClient(this.#client, text, values, this.#hooks.place);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#probe !== null) clearInterval(this.#probe);
    const client = this.#client;
    this.#client = null;
    await this.#reconnecting;
    await client?.end();
  }

  async #connect(): Promise<void> {
    const client = this.#hooks.open();
    client.on("notification", (message) => this.#hooks.onNotification(message.channel, message.payload ?? ""));
    client.on("error", (error) => this.#lost(client, error.message));
    client.on("end", () => this.#lost(client, "The server closed the connection."));
    try {
      await client.connect();
      await this.#hooks.onConnected((text, values) => askClient(client, text, values, this.#hooks.place));
    } catch (error) {
      await endQuietly(client);
      throw toDatabaseError(error, this.#hooks.place);
    }
    if (this.#stop.signal.aborted) return endQuietly(client);
    this.#client = client;
    this.#probe = setInterval(() => void this.#check(client), PROBE_MS).unref();
  }

  #lost(client: pg.Client, said: string): void {
    if (this.#client !== client) return;
    this.#client = null;
    if (this.#probe !== null) clearInterval(this.#probe);
    this.#hooks.report(`The database ${this.#hooks.place} closed the session for notifications (${said}); it is made again.`);
    void endQuietly(client);
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const signal = this.#stop.signal;
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      // Jitter: after a restart of the server not everybody comes back in the same instant.
      await pause(wait * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) return;
      try {
        return await this.#connect();
      } catch (error) {
        this.#hooks.report(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async #check(client: pg.Client): Promise<void> {
    const answer = askClient(client, "select 1", [], this.#hooks.place);
    const alive = await within(PROBE_PATIENCE_MS, answer).catch(() => false);
    if (!alive) this.#lost(client, "It gave no answer.");
  }
}

async function askClient(client: pg.Client, text: string, values: readonly unknown[], place: string): Promise<Rows> {
  try {
    const result = await client.query<Record<string, unknown>>(text, [...values]);
    return { rows: result.rows, rowCount: result.rowCount ?? 0, command: result.command };
  } catch (error) {
    throw toDatabaseError(error, place);
  }
}

/** Ends a client that may be dead already; there is nobody left to tell. */
async function endQuietly(client: pg.Client): Promise<void> {
  client.removeAllListeners("end");
  await within(1_000, client.end()).catch(() => false);
}
