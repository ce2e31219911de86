import type { Change, NewRow } from "./new-row.ts";
import type { Turn } from "./service.ts";

/** What writing a table does besides writing its columns. Each throws ApiFault for what it refuses. */
export interface Specials {
  /** Before the rows of one level are made. `all`: those of all levels. `contents`: bodies to be stored, by hash. */
  beforeCreate?(turn: Turn, rows: readonly NewRow[], all: readonly NewRow[], contents: Map<string, Buffer>): Promise<void>;
  afterCreate?(turn: Turn, rows: readonly NewRow[]): Promise<void>;
  beforeUpdate?(turn: Turn, change: Change, contents: Map<string, Buffer>): Promise<void>;
  afterUpdate?(turn: Turn, change: Change): Promise<void>;
  /** Deletes a row instead of the plain statement. */
  remove?(turn: Turn, id: string): Promise<void>;
}
