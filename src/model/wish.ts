import type { RecordRef } from "./record.ts";

/** What a person said of one message by hand. It stands above the rules, until a person says otherwise of that very message. */
export interface Wish {
  readonly verb: "track" | "untrack";
  /** Who said it, as the system that let them in names them. */
  readonly by: string;
  readonly at: Date;
  /** Of `track`: the record that the email shall be about; null: what the rules find. */
  readonly regarding: RecordRef | null;
}
