import type { Sql } from "../../model/sql.ts";
import type { Store } from "../transaction.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Caller } from "./caller.ts";
import type { Tables } from "./table-index.ts";

/** What all of the Web API works with. */
export interface Service {
  readonly store: Store;
  readonly behaviour: Behaviour;
  /** The tables that it serves: all of them, or a few in tests. */
  readonly tables: Tables;
  now(): Date;
}

/** What serves one request: the caller, and the one handle on which its statements run: a transaction for whatever writes, shared by all parts of a change set. */
export interface Turn {
  readonly service: Service;
  readonly caller: Caller;
  readonly sql: Sql;
}
