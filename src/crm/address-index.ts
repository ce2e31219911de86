import { type FactsQuery, MATCHES_PER_ADDRESS, type Voter } from "../model/facts.ts";
import { type AddressMatch, type RecordRef, SENDER_ORDER } from "../model/record.ts";
import type { AutoCreate, FilterMethod } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";

/** Keys of one statement: a page of ordinary mail has a tenth of them, one of mass mailings as many as its headers hold, and the database holds them as a whole. */
const KEYS_AT_A_TIME = 20_000;

/**
 * The records that bear each of these addresses (key form), best first: active ones, then by table in SENDER_ORDER. Every address has an
 * entry, of at most MATCHES_PER_ADDRESS + 1 rows, so that "more than that" can be seen.
 */
export async function recordsByAddress(sql: Sql, addresses: readonly string[]): Promise<Map<string, AddressMatch[]>> {
  const records = new Map<string, AddressMatch[]>();
  for (const some of inSlices(addresses)) for (const [address, its] of await recordsOfSlice(sql, some)) records.set(address, its);
  return records;
}

async function recordsOfSlice(sql: Sql, addresses: readonly string[]): Promise<readonly (readonly [string, AddressMatch[]])[]> {
  const { rows } = await sql.query<{
    address: string;
    type: string;
    id: string;
    name: string;
    column: number;
    active: boolean;
    ownerId: string | null;
    doNotEmail: boolean;
  }>(
    `select asked.address, found.parentobjecttypecode as type, found.parentobjectid as id, found.parentobjectname as name,
       found.emailcolumnnumber as column, found.active, found.ownerid as "ownerId", found.donotemail as "doNotEmail"
     from unnest($1::text[]) asked (address)
       cross join lateral (
         select * from crm.emailsearch where emailaddress = asked.address
         order by active desc, coalesce(array_position($2::text[], parentobjecttypecode), $3), parentobjecttypecode, emailcolumnnumber, parentobjectid
         limit $4
       ) found`,
    [addresses.map(storableText), SENDER_ORDER, SENDER_ORDER.length + 1, MATCHES_PER_ADDRESS + 1],
  );
  const found = Map.groupBy(rows, (row) => row.address);
  return addresses.map((address) => [
    address,
    (found.get(storableText(address)) ?? []).map(({ type, id, name, column, active, ownerId, doNotEmail }) => ({
      address,
      record: { type, id, name },
      column,
      active,
      ownerId,
      doNotEmail,
    })),
  ]);
}

/** At least one, which may be empty. */
function* inSlices(keys: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from === 0 || from < keys.length; from += KEYS_AT_A_TIME) yield keys.slice(from, from + KEYS_AT_A_TIME);
}

export interface Voters {
  /** By key form of each of the asked addresses that a user or queue bears. */
  readonly byAddress: ReadonlyMap<string, readonly Voter[]>;
  /** The owner asked for; null when the CRM has no such user or queue, or none was asked for. */
  readonly owner: Voter | null;
}

/** The users and queues that bear one of these addresses (key form), and the owner of the mailbox that is being read. */
export async function readVoters(sql: Sql, addresses: readonly string[], owner: FactsQuery["mailbox"]["owner"]): Promise<Voters> {
  // One whose addresses stand in several slices is found with each.
  const voters = new Map<string, Voter>();
  for (const some of inSlices(addresses))
    for (const voter of await votersOfSlice(sql, some, owner)) voters.set(`${voter.record.type} ${voter.record.id}`, voter);
  const asked = new Set(addresses);
  const byAddress = new Map<string, Voter[]>();
  for (const voter of voters.values()) {
    for (const address of voter.addresses) if (asked.has(address)) byAddress.set(address, [...(byAddress.get(address) ?? []), voter]);
  }
  return { byAddress, owner: voters.get(`${owner.type} ${owner.id}`) ?? null };
}

async function votersOfSlice(sql: Sql, addresses: readonly string[], owner: FactsQuery["mailbox"]["owner"]): Promise<Voter[]> {
  const { rows } = await sql.query<{
    type: string;
    id: string;
    name: string;
    active: boolean;
    filter: FilterMethod;
    ownerId: string | null;
    ownerType: "systemuser" | "team";
    ownerMayWrite: boolean;
    ownerQueue: RecordRef | null;
    ownerAutoCreates: AutoCreate;
    addresses: string[];
  }>(
    `with wanted as (
       select parentobjectid as id from crm.emailsearch where emailaddress = any($1::text[]) and parentobjecttypecode in ('systemuser', 'queue')
       union select $2::uuid where $2 is not null
     )
     select one.type, one.id, one.name, one.active,
       coalesce(settings.incomingemailfilteringmethod, queue.incomingemailfilteringmethod, 1) as filter,
       case one.type when 'systemuser' then one.id else queue.ownerid end as "ownerId",
       coalesce(queue.owneridtype, 'systemuser') as "ownerType",
       -- What a team may do is not kept.
       coalesce(queue.owneridtype = 'team', false) or coalesce(not owner.isdisabled, false) and exists (
         select from crm.systemuserprivilege where systemuserid = owner.systemuserid and privilege = 'prvWriteActivity') as "ownerMayWrite",
       case when routed.queueid is not null then jsonb_build_object('type', 'queue', 'id', routed.queueid, 'name', routed.name) end as "ownerQueue",
       coalesce(wishes.autocreatecontactonpromote, 0) as "ownerAutoCreates",
       array(select emailaddress from crm.emailsearch where parentobjectid = one.id order by emailcolumnnumber) as addresses
     from wanted
       join crm.addressee one on one.id = wanted.id and one.type in ('systemuser', 'queue')
       left join crm.usersettings settings on settings.systemuserid = one.id
       left join crm.queue on queue.queueid = one.id
       left join crm.systemuser owner on owner.systemuserid = case when one.type = 'systemuser' then one.id when queue.owneridtype = 'systemuser' then queue.ownerid end
       left join crm.usersettings wishes on wishes.systemuserid = owner.systemuserid
       left join crm.queue routed on routed.queueid = owner.queueid and routed.statecode = 0
     order by one.type desc, one.id`,
    [addresses.map(storableText), owner.id ?? null],
  );
  return rows.map(
    ({ type, id, name, active, addresses, ...rest }): Voter => ({
      record: { type, id, name },
      addresses: [...new Set(addresses)],
      disabled: !active,
      ...rest,
    }),
  );
}
