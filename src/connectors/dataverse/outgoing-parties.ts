import type { Participation } from "../../model/decision.ts";
import type { RecordRef } from "../../model/record.ts";
import { recordQueries } from "./address-index.ts";
import { anyId } from "./any-of.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { readableTables } from "./readable-tables.ts";
import { type AddressedRecord, recordOf } from "./record-tables.ts";
import { idOf, keyOf, lookupOf, numberOf, textOf } from "./row.ts";

/** A party of an outgoing email as it stands there. */
export interface StoredParty {
  readonly id: string;
  readonly emailId: string;
  readonly participation: number;
  readonly addressUsed: string;
  readonly name: string;
  readonly record: RecordRef | null;
  /** Which address column of the record is to be used. */
  readonly column: number | null;
}

/** The parties of these emails in these roles, by the email's id, the sender first, then To, Cc and Bcc. */
export async function readParties(
  organization: Organization,
  emailIds: readonly string[],
  roles: readonly Participation[],
): Promise<ReadonlyMap<string, readonly StoredParty[]>> {
  if (emailIds.length === 0) return new Map();
  const tables = await organization.tables();
  const select = tables.select("activityparty", [
    ...[
      "activitypartyid",
      "activityid",
      "participationtypemask",
      "partyid",
      "addressused",
      "addressusedemailcolumnnumber",
      "unresolvedpartyname",
    ],
  ]);
  const wanted = roles.map((role) => `participationtypemask eq ${role}`).join(" or ");
  const rows = await readAll(
    organization.client,
    anyId("_activityid_value", new Set(emailIds)).map((filter) => ({
      ...{ set: tables.set("activityparty"), select },
      filter: `(${filter}) and (${wanted})`,
    })),
  );
  // Nothing but the version tells the order in which parties were added, as far as anything does.
  const inOrder = rows.toSorted((one, other) => (numberOf(one, "versionnumber") ?? 0) - (numberOf(other, "versionnumber") ?? 0));
  const parties = inOrder.flatMap((row): StoredParty[] => {
    const emailId = idOf(row, "_activityid_value");
    if (emailId === null) return [];
    const record = lookupOf(row, "partyid");
    return [
      {
        ...{ id: keyOf(row, "activitypartyid"), emailId, participation: numberOf(row, "participationtypemask") ?? 0 },
        addressUsed: textOf(row, "addressused")?.trim() ?? "",
        name: record?.name || textOf(row, "unresolvedpartyname") || "",
        record,
        column: numberOf(row, "addressusedemailcolumnnumber"),
      },
    ];
  });
  parties.sort((one, other) => one.participation - other.participation);
  return Map.groupBy(parties, ({ emailId }) => emailId);
}

/** The records of these parties by type and id, as far as they are there. */
export async function recordsOfParties(
  organization: Organization,
  parties: readonly StoredParty[],
): Promise<ReadonlyMap<string, AddressedRecord>> {
  const tables = await organization.tables();
  const byType = Map.groupBy(
    parties.flatMap(({ record }) => record ?? []),
    ({ type }) => type,
  );
  const readable = byType.size === 0 ? [] : await readableTables(organization);
  const lists = await Promise.all(
    [...byType].map(async ([type, its]) => {
      const table = readable.find(({ name }) => name === type);
      if (table === undefined) return [];
      const rows = await readAll(
        organization.client,
        recordQueries(
          tables,
          table,
          its.map(({ id }) => id),
        ),
      );
      return rows.map((row) => recordOf(table, row));
    }),
  );
  return new Map(lists.flat().map((one) => [`${one.record.type} ${one.record.id}`, one]));
}

/** How the address of each of these parties is told: the one that stands on it, else that of its record. */
export async function addressesOfParties(
  organization: Organization,
  parties: readonly StoredParty[],
): Promise<(party: StoredParty) => string> {
  const records = await recordsOfParties(
    organization,
    parties.filter(({ addressUsed }) => addressUsed === ""),
  );
  return (party) => addressOf(party, records.get(`${party.record?.type} ${party.record?.id}`));
}

/** Which address a party is written to. */
export function addressOf({ addressUsed, column }: StoredParty, record: AddressedRecord | undefined): string {
  if (addressUsed !== "") return addressUsed;
  const own = column === null ? null : record?.addresses[column - 1];
  return own?.trim() || record?.addresses.find((one) => one !== null && one.trim() !== "")?.trim() || "";
}
