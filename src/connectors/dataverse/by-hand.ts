import { addressKey } from "../../model/address.ts";
import type { RecordName, RecordRef } from "../../model/record.ts";
import { recordsByAddress } from "./address-index.ts";
import { literal } from "./any-of.ts";
import { answered } from "./client/client.ts";
import { instantOfEmail } from "./email-row.ts";
import type { Organization } from "./organization.ts";
import { readRow, readRows } from "./read.ts";
import { CUSTOMERS, recordOf, selectRecord } from "./record-tables.ts";
import { idOf, keyOf } from "./row.ts";
import { readEmails } from "./standing.ts";
import { storable } from "./storable.ts";

/** Records of one address that are listed; nobody means more of them. */
const MOST_RECORDS = 10;
/** Parties of one address that are looked at for its emails. */
const MOST_PARTIES = 5_000;

/** The records that a person means: one of that type and id, in whatever state; or those active ones that have the address. */
export async function recordsNamed(organization: Organization, named: RecordName): Promise<RecordRef[]> {
  if ("address" in named) {
    const key = addressKey(named.address);
    const found = (await recordsByAddress(organization, [key])).get(key) ?? [];
    const customers = found.filter(({ record, active }) => active && CUSTOMERS.some(({ name }) => name === record.type));
    const once = new Map(customers.map(({ record }) => [`${record.type} ${record.id}`, record]));
    return [...once]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, record]) => record)
      .slice(0, MOST_RECORDS);
  }
  const table = CUSTOMERS.find(({ name }) => name === named.type);
  const tables = await organization.tables();
  if (table === undefined || !tables.has(table.name)) return [];
  const row = await readRow(organization.client, tables.set(table.name), named.id, selectRecord(tables, table));
  return row === null ? [] : [recordOf(table, row).record];
}

/** Ids of the newest emails that this address takes part in, at most `limit`. Goes through the parties: seldom asked for. */
export async function emailsOfAddress(organization: Organization, address: string, limit: number): Promise<string[]> {
  const key = storable(addressKey(address));
  if (key === "") return [];
  const tables = await organization.tables();
  const [parties = []] = await readRows(organization.client, [
    {
      set: tables.set("activityparty"),
      select: tables.select("activityparty", ["activityid"]),
      filter: `addressused eq ${literal(key)}`,
      top: MOST_PARTIES,
    },
  ]);
  const ids = [...new Set(parties.flatMap((row) => idOf(row, "_activityid_value") ?? []))];
  const emails = [...(await readEmails(organization, ids, ["actualend", "senton", "createdon"])).values()];
  return emails
    .sort(
      (one, other) =>
        instantOfEmail(other).getTime() - instantOfEmail(one).getTime() || (keyOf(one, "activityid") < keyOf(other, "activityid") ? -1 : 1),
    )
    .slice(0, limit)
    .map((row) => keyOf(row, "activityid"));
}

/** Deletes an email; what belongs to it goes with it, and emails that named it name none, as Dynamics does it. False where there is no such email. */
export async function removeEmail(organization: Organization, id: string): Promise<boolean> {
  const tables = await organization.tables();
  const answer = await organization.client.send({ method: "DELETE", path: `${tables.set("email")}(${id})` });
  if (answer.kind === "refused" && answer.status === 404) return false;
  // It may be gone by this very request: whoever asks again is told that there is none.
  if (answer.kind === "unknown") return !(await readEmails(organization, [id], [])).has(id) || fail(answer.failure);
  answered(answer);
  return true;
}

function fail(error: unknown): never {
  throw error;
}
