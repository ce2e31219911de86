/** A row of the CRM that an activity can point at, by Dynamics' logical table name. */
export interface RecordRef {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/** How a person names a record: by its type and id, or by an address. */
export type RecordName = { readonly type: string; readonly id: string } | { readonly address: string };

/** Tables that senders resolve to, in the order of precedence (product-behaviour 4.8). Others come after these, by name. */
export const SENDER_ORDER = ["systemuser", "contact", "account", "lead", "equipment", "team", "businessunit"] as const;

/** One row of the address index: this address stands in this column of this record. */
export interface AddressMatch {
  /** Key form of the address, see addressKey. */
  readonly address: string;
  readonly record: RecordRef;
  /** Which address column of the table, 1-based (`addressusedemailcolumnnumber`). */
  readonly column: number;
  readonly active: boolean;
  readonly ownerId: string | null;
  readonly doNotEmail: boolean;
}

/** A contact or lead to be made for an address that no record has. */
export interface NewRecord {
  readonly type: "contact" | "lead";
  /** As written; no record has it. */
  readonly address: string;
  readonly firstname: string;
  readonly lastname: string;
  /** What a lead is about. */
  readonly topic: string;
  /** The user who owns it; null: nobody yet. */
  readonly ownerId: string | null;
}

/** The record that an address stands for after a {@link NewRecord} was asked for. */
export interface MadeRecord {
  readonly record: RecordRef;
  readonly column: number;
  /** False where somebody was faster: then it is that record. */
  readonly made: boolean;
}
