import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { RecordRef } from "../../model/record.ts";
import type { AddedAddress } from "../../ports.ts";
import { addressesInIndex } from "./address-index.ts";
import { answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import type { Organization } from "./organization.ts";
import { readRow } from "./read.ts";
import { CUSTOMERS, recordOf, selectRecord } from "./record-tables.ts";
import { storable } from "./storable.ts";
import { type WrittenTable, written } from "./written-columns.ts";

const MOST_TRIES = 5;

/**
 * Makes an address stand for a record: in its first free e-mail column. What stands for it already stays as it is. Null where there is no such record.
 * @throws Failure of scope item where no column is free, or none is to be written: Dynamics has no other place for an address
 */
export async function addAddress(
  organization: Organization,
  { type, id }: RecordRef,
  address: string,
  where: "column" | "beside",
): Promise<AddedAddress | null> {
  const table = CUSTOMERS.find(({ name }) => name === type);
  const tables = await organization.tables();
  if (table === undefined || !isWritten(type) || !tables.has(type)) return null;
  const key = addressKey(address);
  const indexed = (await addressesInIndex(organization, [id]))?.get(`${type} ${id}`)?.find((one) => one.address === key);
  if (indexed !== undefined) return { column: indexed.column, place: "there already" };
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const row = await readRow(organization.client, tables.set(type), id, selectRecord(tables, table));
    if (row === null) return null;
    const { addresses, record } = recordOf(table, row);
    const stands = addresses.findIndex((one) => addressKey(one ?? "") === key);
    if (stands >= 0) return { column: stands + 1, place: "there already" };
    const free = where === "beside" ? -1 : addresses.findIndex((one) => (one ?? "").trim() === "");
    const column = COLUMNS[free];
    if (column === undefined) throw noPlace(record, where);
    const answer = await organization.client.send({
      method: "PATCH",
      path: `${tables.set(type)}(${id})`,
      headers: { "If-Match": versionOf(row) },
      body: written(tables, type, "update", { [column]: storable(address.trim()) }),
    });
    if (answer.kind === "refused" && answer.status === 412) continue;
    if (answer.kind === "refused" && answer.status === 404) return null;
    answered(answer);
    return { column: free + 1, place: "column" };
  }
  throw new Failure({
    scope: "item",
    code: "record keeps changing",
    message: `The ${type} ${id} was changed by somebody else each time that an address was to be added.`,
    remedy: "Try it again.",
    waitingHelps: true,
  });
}

const COLUMNS = ["emailaddress1", "emailaddress2", "emailaddress3"] as const;

function isWritten(type: string): type is Extract<WrittenTable, "contact" | "account" | "lead"> {
  return type === "contact" || type === "account" || type === "lead";
}

function noPlace({ type, id, name }: RecordRef, where: "column" | "beside"): Failure {
  return new Failure({
    scope: "item",
    code: "no place for the address",
    message:
      where === "beside"
        ? `Dynamics has no place beside the e-mail columns for another address of the ${type} ${name || id}.`
        : `All e-mail columns of the ${type} ${name || id} are taken.`,
    remedy:
      where === "beside"
        ? "Let it be written into an e-mail column."
        : "Free one of its e-mail columns, or give the address to another record.",
    waitingHelps: false,
  });
}
