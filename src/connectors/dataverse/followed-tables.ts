import { addressKey } from "../../model/address.ts";
import { type IndexState, keyNumber } from "../../model/key-index.ts";
import { hasOtherTables, INDEX, readsIndex } from "./address-index.ts";
import { conversationOf, messageIdOf } from "./email-row.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { readableTables } from "./readable-tables.ts";
import { CUSTOMERS, QUEUES, type RecordTable, USERS } from "./record-tables.ts";
import { keyOf, type Row, textOf } from "./row.ts";
import { storable } from "./storable.ts";
import type { Tables } from "./tables.ts";

/** A table whose changes tell which keys the organization holds. */
export interface Followed {
  readonly name: string;
  readonly set: string;
  readonly columns: string;
  /** Without it nobody can say what the organization does not hold. Of the others it only shows when users and queues are to be read anew. */
  readonly isNeeded: boolean;
  keysOf(row: Row): KeysOfRow;
}

export interface KeysOfRow {
  readonly id: string;
  readonly keys: readonly number[];
  readonly messageId?: string | null;
  /** Addresses of contacts, accounts and leads. */
  readonly senders?: readonly string[];
}

/** What tells of users and queues as voters.ts reads them. */
const SETTINGS = { name: "usersettings", columns: ["systemuserid", "incomingemailfilteringmethod", "autocreatecontactonpromote"] } as const;
const FURTHER: ReadonlyMap<RecordTable, readonly string[]> = new Map([
  [USERS, ["isdisabled", "queueid"]],
  [QUEUES, ["incomingemailfilteringmethod", "ownerid", "statecode"]],
]);
export const PEOPLE: readonly string[] = [USERS.name, QUEUES.name, SETTINGS.name];

/**
 * The tables that are followed, emails first. Addresses come from where `recordsByAddress` asks for them: from Dynamics' own index where it can be read, else from each
 * table. The tables also stand in for an index that can be read and does not tell its changes (0x80072491), which is tried again after an hour; but only while that has no
 * address of a table that nobody here follows.
 */
export async function followedTables(organization: Organization, { tables: known }: IndexState): Promise<readonly Followed[]> {
  const tables = await organization.tables();
  const reads = await readsIndex(organization, tables);
  const isSilent = reads && known.get(INDEX)?.stage === "refused" && !(await hasOtherTables(organization, tables));
  const byIndex = reads && !isSilent;
  const addressed = (await readableTables(organization)).flatMap((table) => {
    const columns = table.addresses.filter((column) => tables.has(table.name, column));
    if (byIndex && !PEOPLE.includes(table.name)) return [];
    return [addresses(tables, table, columns, !byIndex)];
  });
  return [
    emails(tables),
    ...(reads ? [places(tables, byIndex)] : []),
    ...addressed,
    ...(tables.has(SETTINGS.name) ? [followed(tables, SETTINGS.name, SETTINGS.columns, false, keyless(SETTINGS.columns[0]))] : []),
  ];
}

function followed(tables: Tables, name: string, columns: readonly string[], isNeeded: boolean, keysOf: (row: Row) => KeysOfRow): Followed {
  return { name, set: tables.set(name), columns: tables.select(name, columns), isNeeded, keysOf };
}

function keyless(column: string): (row: Row) => KeysOfRow {
  return (row) => ({ id: keyOf(row, column), keys: [] });
}

function addresses(tables: Tables, table: RecordTable, columns: readonly string[], isNeeded: boolean): Followed {
  const isCustomer = CUSTOMERS.includes(table);
  return followed(tables, table.name, [table.key, ...columns, ...(FURTHER.get(table) ?? [])], isNeeded, (row) => {
    const its = columns.map((column) => addressKey(textOf(row, column) ?? "")).filter((address) => address !== "");
    return { id: keyOf(row, table.key), keys: its.map((one) => keyNumber("address", one)), senders: isCustomer ? its : [] };
  });
}

/** Rows of Dynamics' own index of addresses. */
function places(tables: Tables, isNeeded: boolean): Followed {
  const columns = ["emailsearchid", "emailaddress", "parentobjecttypecode"];
  return followed(tables, INDEX, columns, isNeeded, (row) => {
    const address = addressKey(textOf(row, "emailaddress") ?? "");
    const isCustomer = CUSTOMERS.some(({ name }) => name === textOf(row, "parentobjecttypecode"));
    const its = address === "" ? [] : [address];
    return { id: keyOf(row, "emailsearchid"), keys: its.map((one) => keyNumber("address", one)), senders: isCustomer ? its : [] };
  });
}

function emails(tables: Tables): Followed {
  const columns = ["activityid", "messageid", "trackingtoken", "conversationindex", "activityadditionalparams"];
  return followed(tables, "email", columns, true, (row) => {
    const messageId = messageIdOf(row);
    const token = textOf(row, "trackingtoken");
    const conversation = conversationOf(row, readMark(textOf(row, "activityadditionalparams")));
    const keys = [
      ...(messageId ? [keyNumber("messageId", messageId)] : []),
      ...(token ? [keyNumber("token", token)] : []),
      ...(conversation ? [keyNumber("conversation", conversation)] : []),
    ];
    return { id: keyOf(row, "activityid"), keys, messageId };
  });
}

/** The number by which an address on a message is looked for. */
export function addressNumber(address: string): number {
  return keyNumber("address", storable(address));
}
