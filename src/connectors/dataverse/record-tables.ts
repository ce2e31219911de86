import type { RecordRef } from "../../model/record.ts";
import { flagOf, idOf, keyOf, numberOf, type Row, textOf } from "./row.ts";
import type { Tables } from "./tables.ts";

/** A table whose rows have email addresses, by Dynamics' logical names (product-behaviour 4.8). */
export interface RecordTable {
  readonly name: string;
  readonly key: string;
  /** Column that names a row for people. */
  readonly title: string;
  /** In the order in which they are numbered (`addressusedemailcolumnnumber`). */
  readonly addresses: readonly string[];
  /** What tells that it is in use. */
  readonly active: "statecode" | "isdisabled" | null;
  /** Its rows seldom have addresses, and the role need not let Waypost read them: then they stand for nobody (readable-tables.ts). */
  readonly isDispensable?: true;
}

const customer = (name: string, title: string): RecordTable => ({
  name,
  key: `${name}id`,
  title,
  addresses: ["emailaddress1", "emailaddress2", "emailaddress3"],
  active: "statecode",
});
const other = (name: string, active: RecordTable["active"]): RecordTable => ({
  ...{ name, key: `${name}id`, title: "name", active },
  addresses: ["emailaddress"],
});

export const USERS: RecordTable = {
  name: "systemuser",
  key: "systemuserid",
  title: "fullname",
  addresses: ["internalemailaddress", "personalemailaddress", "mobilealertemail"],
  active: "isdisabled",
};
export const QUEUES: RecordTable = other("queue", "statecode");

/** Tables with three e-mail columns, to which an address can be added; an email can be about their rows. */
export const CUSTOMERS: readonly RecordTable[] = [
  customer("contact", "fullname"),
  customer("account", "name"),
  customer("lead", "fullname"),
];

/** All that senders and recipients are looked for in. */
export const RECORD_TABLES: readonly RecordTable[] = [
  USERS,
  ...CUSTOMERS,
  { ...other("equipment", "isdisabled"), isDispensable: true },
  other("team", null),
  { ...other("businessunit", "isdisabled"), isDispensable: true },
  QUEUES,
];

export function tableOf(type: string): RecordTable | undefined {
  return RECORD_TABLES.find(({ name }) => name === type);
}

/** `$select` of what {@link recordOf} reads, and more. */
export function selectRecord(tables: Tables, table: RecordTable, more: readonly string[] = []): string {
  const { key, title, addresses, active } = table;
  return tables.select(table.name, [
    key,
    title,
    ...addresses,
    "_ownerid_value",
    "donotemail",
    ...(active === null ? [] : [active]),
    ...more,
  ]);
}

/** A row with addresses, whatever its table. */
export interface AddressedRecord {
  readonly record: RecordRef;
  readonly active: boolean;
  readonly ownerId: string | null;
  readonly doNotEmail: boolean;
  /** By the number of the column, beginning with 1; null where none is there. */
  readonly addresses: readonly (string | null)[];
}

export function recordOf(table: RecordTable, row: Row): AddressedRecord {
  const isInactive =
    table.active === "isdisabled" ? flagOf(row, "isdisabled") === true : table.active !== null && (numberOf(row, "statecode") ?? 0) !== 0;
  return {
    record: { type: table.name, id: keyOf(row, table.key), name: textOf(row, table.title) ?? "" },
    active: !isInactive,
    ownerId: idOf(row, "_ownerid_value"),
    doNotEmail: flagOf(row, "donotemail") ?? false,
    addresses: table.addresses.map((column) => textOf(row, column)),
  };
}
