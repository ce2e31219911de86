import type { Item, Side } from "../model/item.ts";
import type { FieldRule } from "./field-rule.ts";

/** What an administrator, or the nature of the kind, says about how items of one kind are kept alike. */
export interface Policy {
  readonly rules: readonly FieldRule[];
  /** Whose edit is taken where both sides edited the same thing. */
  readonly winner: Side;
  /** What becomes of the server's item when the CRM's leaves all filters, or the user's right to read it ends. `delete` is what server-side synchronization does. */
  readonly whenLeft: "unlink" | "delete";
  /** Why the item that is left on one side stays there although it was deleted on the other; null: it is deleted, too. */
  readonly staysWhenDeleted: (on: Side, item: Item) => string | null;
  /** Why what is edited on the server is not written into the CRM's item any more (a completed appointment); null: it is. */
  readonly frozen: (item: Item) => string | null;
}
