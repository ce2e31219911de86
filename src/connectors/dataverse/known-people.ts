import type { Voter } from "../../model/facts.ts";
import type { IndexState } from "../../model/key-index.ts";
import type { AddressMatch } from "../../model/record.ts";
import { recordsByAddress } from "./address-index.ts";
import { votersByAddress } from "./facts.ts";
import { PEOPLE } from "./followed-tables.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { QUEUES, USERS } from "./record-tables.ts";
import { keyOf } from "./row.ts";
import { readVoters, type Voters } from "./voters.ts";

/** All users and queues of an organization, and whatever else has their addresses: most mail is to them. */
export interface KnownPeople {
  /** The last round of the index before they were read: what it told since is newer. */
  readonly round: number;
  readonly voters: Voters;
  readonly byAddress: ReadonlyMap<string, readonly Voter[]>;
  readonly records: ReadonlyMap<string, readonly AddressMatch[]>;
}

/** As they are kept in a process. */
export interface KeptPeople {
  readonly round: number;
  readonly readAt: number;
  readonly people: Promise<KnownPeople | null>;
}

/** Users, and queues, that a process keeps in memory; where there are more, those on a page are asked for. */
const MOST = 5_000;

/** Milliseconds after which they are read again where their changes are told, and where they are not. */
const LIFE = { followed: 600_000, unknown: 60_000 } as const;

/** Read again when the index tells that one of them changed. Null: there are too many. */
export function knownPeople(organization: Organization, state: IndexState): Promise<KnownPeople | null> {
  const kept = organization.keptPeople;
  if (kept !== null && isValid(kept, state)) return kept.people;
  const people = readPeople(organization, state.finished);
  const fresh: KeptPeople = { round: state.finished, readAt: performance.now(), people };
  organization.keptPeople = fresh;
  people.catch(() => {
    // What failed is asked again by the next one; whoever waits for this one is told.
    if (organization.keptPeople === fresh) organization.keptPeople = null;
  });
  return people;
}

function isValid({ round, readAt }: KeptPeople, { tables }: IndexState): boolean {
  const its = PEOPLE.map((name) => tables.get(name));
  const life = its.every((one) => one?.stage === "following") ? LIFE.followed : LIFE.unknown;
  return performance.now() - readAt < life && its.every((one) => one === undefined || one.changed <= round);
}

async function readPeople(organization: Organization, round: number): Promise<KnownPeople | null> {
  const tables = await organization.tables();
  const named = await Promise.all(
    [USERS, QUEUES].map(async ({ name, key }) => {
      const rows = await readAll(organization.client, [{ set: tables.set(name), select: tables.select(name, [key]), top: MOST }]);
      return rows.map((row) => ({ type: name, id: keyOf(row, key) }));
    }),
  );
  if (named.some((its) => its.length >= MOST)) return null;
  const voters = await readVoters(organization, named.flat());
  const byAddress = votersByAddress(voters);
  return { round, voters, byAddress, records: await recordsByAddress(organization, [...byAddress.keys()]) };
}
