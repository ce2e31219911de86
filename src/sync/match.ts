/** What an item without a partner can be known by. */
export interface Candidate {
  readonly id: string;
  /** UID of the calendar item, globalobjectid of the CRM's; null: it has none. */
  readonly uid: string | null;
  /** Addresses of a contact, in key form. */
  readonly addresses: readonly string[];
  /** What people would call it: its name, its subject with its start. Null where that says nothing. */
  readonly likeness: string | null;
}

export interface Match {
  readonly crm: string;
  readonly server: string;
  readonly by: "uid" | "address" | "likeness";
}

export interface Matched {
  /** These are one item: they are kept alike from now on. */
  readonly links: readonly Match[];
  /** These may be one: a person says so, and until then neither is made on the other side. */
  readonly proposals: readonly Match[];
}

/**
 * Finds the items that both sides have already, before anything is made. Only what points to one single item on each side links by itself: a UID first, then an
 * address. Where several share it, and where only a likeness speaks for it, the pair is proposed.
 */
export function match(crm: readonly Candidate[], server: readonly Candidate[]): Matched {
  const uids = pairUp(crm, server, "uid", ({ uid }) => (uid === null ? [] : [uid]));
  const addresses = pairUp(without(crm, uids.links, "crm"), without(server, uids.links, "server"), "address", ({ addresses }) => addresses);
  const links = [...uids.links, ...addresses.links];
  const open = [without(crm, links, "crm"), without(server, links, "server")] as const;
  const likeness = pairUp(...open, "likeness", ({ likeness }) => (likeness === null ? [] : [likeness]));
  const proposals = [...uids.proposals, ...addresses.proposals, ...likeness.links, ...likeness.proposals];
  return { links, proposals: onlyOpen(proposals, links) };
}

/** A key that more than these have on one side says nothing of any of them; and what people are to look at stays a list that they can read. */
const MOST_OF_ONE_KEY = 20;

/** Pairs by one kind of key: links where each of the two has no other partner by any of its keys, proposals for the rest. */
function pairUp(
  crm: readonly Candidate[],
  server: readonly Candidate[],
  by: Match["by"],
  keysOf: (one: Candidate) => readonly string[],
): Matched {
  const [crmIds, serverIds] = [idsByKey(crm, keysOf), idsByKey(server, keysOf)];
  const tells = (key: string) => (crmIds.get(key)?.size ?? 0) <= MOST_OF_ONE_KEY && (serverIds.get(key)?.size ?? 0) <= MOST_OF_ONE_KEY;
  const partners = new Map(
    crm.map(
      (one) =>
        [
          one.id,
          new Set(
            keysOf(one)
              .filter(tells)
              .flatMap((key) => [...(serverIds.get(key) ?? [])]),
          ),
        ] as const,
    ),
  );
  const wooed = new Map<string, number>();
  for (const its of partners.values()) for (const id of its) wooed.set(id, (wooed.get(id) ?? 0) + 1);
  const all = [...partners].flatMap(([crmId, its]) => [...its].map((serverId) => ({ crm: crmId, server: serverId, by })));
  const isUnique = (one: Match) => partners.get(one.crm)?.size === 1 && wooed.get(one.server) === 1;
  return { links: all.filter(isUnique), proposals: all.filter((one) => !isUnique(one)) };
}

function idsByKey(
  candidates: readonly Candidate[],
  keysOf: (one: Candidate) => readonly string[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const ids = new Map<string, Set<string>>();
  for (const one of candidates) for (const key of keysOf(one)) ids.set(key, (ids.get(key) ?? new Set()).add(one.id));
  return ids;
}

function without(candidates: readonly Candidate[], links: readonly Match[], side: "crm" | "server"): Candidate[] {
  const linked = new Set(links.map((one) => one[side]));
  return candidates.filter(({ id }) => !linked.has(id));
}

/** Proposals between items that are linked with nothing, each pair once. */
function onlyOpen(proposals: readonly Match[], links: readonly Match[]): Match[] {
  const linked = { crm: new Set(links.map(({ crm }) => crm)), server: new Set(links.map(({ server }) => server)) };
  const seen = new Set<string>();
  return proposals.filter((one) => {
    const pair = JSON.stringify([one.crm, one.server]);
    if (linked.crm.has(one.crm) || linked.server.has(one.server) || seen.has(pair)) return false;
    seen.add(pair);
    return true;
  });
}
