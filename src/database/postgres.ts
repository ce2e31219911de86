import pg from "pg";
import { Failure } from "../model/failure.ts";
import { Channels, quoteName } from "./channels.ts";
import type { NotDurable, Presence, Report, ServerPlace } from "./database.ts";
import { DedicatedConnection } from "./dedicated-connection.ts";
import { type Engine, firstWords, type Rows, type Session } from "./engine.ts";
import { within } from "./patience.ts";
import { joinOthers } from "./presence.ts";
import { isUnavailable, toDatabaseError } from "./sql-error.ts";
import { Turnstile } from "./turnstile.ts";
import { decoderOf, encode } from "./types.ts";

const DEFAULT_POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 10_000;
/** No transaction waits for anything outside the database (invariant 14), so one that idles belongs to a process that hangs. */
const IDLE_TRANSACTION_MS = 60_000;
const CLOSE_PATIENCE_MS = 10_000;
const RETAKE_MS = 1_000;

/** Connects to PostgreSQL. Throws a `Failure` when it cannot. */
export async function openPostgres(place: ServerPlace, report: Report): Promise<Engine> {
  return PostgresEngine.open(place, report);
}

class PostgresEngine implements Engine {
  readonly name = "postgres";
  readonly #place: string;
  readonly #pool: pg.Pool;
  readonly #turnstile: Turnstile;
  readonly #channels: Channels;
  readonly #dedicated: DedicatedConnection;
  readonly #session: SessionState;
  readonly #report: Report;
  #leave: (() => Promise<void>) | null = null;

  static async open(options: ServerPlace, report: Report): Promise<Engine> {
    const place = describePlace(options.url);
    const config = clientConfig(options.url);
    const channels = new Channels();
    const session: SessionState = { takeLock: null, retake: null };
    const dedicated = await DedicatedConnection.open({
      open: () => new pg.Client(config),
      place,
      report,
      onNotification: (channel, payload) => channels.deliver(channel, payload),
      onConnected: async (ask) => {
        for (const channel of channels.names()) await ask(`listen ${quoteName(channel)}`, []);
        // The new session is in use only after this hook; taking the lock and telling the listeners waits for that.
        setImmediate(() => {
          channels.resume();
          retakeLock(session, report);
        });
      },
    });
    return new PostgresEngine(options, place, channels, dedicated, session, report);
  }

