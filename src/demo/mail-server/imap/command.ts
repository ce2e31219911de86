import type { FlagChange } from "../flags.ts";
import type { Day } from "./imap-date.ts";
import type { SequenceSet } from "./sequence-set.ts";

/** What a client may ask for: one shape a command, as parsed. Mailbox names are decoded paths. */
export type Command =
  | { readonly name: PlainCommandName }
  | { readonly name: "LOGIN"; readonly user: string; readonly password: string }
  | { readonly name: "AUTHENTICATE"; readonly mechanism: string; readonly initial: string | null }
  | { readonly name: "ENABLE"; readonly extensions: readonly string[] }
  | ListCommand
  | { readonly name: "LSUB"; readonly reference: string; readonly pattern: string }
  | { readonly name: "STATUS"; readonly path: string; readonly items: readonly StatusItem[] }
  | SelectCommand
  | { readonly name: "CREATE" | "DELETE" | "SUBSCRIBE" | "UNSUBSCRIBE"; readonly path: string }
  | { readonly name: "RENAME"; readonly from: string; readonly to: string }
  | AppendCommand
  | FetchCommand
  | StoreCommand
  | SearchCommand
  | { readonly name: "COPY" | "MOVE"; readonly byUid: boolean; readonly set: SequenceSet; readonly path: string }
  | { readonly name: "EXPUNGE"; readonly uids: SequenceSet | null };

export type PlainCommandName = "CAPABILITY" | "NOOP" | "LOGOUT" | "ID" | "NAMESPACE" | "CHECK" | "CLOSE" | "UNSELECT" | "IDLE";

export const STATUS_ITEMS = ["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ", "SIZE"] as const;

/** RFC 3501 6.3.10, RFC 7162 3.1.7, RFC 8438. */
export type StatusItem = (typeof STATUS_ITEMS)[number];

export interface ListCommand {
  readonly name: "LIST";
  readonly reference: string;
  readonly patterns: readonly string[];
  /** Selection options of RFC 5258 and RFC 6154, in upper case. */
  readonly selecting: ReadonlySet<string>;
  /** STATUS items to return with each folder (RFC 5819); empty for none. */
  readonly status: readonly StatusItem[];
  readonly returnSubscribed: boolean;
}

export interface SelectCommand {
  readonly name: "SELECT" | "EXAMINE";
  readonly path: string;
  readonly condstore: boolean;
  /** What the client knows of the folder (RFC 7162 3.2.5), or null. */
  readonly known: { readonly uidValidity: number; readonly modseq: number; readonly uids: SequenceSet | null } | null;
}

export interface AppendCommand {
  readonly name: "APPEND";
  readonly path: string;
  readonly flags: readonly string[];
  readonly internalDate: Date | null;
  readonly mime: Buffer;
}

export type SectionText =
  | { readonly kind: "HEADER" | "TEXT" | "MIME" }
  | { readonly kind: "HEADER.FIELDS" | "HEADER.FIELDS.NOT"; readonly fields: readonly string[] };

/** `BODY[1.2.HEADER]<0.100>` (RFC 3501 6.4.5). */
export interface Section {
  readonly part: readonly number[];
  /** Null for the whole part. */
  readonly text: SectionText | null;
}

export type FetchItem =
  | { readonly kind: "UID" | "FLAGS" | "INTERNALDATE" | "RFC822.SIZE" | "ENVELOPE" | "MODSEQ" }
  | { readonly kind: "BODYSTRUCTURE" | "BODY" }
  | {
      readonly kind: "section";
      readonly section: Section;
      readonly partial: { readonly offset: number; readonly length: number } | null;
      readonly peek: boolean;
      /** The name that the answer carries; null for `BODY[…]`. */
      readonly legacyName: "RFC822" | "RFC822.HEADER" | "RFC822.TEXT" | null;
    };

export interface FetchCommand {
  readonly name: "FETCH";
  readonly byUid: boolean;
  readonly set: SequenceSet;
  readonly items: readonly FetchItem[];
  /** RFC 7162 3.1.4.1. */
  readonly changedSince: number | null;
  /** RFC 7162 3.2.6. */
  readonly vanished: boolean;
}

export interface StoreCommand {
  readonly name: "STORE";
  readonly byUid: boolean;
  readonly set: SequenceSet;
  readonly change: FlagChange;
  readonly silent: boolean;
  readonly flags: readonly string[];
  /** RFC 7162 3.1.3. */
  readonly unchangedSince: number | null;
}

export type SearchKey =
  | { readonly kind: "all" | "none" }
  | { readonly kind: "flag"; readonly flag: string; readonly present: boolean }
  | { readonly kind: "received" | "sent"; readonly compare: "before" | "on" | "since"; readonly day: Day }
  | { readonly kind: "header"; readonly field: string; readonly text: string }
  | { readonly kind: "body" | "text"; readonly text: string }
  | { readonly kind: "larger" | "smaller"; readonly bytes: number }
  | { readonly kind: "sequence" | "uid"; readonly set: SequenceSet }
  | { readonly kind: "modseq"; readonly from: number }
  | { readonly kind: "not"; readonly key: SearchKey }
  | { readonly kind: "or"; readonly left: SearchKey; readonly right: SearchKey }
  | { readonly kind: "and"; readonly keys: readonly SearchKey[] };

/** Result options of RFC 4731. */
export type SearchReturn = "MIN" | "MAX" | "ALL" | "COUNT";

export interface SearchCommand {
  readonly name: "SEARCH";
  readonly byUid: boolean;
  readonly charset: string | null;
  readonly key: SearchKey;
  /** Null asks for the plain SEARCH answer. */
  readonly returning: ReadonlySet<SearchReturn> | null;
}
