import { addressKey } from "../../model/address.ts";
import type { AddressMatch, MadeRecord, NewRecord } from "../../model/record.ts";
import { recordsByAddress } from "./address-index.ts";
import type { Request } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { guidOf } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { claimTypes } from "./record-claims.ts";
import { cut, storable } from "./storable.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

/** Ids tried for the record of one address: somebody may have given the record of the first another address. */
const MOST_IDS = 5;

/**
 * Makes contacts and leads of addresses that no record has, and returns by key form of the address whose it is now. An address that only inactive records have
 * stands for nobody and has no entry.
 *
 * The id of a record follows from its address, so that of two makers who ask at once the second is told that it is there. Whether it is a contact or a lead follows
 * from who asked first, see {@link claimTypes}: of one address there are never both.
 */
export async function makeRecords(organization: Organization, wanted: readonly NewRecord[]): Promise<ReadonlyMap<string, MadeRecord>> {
  const once = new Map(wanted.map((one) => [addressKey(one.address), one]));
  const made = new Map<string, MadeRecord>();
  if (once.size === 0) return made;
  const known = await recordsByAddress(organization, [...once.keys()]);
  const missing = [...once].filter(([key]) => (known.get(key) ?? []).length === 0);
  for (const [key, matches] of known) {
    const owner = ownerOf(matches);
    if (owner !== null) made.set(key, owner);
  }
  const tables = await organization.tables();
  const types = await claimTypes(organization, missing);
  let left = missing.map(([key, record]) => [key, { ...record, type: types.get(key) ?? record.type }] as const);
  for (let number = 0; number < MOST_IDS && left.length > 0; number++) {
    const answers = await organization.client.batch(left.map(([key, record]) => create(tables, record, idOf(key, number))));
    const there: typeof left = [];
    for (const [index, [key, record]] of left.entries()) {
      const answer = answers[index];
      if (answer?.kind === "refused" && (answer.status === 412 || answer.code === "0x80040237")) there.push([key, record]);
      else if (answer !== undefined) {
        answered(answer);
        made.set(key, { record: { type: record.type, id: idOf(key, number), name: nameOf(record) }, column: 1, made: true });
      }
    }
    // Somebody was faster, or the record of that id has another address now.
    const now = await recordsByAddress(
      organization,
      there.map(([key]) => key),
    );
    left = there.filter(([key]) => {
      const owner = ownerOf(now.get(key) ?? []);
      if (owner !== null) made.set(key, owner);
      return (now.get(key) ?? []).length === 0;
    });
  }
  return made;
}

function ownerOf(matches: readonly AddressMatch[]): MadeRecord | null {
  const [best] = matches;
  return best?.active ? { record: best.record, column: best.column, made: false } : null;
}

function idOf(key: string, number: number): string {
  return guidOf(`record ${number} of ${key}`);
}

function create(tables: Tables, { type, address, firstname, lastname, topic, ownerId }: NewRecord, id: string): Request {
  const names = {
    firstname: cut(storable(firstname), 50) || undefined,
    lastname: cut(storable(lastname), 50),
    emailaddress1: storable(address),
  };
  const owner = { ownerid: ownerId === null ? null : { type: "systemuser", id: ownerId } };
  const body =
    type === "contact"
      ? written(tables, "contact", "create", { contactid: id, ...names }, owner)
      : written(tables, "lead", "create", { leadid: id, ...names, subject: cut(storable(topic), 300) }, owner);
  return { method: "POST", path: tables.set(type), body };
}

function nameOf({ firstname, lastname }: NewRecord): string {
  return [firstname, lastname]
    .map((one) => cut(storable(one), 50))
    .join(" ")
    .trim();
}
