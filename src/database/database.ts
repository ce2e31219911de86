/** The one door to the database: two engines, PGlite and PostgreSQL, behind one interface with equal types and errors. */
import type { Sql, SqlResult, StatementOptions, Transaction } from "../model/sql.ts";

export type { Sql, SqlResult, Transaction } from "../model/sql.ts";

export interface Database extends Sql, AsyncDisposable {
  readonly engine: "pglite" | "postgres";
  readonly presence: Presence;
  /**
   * One statement in its own implicit transaction.
   * Throws {@link TransactionHeld} when the calling flow holds a transaction of this database (invariant 14), `SqlError` when the
   * server refuses the statement, and a `Failure` when the server cannot be reached; then it is unknown whether a write took place.
   */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[], options?: StatementOptions): Promise<SqlResult<Row>>;
  /**
   * Statements separated by semicolons, without parameters, on one session; one result each. A transaction that the script leaves
   * open is rolled back, so nothing of it can reach the next user of the session.
   */
  script(text: string): Promise<readonly SqlResult<Record<string, unknown>>[]>;
  /**
   * Commits when `work` returns, rolls back when it throws; the handle is dead afterwards. A nested call throws. `name` appears
   * in messages about who holds the database. Never does foreign I/O: PGlite has one session for everybody (invariant 14).
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, name?: string): Promise<T>;
  /**
   * Calls `onNotify` for each NOTIFY on the channel until the returned function is called. The subscription survives a lost connection;
   * notifications of the gap are lost, therefore `onResume` is called once the subscription stands again.
   */
  listen(channel: string, onNotify: (payload: string) => void, onResume?: () => void): Promise<() => Promise<void>>;
  /**
   * Makes all that is committed survive a power cut from now on, whatever the engine does by itself: the embedded engine never asks the system to
   * write to the disk, and a server may be set to commit before it does. Null when it is done, or why it cannot be.
   */
  makeDurable(): Promise<NotDurable | null>;
  /** Refuses new work, waits a limited time for what runs, and gives back connections, presence and folder lock. Idempotent. */
  close(): Promise<void>;
}

/** Why commits may not survive a power cut, in a sentence, and the next step for a person. */
export interface NotDurable {
  readonly reason: string;
  readonly remedy: string;
}

/** Which processes of this database live. PostgreSQL: each holds a session lock for as long as it lives. PGlite: the folder lock allows only one. */
export interface Presence {
  /** This process in `waypost.instance`; a new one at every start. */
  readonly instanceId: string;
  /** Ids of all living processes, this one included. A holder that is not among them is dead, whether its row still stands or not. */
  living(): Promise<ReadonlySet<string>>;
  /** Ids of the rows of `waypost.instance` whose process is dead: whatever they hold may be taken over. */
  deadInstances(): Promise<string[]>;
}

/** Told about what goes wrong without anybody waiting for it: a slow holder, a lost connection. Never holds values or secrets. */
export type Report = (message: string) => void;

export interface ServerPlace {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Sessions for statements; one more is held for LISTEN and for presence. */
  readonly poolSize?: number;
  readonly report?: Report;
}

export interface FolderPlace {
  /** Made when missing. Holds the lock files and the folder `pglite`. */
  readonly folder: string;
  readonly report?: Report;
}

export type Place = ServerPlace | FolderPlace;
