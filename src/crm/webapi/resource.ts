import type { Collection, Column, Table } from "./table.ts";

/** A row by its primary key, or by the values of an alternate key. */
export type RowKey =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "alternate"; readonly values: ReadonlyMap<string, string | number | boolean | null> };

/** What the path of a request names. */
export type Resource =
  | { readonly kind: "service" }
  | { readonly kind: "metadata" }
  | { readonly kind: "batch" }
  | { readonly kind: "set"; readonly table: Table }
  | { readonly kind: "count"; readonly table: Table }
  | { readonly kind: "row"; readonly table: Table; readonly key: RowKey }
  /** `emails(…)/subject`, and with `/$value`. */
  | { readonly kind: "property"; readonly table: Table; readonly key: RowKey; readonly column: Column; readonly raw: boolean }
  /** `emails(…)/email_activity_parties`, and with `/$ref`. */
  | {
      readonly kind: "collection";
      readonly table: Table;
      readonly key: RowKey;
      readonly collection: Collection;
      readonly references: boolean;
    }
  /** `emails(…)/email_activity_parties/$count`. */
  | { readonly kind: "collectionCount"; readonly table: Table; readonly key: RowKey; readonly collection: Collection }
  /** `emails(…)/email_activity_parties(…)`: one row out of a collection, mostly with `/$ref`. */
  | {
      readonly kind: "member";
      readonly table: Table;
      readonly key: RowKey;
      readonly collection: Collection;
      readonly member: RowKey;
      readonly references: boolean;
    }
  /** `emails(…)/regardingobjectid_account_email`, and with `/$ref`; `target` is the logical name of the table referred to; null: the navigation leads to several tables
   * (`ownerid`), and the row says to which. */
  | {
      readonly kind: "reference";
      readonly table: Table;
      readonly key: RowKey;
      readonly column: Column;
      readonly target: string | null;
      readonly references: boolean;
    }
  /** A function or action by its name without namespace. `on`: what it is bound to. `parameters`: those in the parentheses, aliases not yet replaced. */
  | {
      readonly kind: "operation";
      readonly name: string;
      readonly on: null | { readonly table: Table; readonly key: RowKey | null };
      /** Text between the parentheses as it stands, decoded; null: there are none. */
      readonly parameters: string | null;
    };
