import { addressKey } from "../model/address.ts";
import type { Facts } from "../model/facts.ts";

/** Separators of one local part at which it is tried: a name holds few, a stranger's text as many as it likes. */
const MAXIMUM_SEPARATORS = 5;

/** What tells whose address a plus-address is. */
export type AddressFacts = Pick<Facts, "settings" | "records" | "voters">;

/**
 * The addresses of which one with a detail may be a variant (`name+detail@domain`, RFC 5233), in key form: the longest name first, because a name may
 * hold the separator too. None where the separator is empty.
 */
export function namesOf(key: string, separator: string): readonly string[] {
  const end = key.lastIndexOf("@");
  if (separator === "" || end < 0) return [];
  const names: string[] = [];
  const domain = key.slice(end);
  for (let at = key.lastIndexOf(separator, end - 1); at > 0 && names.length < MAXIMUM_SEPARATORS; at = key.lastIndexOf(separator, at - 1)) {
    names.push(key.slice(0, at) + domain);
  }
  return names;
}

/**
 * The address that is meant by one, in key form: itself where anybody has it, else that of the user or queue whose variant it is, else itself. Only users
 * and queues have variants: what strangers write behind a plus means nothing here.
 */
export function addressMeant(address: string, { settings, records, voters }: AddressFacts): string {
  const key = addressKey(address);
  if (isKnown(records.get(key)) || isKnown(voters.get(key))) return key;
  return namesOf(key, settings.PlusAddressSeparator).find((name) => isKnown(voters.get(name))) ?? key;
}

function isKnown(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}
