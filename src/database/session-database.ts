import type { SqlResult, StatementOptions, Transaction } from "../model/sql.ts";
import type { Database, NotDurable, Presence } from "./database.ts";
import { type Engine, firstWords, type Rows, type Session } from "./engine.ts";
import { SqlError } from "./sql-error.ts";
import { TransactionGuard } from "./transaction-guard.ts";

/** {@link Database} over any engine: turns, transactions and the guard are the same on both. */
export class SessionDatabase implements Database {
  readonly engine: "pglite" | "postgres";
  readonly presence: Presence;
  readonly #engine: Engine;
  readonly #guard = new TransactionGuard();
  #closing: Promise<void> | null = null;

  constructor(engine: Engine, presence: Presence) {
    this.engine = engine.name;
    this.presence = presence;
    this.#engine = engine;
  }

  async query<Row = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
    options: StatementOptions = {},
  ): Promise<SqlResult<Row>> {
    this.#guard.refuseInside("A query");
    return typed<Row>(await this.#engine.query(text, values, options));
  }

  async script(text: string): Promise<readonly Rows[]> {
    this.#guard.refuseInside("A script");
    const session = await this.#engine.connect(firstWords(text));
    let open = true;
    try {
      const results = await session.script(text);
      open = leavesOpen(results);
      return results;
    } finally {
      session.release(open && (await rollBack(session)));
    }
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>, name = "a transaction without a name"): Promise<T> {
    this.#guard.refuseInside(`The transaction "${name}"`);
    const session = await this.#engine.connect(name);
    let committed = false;
    try {
      await session.begin();
      const result = await this.#guard.hold(name, () => runWithHandle(session, name, work));
      await commit(session, name);
      committed = true;
      return result;
    } finally {
      session.release(!committed && (await rollBack(session)));
    }
  }

  listen(channel: string, onNotify: (payload: string) => void, onResume: () => void = () => {}): Promise<() => Promise<void>> {
    this.#guard.refuseInside(`Listening on "${channel}"`);
    return this.#engine.listen(channel, onNotify, onResume);
  }

  makeDurable(): Promise<NotDurable | null> {
    this.#guard.refuseInside("Making it durable");
    return this.#engine.makeDurable();
  }

  close(): Promise<void> {
    this.#closing ??= this.#engine.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function runWithHandle<T>(session: Session, name: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  let open = true;
  const handle: Transaction = {
    open: true,
    async query<Row>(text: string, values: readonly unknown[] = [], options: StatementOptions = {}) {
      if (!open) throw new Error(`The transaction "${name}" has ended; its handle was used again.`);
      return typed<Row>(await session.query(text, values, options));
    },
  };
  try {
    return await work(handle);
  } finally {
    open = false;
  }
}

/** PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK and no error: that must not pass as success. */
async function commit(session: Session, name: string): Promise<void> {
  const [result] = await session.script("commit");
  if (result?.command === "COMMIT") return;
  throw new SqlError({
    code: "25P02",
    message: `The transaction "${name}" was rolled back instead of committed: an error inside it was caught and not thrown on.`,
  });
}

/** Ends whatever transaction is open; true when the session is no longer good for anybody. An error that led here is on its way already. */
async function rollBack(session: Session): Promise<boolean> {
  try {
    await session.script("rollback");
    return false;
  } catch {
    return true;
  }
}

/** A rollback without need would write a warning into the server's log each time. */
function leavesOpen(results: readonly Rows[]): boolean {
  const last = results.findLast(({ command }) => /^(BEGIN|START|COMMIT|ROLLBACK)$/.test(command));
  return last !== undefined && /^(BEGIN|START)$/.test(last.command);
}

/** The shape of a row is the caller's promise about his own SQL; nothing foreign is read here. */
function typed<Row>(result: Rows): SqlResult<Row> {
  return result as unknown as SqlResult<Row>;
}
