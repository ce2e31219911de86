import type { Draft } from "./body.ts";
import type { Row } from "./record.ts";
import type { Referred } from "./references.ts";
import type { State } from "./states.ts";
import type { Storage } from "./storage.ts";
import type { Column, Table } from "./table.ts";

/** A row that is about to be made. */
export interface NewRow {
  readonly draft: Draft;
  readonly table: Table;
  readonly storage: Storage;
  readonly id: string;
  /** The row that it belongs to by that lookup, where it is given within that one. */
  readonly belongsTo: { readonly column: Column; readonly row: NewRow } | null;
  /** Rows made before it, by the lookup that shall refer to them. */
  readonly parents: ReadonlyMap<Column, NewRow>;
  /** Rows of a lower level are made first. */
  readonly level: number;
  /** By the database's columns. Specials of the table may add to it until it is written. */
  readonly record: Row;
}

/** A row that is about to be changed. */
export interface Change {
  readonly draft: Draft;
  readonly table: Table;
  readonly storage: Storage;
  readonly id: string;
  /** What its lookups shall refer to, as it was looked up; null: nothing. */
  readonly referred: ReadonlyMap<Column, Referred | null>;
  /** The state that it is in; null: the table has none. */
  readonly before: State | null;
  /** The state that it comes to; null: it stays. */
  readonly after: State | null;
  /** By the database's columns. Specials of the table may add to it until it is written. */
  readonly record: Row;
}
