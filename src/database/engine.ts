import type { SqlResult, StatementOptions } from "../model/sql.ts";
import type { NotDurable, Presence } from "./database.ts";

export type Rows = SqlResult<Record<string, unknown>>;

/**
 * One session of an engine, used by one flow at a time. What is asked of it runs in the order in which it is asked for, whether or not what came
 * before is answered. Errors are `SqlError` or `Failure`.
 */
export interface Session {
  /** Whatever is asked from here on is one transaction, until a script ends it. */
  begin(): Promise<void>;
  /** Exactly one statement, by the extended protocol. */
  query(text: string, values: readonly unknown[], options?: StatementOptions): Promise<Rows>;
  /** Any number of statements, by the simple protocol. */
  script(text: string): Promise<readonly Rows[]>;
  /** Gives the session back; `broken` throws it away instead. */
  release(broken: boolean): void;
}

/** What the two engines have to offer; everything else is written once, in `session-database.ts`. */
export interface Engine {
  readonly name: "pglite" | "postgres";
  /** Exactly one statement, in its own implicit transaction, by the extended protocol. */
  query(text: string, values: readonly unknown[], options?: StatementOptions): Promise<Rows>;
  /** Waits for its turn, first come. `who` is named when others have to wait long. */
  connect(who: string): Promise<Session>;
  listen(channel: string, onNotify: (payload: string) => void, onResume: () => void): Promise<() => Promise<void>>;
  /** Registers this process; the table `waypost.instance` must stand. */
  join(): Promise<Presence>;
  /** See `Database.makeDurable`. */
  makeDurable(): Promise<NotDurable | null>;
  close(): Promise<void>;
}

/** Enough of a statement to find it by, without its values. */
export function firstWords(text: string): string {
  return text.trim().replace(/\s+/g, " ").slice(0, 80);
}
