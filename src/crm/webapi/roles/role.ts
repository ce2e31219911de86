import type { Depth } from "../caller.ts";

/** A role that comes with the program. */
export interface BuiltInRole {
  /** Known by this, whatever it is renamed to. */
  readonly templateId: string;
  readonly name: string;
  /** By name, with the depth; `everything`: every privilege of every table, in the whole organization. */
  readonly privileges: "everything" | Readonly<Record<string, Depth>>;
}
