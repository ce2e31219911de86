import type { Turn } from "../../src/crm/webapi/service.ts";
import { indexTables } from "../../src/crm/webapi/table-index.ts";
import type { TestDatabase } from "../databases.ts";
import { column, lookup, table } from "./sample-tables.ts";
import { type Asked, bodyOf, get, idOf } from "./web-api.ts";

const version = column("versionnumber", "Int64", { read: "7::bigint" });

/** Accounts and contacts, as little as tells one thing from another. */
export const tables = indexTables([
  table("account", "accounts", "accountid", {
    title: "name",
    columns: [
      column("name", "String"),
      column("emailaddress1", "String"),
      column("statecode", "State", { labels: { 0: "Active", 1: "Inactive" } }),
      column("createdon", "DateTimeOffset"),
      version,
    ],
    collections: [{ navigation: "contact_customer_accounts", table: "contact", column: "parentcustomerid" }],
    alternateKeys: [["emailaddress1"]],
  }),
  table("contact", "contacts", "contactid", {
    title: "fullname",
    columns: [
      column("fullname", "String"),
      column("lastname", "String"),
      column("donotemail", "Boolean", { labels: { 0: "Allow", 1: "Do Not Allow" } }),
      lookup("parentcustomerid", { account: "parentcustomerid_account" }, { read: "row.parentcustomerid" }),
      column("createdon", "DateTimeOffset"),
      version,
    ],
  }),
]);

/** The last digits of the keys in an answer. */
export async function found(turn: Turn, url: string, asked?: Asked): Promise<number[]> {
  return bodyOf(await get(turn, url, asked)).value.map((row) => Number(String(row.contactid ?? row.accountid).slice(-4)));
}

/** Accounts 1 to 3; contacts 11 to 15, the last without account or last name. */
export async function fill(database: TestDatabase): Promise<void> {
  await database.query(`insert into crm.account (accountid, name, emailaddress1, statecode, createdon) values
    ('${idOf(1)}', 'Contoso', 'INFO@contoso.example', 0, '2026-03-14 10:00:00.5Z'), ('${idOf(2)}', 'Fabrikam (100%)', null, 1, '2026-03-15 11:30:00Z'),
    ('${idOf(3)}', 'fourth_coffee', null, 0, '2025-01-01 00:00:00Z')`);
  await database.query(`insert into crm.contact (contactid, firstname, lastname, parentcustomerid, donotemail, createdon) values
    ('${idOf(11)}', 'Ann', 'Zoe', '${idOf(1)}', false, '2026-01-01Z'), ('${idOf(12)}', 'Bob', 'young', '${idOf(1)}', true, '2026-01-02Z'),
    ('${idOf(13)}', 'Cy', 'Xu', '${idOf(2)}', false, '2026-01-03Z'), ('${idOf(14)}', 'Di', 'YOUNG', '${idOf(3)}', false, '2026-01-04Z'),
    ('${idOf(15)}', 'Ed', null, null, false, '2026-01-05Z')`);
}
