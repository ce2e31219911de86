import { hash } from "node:crypto";

/** What a message can share with what a CRM holds. */
export type KeyKind = "address" | "messageId" | "token" | "conversation";

/**
 * A key as a number that stands for it (52 bits of its hash, capital letters taken for small ones): two keys that share one make somebody ask once more, and never
 * keep anybody from asking.
 */
export function keyNumber(kind: KeyKind, key: string): number {
  return Number.parseInt(hash("sha256", `${kind} ${key.toLowerCase()}`).slice(0, 13), 16);
}

/** A table of a CRM whose rows are followed by their changes. */
export interface FollowedTable {
  readonly name: string;
  /** `reading`: its rows are being read for the first time, or once more; `following`: what changes is told from the link on; `refused`: it cannot be followed. */
  readonly stage: "reading" | "following" | "refused";
  /** Where to go on; null: at the beginning. */
  readonly link: string | null;
  /** What is read of it. */
  readonly columns: string;
  /** The round that last told of a change. */
  readonly changed: number;
  /** Milliseconds since its stage, its link or its columns were set. */
  readonly age: number;
}

/** How far the index is. */
export interface IndexState {
  /** The last round that told of all tables; 0: none did. */
  readonly finished: number;
  /** Milliseconds since that round began; what the CRM held then, the index holds. Null: no round did. */
  readonly age: number | null;
  readonly tables: ReadonlyMap<string, FollowedTable>;
}

/** The keys of one row, all that it has now. */
export interface RowKeys {
  readonly id: string;
  readonly keys: readonly number[];
}

/** What a page of a table told. */
export interface KeyPage {
  readonly table: string;
  readonly rows: readonly RowKeys[];
  /** Rows that are no more. */
  readonly gone: readonly string[];
  readonly stage: FollowedTable["stage"];
  readonly link: string | null;
  readonly columns: string;
  /** `begins`: the rows are read from the first one on; `ends`: all have been read, and what is held of others is held no more. */
  readonly reading?: "begins" | "ends" | "begins and ends" | undefined;
  /** Message-IDs and addresses of customers among the keys, as they stand there: messages wait for them. */
  readonly messageIds?: readonly string[] | undefined;
  readonly senders?: readonly string[] | undefined;
}

/** One bringing up to date, by one process at a time. */
export interface IndexRound {
  readonly state: IndexState;
  /** Keeps what a page told, and where to go on. Messages that were decided in the belief that nothing has its keys are decided again. False: another process goes on. */
  keep(page: KeyPage): Promise<boolean>;
  /** All tables told all that changed until this round began. */
  finish(): Promise<void>;
  /** Lets the next one begin; in any case the last thing. */
  release(): Promise<void>;
}

/**
 * Which keys an organization holds, kept where all processes see it. Who answers by it alone says with the answer on which keys it rests (`Facts.unasked`), and
 * whoever decides by that answer has it noted.
 */
export interface KeyIndex {
  state(): Promise<IndexState>;
  /** Those of these keys that are held, each with the round that last told of a row that has it. */
  held(keys: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** Null: another process is at it. */
  begin(): Promise<IndexRound | null>;
}
