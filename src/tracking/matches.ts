import { addressKey } from "../model/address.ts";
import { type Facts, MATCHES_PER_ADDRESS } from "../model/facts.ts";
import { type AddressMatch, SENDER_ORDER } from "../model/record.ts";
import { addressMeant } from "./plus-address.ts";

const TABLE_RANK: ReadonlyMap<string, number> = new Map(SENDER_ORDER.map((type, rank) => [type, rank]));

/** Tables of which an address stands for its variants too. */
const OWN_TABLES: ReadonlySet<string> = new Set(["systemuser", "queue"]);

/**
 * The records that an address may stand for, each once (by its first address column), best first: active before inactive, then by
 * table in SENDER_ORDER, other tables by name, then by column and id, so that the order in which the CRM lists them never matters.
 *
 * The documents disagree about inactive records (product-behaviour 4.8). Here the setting decides: without ResolveForInactiveEntities
 * they are passed over altogether; with it, one alone is used whatever its state and several have the active ones first.
 *
 * Of `name+detail@domain` these are the users and queues of `name@domain`, where nobody has the address as it is.
 */
export function matchesOf(address: string, facts: Facts): readonly AddressMatch[] {
  const meant = addressMeant(address, facts);
  const found = facts.records.get(meant) ?? [];
  const all = meant === addressKey(address) ? found : found.filter(({ record }) => OWN_TABLES.has(record.type));
  const usable = facts.settings.ResolveForInactiveEntities ? all : all.filter((one) => one.active);
  return usable.length < 2 ? usable : distinct([...usable].sort(byPrecedence));
}

/** More records have the address than anybody can mean by it; the list that the CRM gave is cut short then. */
export function isOvercrowded(address: string, facts: Facts): boolean {
  return (facts.records.get(addressKey(address))?.length ?? 0) > MATCHES_PER_ADDRESS;
}

export function byPrecedence(a: AddressMatch, b: AddressMatch): number {
  return (
    Number(b.active) - Number(a.active) ||
    rank(a) - rank(b) ||
    compare(a.record.type, b.record.type) ||
    a.column - b.column ||
    compare(a.record.id, b.record.id)
  );
}

function distinct(sorted: readonly AddressMatch[]): readonly AddressMatch[] {
  const seen = new Set<string>();
  return sorted.filter(({ record }) => {
    const key = `${record.type} ${record.id}`;
    return !seen.has(key) && seen.add(key);
  });
}

function rank(match: AddressMatch): number {
  return TABLE_RANK.get(match.record.type) ?? TABLE_RANK.size;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
