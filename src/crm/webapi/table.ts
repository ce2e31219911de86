/**
 * What the Web API knows of one table: the shape from which `$metadata` is written, queries are compiled and writes are checked. Plain data; each table
 * stands in a file of its own in tables/. Names, types and limits are Dynamics' (product-behaviour 10.1, wire 8).
 */
export interface Table {
  /** Logical name: `email`. */
  readonly name: string;
  /** Entity set: `emails`. */
  readonly set: string;
  /** Logical name of its primary key column. */
  readonly key: string;
  /** Column that names a row for people, in formatted values of lookups; null: it has none. */
  readonly title: string | null;
  /** The table or view that rows are read from. */
  readonly from: string;
  /** `activitypointer` for activities, which inherit its columns in `$metadata`; `principal` for what can own rows; null for others. */
  readonly base: string | null;
  readonly columns: readonly Column[];
  /** Rows of other tables that refer to one of its rows: what all lookups there name as the partner of their navigation. */
  readonly collections: readonly Collection[];
  /** Further unique keys, each the columns of it. */
  readonly alternateKeys: readonly (readonly string[])[];
  /** What can be done with its rows over the Web API; what is missing is refused as in Dynamics. */
  readonly allows: readonly ("create" | "update" | "delete")[];
  /** Rows tell of their changes (`Prefer: odata.track-changes`). */
  readonly tracksChanges: boolean;
  /** Updates honour `If-Match` with an ETag. */
  readonly versioned: boolean;
  /** `owned`: rows belong to a user or team (`ownerid`, `owningbusinessunit`). `organization`: to nobody, or to all. */
  readonly ownership: "owned" | "organization";
  /** Second half of its privileges' names: `Activity` makes prvReadActivity. All activities share one. */
  readonly privilege: string;
}

/** A table as its file in tables/ defines it; its collections follow from the lookups of all tables. */
export type TableDefinition = Omit<Table, "collections">;

export type ColumnType =
  | "String"
  | "Memo"
  | "Guid"
  | "Int32"
  | "Int64"
  | "Decimal"
  | "Double"
  | "Boolean"
  | "DateTimeOffset"
  | "Date"
  /** Int32 with labels. State and Status are `statecode` and `statuscode`. */
  | "Choice"
  | "State"
  | "Status"
  /** A reference to a row; read as `_name_value`, written by `navigation@odata.bind`. */
  | "Lookup"
  /** Base64 in JSON. */
  | "Binary";

export interface Column {
  /** Logical name: `statuscode`, `regardingobjectid`. */
  readonly name: string;
  readonly type: ColumnType;
  /** SQL that gives its value, over the row named `row`: `row.subject`. Guids are uuid, times timestamptz, dates date, binaries bytea. */
  readonly read: string;
  /** May it stand in a POST, in a PATCH? As the dictionary's ValidForCreate and ValidForUpdate say. */
  readonly create: boolean;
  readonly update: boolean;
  /** False: it is written only, as passwords are; neither answers nor queries name it. Default true. */
  readonly readable?: false;
  /** Can it be named in $filter and $orderby? Default true. */
  readonly filter?: false;
  /** Of a String: SQL of its value in lower case, where an index stands on another expression than `lower(<read>)`. */
  readonly folded?: string;
  /** Of a Memo or Binary: SQL of its size in octets, where that costs less than `octet_length(<read>)`. */
  readonly size?: string;
  /** The database column that takes its value. Missing: whoever writes the table knows what becomes of it (see store/). */
  readonly stored?: string;
  /**
   * `content`: the text goes into crm.content and its hash into `stored`; `base64`: likewise the bytes that it encodes. `json`: it must be JSON and is
   * stored as jsonb. `presence`: only that there is a value is stored, as true or false.
   */
  readonly storedAs?: "content" | "base64" | "json" | "presence";
  /** Longest String or Memo in UTF-16 units. */
  readonly maximumLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  /** Choices by value, with their labels; of a Boolean, the labels of 0 and 1. */
  readonly labels?: Readonly<Record<number, string>>;
  /** Of a Status: the state that each value belongs to. */
  readonly stateOf?: Readonly<Record<number, number>>;
  /** Of a State: the status that each value brings where none is named. */
  readonly defaultStatus?: Readonly<Record<number, number>>;
  /** Must stand in a POST. */
  readonly required?: true;
  /** Of a Lookup. */
  readonly targets?: readonly Target[];
  /** Of a Lookup with several targets: SQL of the logical name of the table that it refers to, and the database column that takes it. */
  readonly readTarget?: string;
  readonly storedTarget?: string;
  /** Of a Lookup: SQL of the name shown for it; null: the target's title is looked up. */
  readonly readTitle?: string;
}

/** One table that a lookup may refer to. */
export interface Target {
  /** Logical name of the table. */
  readonly table: string;
  /** Single-valued navigation property, case-sensitive and irregular: `regardingobjectid_account_email`. */
  readonly navigation: string;
  /** The collection-valued one that comes back from there; missing: there is none. */
  readonly partner?: string;
}

/** A collection-valued navigation property. */
export interface Collection {
  /** `email_activity_parties`. */
  readonly navigation: string;
  /** Logical name of the table whose rows it holds, and of the lookup column there that refers back. */
  readonly table: string;
  readonly column: string;
  /** Rows of it can be given with the row that they belong to (deep insert). */
  readonly deepInsert?: true;
}
