import { addressKey, MAXIMUM_ADDRESS_LENGTH } from "../../model/address.ts";
import { MATCHES_PER_ADDRESS } from "../../model/facts.ts";
import { type AddressMatch, SENDER_ORDER } from "../../model/record.ts";
import { anyId, anyOf, literal } from "./any-of.ts";
import type { Answer } from "./client/client.ts";
import { answered } from "./client/client.ts";
import type { Organization } from "./organization.ts";
import { type Query, readAll } from "./read.ts";
import { readableTables } from "./readable-tables.ts";
import { type AddressedRecord, RECORD_TABLES, type RecordTable, recordOf, selectRecord, tableOf } from "./record-tables.ts";
import { lookupOf, numberOf, pageOf, type Row, textOf } from "./row.ts";
import { storable } from "./storable.ts";
import type { Tables } from "./tables.ts";

/** Dynamics' own index of addresses (product-behaviour 4.8): which column of which row holds one. Not every version shows it. */
export const INDEX = "emailsearch";

/** An address in a column of a row. */
interface Place {
  readonly address: string;
  readonly column: number;
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/**
 * The records that bear each of these addresses (key form), best first: active ones, then by table in SENDER_ORDER. Every address has an entry, of at most
 * MATCHES_PER_ADDRESS + 1 rows, so that "more than that" can be seen. By the address index where it can be read, in two exchanges; else from each table.
 */
export async function recordsByAddress(organization: Organization, addresses: readonly string[]): Promise<Map<string, AddressMatch[]>> {
  return (await recordsAndMore(organization, addresses, () => Promise.resolve())).records;
}

/** What a record is named by. */
type Named = Pick<Place, "type" | "id">;

/** As {@link recordsByAddress}, and what else is asked about them, as soon as it is known which they are: where there is an index, in the same exchange as themselves. */
export async function recordsAndMore<More>(
  organization: Organization,
  addresses: readonly string[],
  ask: (found: readonly Named[]) => Promise<More>,
): Promise<{ readonly records: Map<string, AddressMatch[]>; readonly more: More }> {
  const asked = new Map(addresses.map((address) => [address, [] as AddressMatch[]]));
  const wanted = [...new Set(addresses.map(storable))].filter((one) => one !== "" && one.length <= MAXIMUM_ADDRESS_LENGTH);
  const { matches, more } = (await matchesByIndex(organization, wanted, ask)) ?? (await matchesByTable(organization, wanted, ask));
  const found = Map.groupBy(matches, (one) => one.address);
  for (const [address, list] of asked) {
    const its = found.get(storable(address)) ?? [];
    list.push(
      ...its
        .sort(bestFirst)
        .slice(0, MATCHES_PER_ADDRESS + 1)
        .map((one) => ({ ...one, address })),
    );
  }
  return { records: asked, more };
}

interface Matches<More> {
  readonly matches: readonly AddressMatch[];
  readonly more: More;
}

/** Null where there is no index, or it may not be read: then nobody asks for it again. */
async function matchesByIndex<More>(
  organization: Organization,
  addresses: readonly string[],
  ask: (found: readonly Named[]) => Promise<More>,
): Promise<Matches<More> | null> {
  const tables = await organization.tables();
  if (!(await readsIndex(organization, tables))) return null;
  const filters = anyOf(addresses, (address) => [`emailaddress eq ${literal(address)}`]);
  const places = await readIndex(organization, tables, filters);
  const [records, more] = await Promise.all([recordsAt(organization, tables, places), ask(places)]);
  const matches = places.flatMap((place) => {
    const known = records.get(`${place.type} ${place.id}`);
    // A row of the index whose record is gone, or may not be read, stands for nobody.
    return known === undefined ? [] : [{ ...known, address: place.address, column: place.column }];
  });
  return { matches, more };
}

/** Whether addresses are looked for in the index: there is one, and it may be read. */
export async function readsIndex(organization: Organization, tables: Tables): Promise<boolean> {
  return tables.has(INDEX) && (organization.readsAddressIndex ?? (await canRead(organization, tables)));
}

async function canRead(organization: Organization, tables: Tables): Promise<boolean> {
  const query = { $select: tables.select(INDEX, ["emailaddress"]), $top: "1" };
  const answer: Answer = await organization.client.send({ method: "GET", path: tables.set(INDEX), query });
  organization.readsAddressIndex = answer.kind === "answered";
  if (answer.kind === "refused" && ![400, 403, 404, 405, 501].includes(answer.status)) answered(answer);
  return organization.readsAddressIndex;
}

/** How long it is taken for granted that the index has no address of another table, in milliseconds. */
const OTHERS_KEPT = 30_000;

/** Whether the index has addresses of tables that Waypost does not know (custom ones), or does not say. */
export async function hasOtherTables(organization: Organization, tables: Tables): Promise<boolean> {
  const now = performance.now();
  if (organization.otherTables === null || organization.otherTables.until < now) {
    const value = askForOtherTables(organization, tables);
    organization.otherTables = { until: now + OTHERS_KEPT, value };
    value.catch(() => {
      organization.otherTables = null;
    });
  }
  return organization.otherTables.value;
}

async function askForOtherTables(organization: Organization, tables: Tables): Promise<boolean> {
  const $filter = RECORD_TABLES.map(({ name }) => `parentobjecttypecode ne ${literal(name)}`).join(" and ");
  const query = { $select: tables.select(INDEX, ["parentobjecttypecode"]), $filter, $top: "1" };
  const answer = await organization.client.send({ method: "GET", path: tables.set(INDEX), query });
  return answer.kind === "refused" || pageOf(answered(answer).body).rows.length > 0;
}

async function readIndex(organization: Organization, tables: Tables, filters: readonly string[]): Promise<Place[]> {
  const select = tables.select(INDEX, ["emailaddress", "emailcolumnnumber", "parentobjectid", "parentobjecttypecode"]);
  const rows = await readAll(
    organization.client,
    filters.map((filter): Query => ({ set: tables.set(INDEX), select, filter })),
  );
  return rows.flatMap((row) => placeOf(row) ?? []);
}

function placeOf(row: Row): Place | null {
  const address = textOf(row, "emailaddress");
  const record = lookupOf(row, "parentobjectid", textOf(row, "parentobjecttypecode") ?? undefined);
  if (address === null || record === null) return null;
  return { ...record, address: addressKey(address), column: numberOf(row, "emailcolumnnumber") ?? 1 };
}

/** All addresses that these records have in the index, by table and id; null where there is no index to ask. */
export async function addressesInIndex(
  organization: Organization,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly Place[]> | null> {
  if (organization.readsAddressIndex !== true) return null;
  const places = await readIndex(organization, await organization.tables(), anyId("_parentobjectid_value", ids));
  return Map.groupBy(places, ({ type, id }) => `${type} ${id}`);
}

/** The records of these places by table and id. */
async function recordsAt(
  organization: Organization,
  tables: Tables,
  places: readonly Place[],
): Promise<ReadonlyMap<string, Omit<AddressMatch, "address" | "column">>> {
  const byType = Map.groupBy(places, ({ type }) => type);
  const readable = new Set(await readableTables(organization));
  const queries = [...byType].flatMap(([type, its]) => {
    const table = tableOf(type);
    return table === undefined || !readable.has(table)
      ? []
      : recordQueries(
          tables,
          table,
          its.map(({ id }) => id),
        ).map((query) => ({ table, query }));
  });
  const found = new Map<string, Omit<AddressMatch, "address" | "column">>();
  // Rows of tables that nobody here knows are taken for what the index says of them.
  for (const { type, id, name } of places)
    if (tableOf(type) === undefined)
      found.set(`${type} ${id}`, { record: { type, id, name }, active: true, ownerId: null, doNotEmail: false });
  for (const record of await readRecords(organization, queries))
    found.set(`${record.record.type} ${record.record.id}`, withoutAddresses(record));
  return found;
}

/** Queries for rows of one table by their ids. */
export function recordQueries(tables: Tables, table: RecordTable, ids: readonly string[], more: readonly string[] = []): Query[] {
  const select = selectRecord(tables, table, more);
  return anyId(table.key, new Set(ids)).map((filter) => ({ set: tables.set(table.name), select, filter }));
}

async function readRecords(
  organization: Organization,
  queries: readonly { readonly table: RecordTable; readonly query: Query }[],
): Promise<AddressedRecord[]> {
  const byTable = Map.groupBy(queries, ({ table }) => table);
  const lists = await Promise.all(
    [...byTable].map(async ([table, its]) =>
      (
        await readAll(
          organization.client,
          its.map(({ query }) => query),
        )
      ).map((row) => recordOf(table, row)),
    ),
  );
  return lists.flat();
}

async function matchesByTable<More>(
  organization: Organization,
  addresses: readonly string[],
  ask: (found: readonly Named[]) => Promise<More>,
): Promise<Matches<More>> {
  const tables = await organization.tables();
  const asked = new Set(addresses);
  const queries = (await readableTables(organization)).flatMap((table) => {
    const columns = table.addresses.filter((column) => tables.has(table.name, column));
    const filters = anyOf(addresses, (address) => columns.map((column) => `${column} eq ${literal(address)}`));
    return filters.map((filter) => ({ table, query: { set: tables.set(table.name), select: selectRecord(tables, table), filter } }));
  });
  // One that has several of the addresses is found by each filter that names one.
  const records = new Map((await readRecords(organization, queries)).map((one) => [`${one.record.type} ${one.record.id}`, one]));
  const matches = [...records.values()].flatMap((record) =>
    record.addresses.flatMap((address, index) => {
      const key = addressKey(address ?? "");
      return asked.has(key) ? [{ ...withoutAddresses(record), address: key, column: index + 1 }] : [];
    }),
  );
  return { matches, more: await ask(matches.map(({ record }) => record)) };
}

function withoutAddresses({ record, active, ownerId, doNotEmail }: AddressedRecord): Omit<AddressMatch, "address" | "column"> {
  return { record, active, ownerId, doNotEmail };
}

function bestFirst(one: AddressMatch, other: AddressMatch): number {
  return (
    Number(other.active) - Number(one.active) ||
    rank(one.record.type) - rank(other.record.type) ||
    compare(one.record.type, other.record.type) ||
    one.column - other.column ||
    compare(one.record.id, other.record.id)
  );
}

function rank(type: string): number {
  const place = SENDER_ORDER.map(String).indexOf(type);
  return place < 0 ? SENDER_ORDER.length : place;
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
