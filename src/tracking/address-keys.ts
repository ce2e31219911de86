import { addressKey } from "../model/address.ts";
import { type FactsQuery, MAXIMUM_PARTIES } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { namesOf } from "./plus-address.ts";

/** What is looked up for the addresses on some heads, in key form, each once. */
export interface AddressKeys {
  /** Of each head the first MAXIMUM_PARTIES: no email has more parties. Those that may write it stand first. */
  readonly addresses: readonly string[];
  /** Others of which these may be variants, of each head at most as many; only users and queues have variants, see addressMeant. */
  readonly names: readonly string[];
}

export function addressesOf(heads: FactsQuery["heads"], separators: readonly string[]): AddressKeys {
  const addresses = new Set<string>();
  const names = new Set<string>();
  for (const head of heads) {
    const its = keysOn(head);
    for (const key of its) addresses.add(key);
    for (const name of firstNames(its, separators)) names.add(name);
  }
  return { addresses: [...addresses], names: [...names].filter((name) => !addresses.has(name)) };
}

/** A head whose addresses are all variants asks for one that each may be one of, or for several of the first ones. */
function firstNames(keys: ReadonlySet<string>, separators: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const key of keys) {
    for (const separator of separators) for (const name of namesOf(key, separator)) names.add(name);
    if (names.size >= MAXIMUM_PARTIES) break;
  }
  return names;
}

function keysOn({ forwarded, from, sender, to, cc, bcc }: MessageHead): ReadonlySet<string> {
  const keys = new Set<string>();
  if (forwarded?.kind === "original") keys.add(addressKey(forwarded.forwarder));
  for (const list of [sender ? [sender] : [], from, to, cc, bcc]) {
    for (const { address } of list) {
      if (keys.size >= MAXIMUM_PARTIES) return keys;
      keys.add(addressKey(address));
    }
  }
  return keys;
}