  private constructor(
    options: ServerPlace,
    place: string,
    channels: Channels,
    dedicated: DedicatedConnection,
    session: SessionState,
    report: Report,
  ) {
    const size = options.poolSize ?? DEFAULT_POOL_SIZE;
    this.#place = place;
    this.#channels = channels;
    this.#dedicated = dedicated;
    this.#session = session;
    this.#report = report;
    // The turnstile lets as many in as the pool has clients, so nobody ever waits inside the pool, where the time limit for connecting would hit him.
    this.#turnstile = new Turnstile(size, report);
    this.#pool = new pg.Pool({ ...clientConfig(options.url), max: size, idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS });
    // An idle client lost its connection: the pool has dropped it already, and the next one in connects anew.
    this.#pool.on("error", (error) => {
      if (!this.#pool.ending) report(`The database ${place} closed an idle session (${error.message}).`);
    });
  }

  async query(text: string, values: readonly unknown[]): Promise<Rows> {
    const session = await this.connect(firstWords(text));
    let broken = false;
    try {
      return await session.query(text, values);
    } catch (error) {
      broken = error instanceof Failure;
      throw error;
    } finally {
      session.release(broken);
    }
  }

  async connect(who: string): Promise<Session> {
    const turn = await this.#turnstile.enter(who);
    try {
      return session(await this.#pool.connect(), this.#place, () => turn.leave());
    } catch (error) {
      turn.leave();
      throw toDatabaseError(error, this.#place);
    }
  }

  async listen(channel: string, onNotify: (payload: string) => void, onResume: () => void): Promise<() => Promise<void>> {
    const remove = this.#channels.add(channel, onNotify, onResume);
    await this.#tellDedicated(`listen ${quoteName(channel)}`);
    return async () => {
      if (remove()) await this.#tellDedicated(`unlisten ${quoteName(channel)}`);
    };
  }

  /** Without a session now nothing is to be done: the next one listens to exactly the channels that have listeners then. */
  async #tellDedicated(statement: string): Promise<void> {
    try {
      await this.#dedicated.ask(statement, []);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  async join(): Promise<Presence> {
    const joined = await joinOthers(
      (text, values) => this.#dedicated.ask(text, values),
      (text, values) => this.query(text, values),
    );
    this.#session.takeLock = joined.takeLock;
    this.#leave = joined.leave;
    return joined.presence;
  }

  /** A commit that waits for the disk takes all earlier ones along, because the log is written in order, also those that did not wait. */
  async makeDurable(): Promise<NotDurable | null> {
    const { rows } = await this.query("select current_setting('fsync') as fsync", []);
    if (rows[0]?.fsync !== "on") {
      return {
        reason: `The database ${this.#place} runs with fsync = ${String(rows[0]?.fsync)}: what it has committed may be lost when the power fails.`,
        remedy: "Set fsync = on in postgresql.conf and reload the server.",
      };
    }
    const one = await this.connect("make durable");
    let broken = true;
    try {
      await one.script("begin; set local synchronous_commit = on; select pg_logical_emit_message(true, 'waypost', ''); commit");
      broken = false;
      return null;
    } finally {
      one.release(broken);
    }
  }

  async close(): Promise<void> {
    this.#session.takeLock = null;
    if (this.#session.retake !== null) clearTimeout(this.#session.retake);
    // A server that is away keeps nobody from stopping: the row stays, and its lock is gone with the connection.
    await this.#leave?.().catch((error: unknown) => this.#report(String(error)));
    const quiet = await within(CLOSE_PATIENCE_MS, this.#turnstile.close());
    await this.#dedicated.close();
    const ended = this.#pool.end();
    if (quiet) await ended;
    else this.#report(`Stopped while a transaction of the database ${this.#place} was still open; the server rolls it back.`);
  }
}

/** What outlives one dedicated session. */
interface SessionState {
  takeLock: (() => Promise<boolean>) | null;
  retake: NodeJS.Timeout | null;
}

/** Takes the presence lock on the new session; the server may still think that the lost one holds it. */
function retakeLock(state: SessionState, report: Report): void {
  if (state.takeLock === null) return;
  state.takeLock().then(
    (taken) => {
      if (!taken && state.takeLock !== null) state.retake = setTimeout(() => retakeLock(state, report), RETAKE_MS);
    },
    // The session was lost again; the next one comes back here.
    (error: unknown) => report(String(error)),
  );
}

function session(client: pg.PoolClient, place: string, leave: () => void): Session {
  // While checked out a lost connection is reported by the statement that meets it; without a listener the event would end the process.
  const onError = (): void => {};
  client.on("error", onError);
  // pg is to be asked one thing at a time.
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const answer = before.then(ask).catch((error: unknown) => {
      throw toDatabaseError(error, place);
    });
    before = answer.catch(() => undefined);
    return answer;
  };
  return {
    async begin() {
      await inTurn(() => client.query("begin"));
    },
    async query(text, values) {
      // The extended protocol always, as in PGlite: one statement, with or without parameters.
      const query: ExtendedQuery = { text, values: values.map(encode), queryMode: "extended" };
      return toRows(await inTurn(() => client.query<Record<string, unknown>>(query)));
    },
    async script(text) {
      const result: unknown = await inTurn(() => client.query(text));
      return (Array.isArray(result) ? result : [result]).map(toRows);
    },
    release(broken) {
      client.off("error", onError);
      client.release(broken);
      leave();
    },
  };
}

/** `queryMode` is missing in the type package; pg reads it in lib/query.js. */
interface ExtendedQuery extends pg.QueryConfig {
  readonly queryMode: "extended";
}

function toRows(result: pg.QueryResult<Record<string, unknown>>): Rows {
  return { rows: result.rows, rowCount: result.rowCount ?? 0, command: result.command ?? "" };
}

function clientConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: "waypost",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Without compilation: every statement here is short, and compiling one takes several times as long as running it (docs/performance.md).
    options: "-c TimeZone=UTC -c bytea_output=hex -c DateStyle=ISO,MDY -c jit=off",
    types: { getTypeParser: ((oid: number) => decoderOf(oid)) as typeof pg.types.getTypeParser },
  };
}

/** Host, port and database of a URL: never its user or password. Throws a `Failure` when it is none of PostgreSQL, without showing it. */
function describePlace(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(?:ql)?:\/\//i.test(url) || !isDecodable(parsed)) throw notAUrl();
  return `${parsed.host}${parsed.pathname}`;
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    return [username, password, pathname].every((part) => typeof decodeURIComponent(part) === "string");
  } catch {
    return false;
  }
}

function notAUrl(): Failure {
  return new Failure({
    scope: "process",
    code: "database URL wrong",
    message: "DATABASE_URL is not a URL like postgres://user:password@host:5432/name.",
    remedy:
      "Correct it where database.url of the configuration points; in user and password write characters like @ / # % as %40 %2F %23 %25.",
    waitingHelps: false,
  });
}
