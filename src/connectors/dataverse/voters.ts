import { addressKey } from "../../model/address.ts";
import type { FactsQuery, Voter } from "../../model/facts.ts";
import type { RecordRef } from "../../model/record.ts";
import { AUTO_CREATE, type AutoCreate, type FilterMethod } from "../../model/settings.ts";
import { addressesInIndex, recordQueries } from "./address-index.ts";
import { anyId } from "./any-of.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { type AddressedRecord, QUEUES, recordOf, USERS } from "./record-tables.ts";
import { keyOf, lookupOf, numberOf, type Row } from "./row.ts";

/** What a user has set for the mail that is received (usersettings). */
interface Wishes {
  readonly filter: FilterMethod;
  readonly autoCreates: AutoCreate;
}

interface User extends AddressedRecord, Wishes {
  readonly defaultQueue: RecordRef | null;
}

interface Queue extends AddressedRecord {
  readonly filter: FilterMethod;
  readonly owner: RecordRef | null;
}

/** Users and queues by type and id, e.g. `systemuser 7b3d…`. */
export type Voters = ReadonlyMap<string, Voter>;

/** These users and queues as voters (product-behaviour 4.4): at most three exchanges. Those that are not there are left out. */
export async function readVoters(
  organization: Organization,
  asked: readonly { readonly type: string; readonly id: string }[],
): Promise<Voters> {
  const ids = (type: string) => [...new Set(asked.filter((one) => one.type === type).map(({ id }) => id))];
  const [queues, users, places] = await Promise.all([
    readQueues(organization, ids("queue")),
    readUsers(organization, ids("systemuser")),
    addressesInIndex(organization, [...ids("queue"), ...ids("systemuser")]),
  ]);
  const ownerIds = [...queues.values()].flatMap(({ owner }) => (owner?.type === "systemuser" && !users.has(owner.id) ? [owner.id] : []));
  const owners = new Map([...users, ...(await readUsers(organization, ownerIds))]);
  const routed = [...owners.values()].flatMap(({ defaultQueue }) =>
    defaultQueue === null || queues.has(defaultQueue.id) ? [] : [defaultQueue.id],
  );
  const active = await readQueues(organization, routed);
  const everyQueue = new Map([...queues, ...active]);
  const voters = new Map<string, Voter>();
  const add = (one: AddressedRecord, filter: FilterMethod, owner: RecordRef | null) => {
    const name = `${one.record.type} ${one.record.id}`;
    const person = owner?.type === "systemuser" ? owners.get(owner.id) : undefined;
    const queue = everyQueue.get(person?.defaultQueue?.id ?? "");
    const indexed = (places?.get(name) ?? []).map(({ address }) => address);
    voters.set(name, {
      record: one.record,
      addresses: [...new Set([...one.addresses.map((address) => addressKey(address ?? "")), ...indexed])].filter((key) => key !== ""),
      filter,
      ownerId: owner?.id ?? null,
      ownerType: owner?.type === "team" ? "team" : "systemuser",
      // What a role holds is asked of nobody: an owner who may not own emails is refused at delivery.
      ownerMayWrite: owner?.type === "team" || (person?.active ?? false),
      ownerQueue: queue?.active ? queue.record : null,
      ownerAutoCreates: person?.autoCreates ?? AUTO_CREATE.nothing,
      disabled: !one.active,
    });
  };
  for (const user of users.values()) add(user, user.filter, user.record);
  for (const queue of queues.values()) add(queue, queue.filter, queue.owner);
  return voters;
}

/** The voter who owns a mailbox; null: it is a forward mailbox, or there is none. */
export function ownerOf({ owner }: FactsQuery["mailbox"], voters: Voters): Voter | null {
  if (owner.id !== undefined) return voters.get(`${owner.type} ${owner.id.toLowerCase()}`) ?? null;
  if (owner.address === undefined) return null;
  const address = addressKey(owner.address);
  const its = [...voters.values()].filter(({ record, addresses }) => record.type === owner.type && addresses.includes(address));
  // Whose first address it is, where another one has it as a further one; who is still there, where somebody who has left had it before.
  const first = its.filter(({ addresses }) => addresses[0] === address);
  return first.find(({ disabled }) => !disabled) ?? first[0] ?? its[0] ?? null;
}

async function readUsers(organization: Organization, ids: readonly string[]): Promise<ReadonlyMap<string, User>> {
  if (ids.length === 0) return new Map();
  const tables = await organization.tables();
  const select = tables.select("usersettings", ["systemuserid", "incomingemailfilteringmethod", "autocreatecontactonpromote"]);
  const [rows, settings] = await Promise.all([
    readAll(organization.client, recordQueries(tables, USERS, ids, ["queueid"])),
    readAll(
      organization.client,
      anyId("systemuserid", ids).map((filter) => ({ set: tables.set("usersettings"), select, filter })),
    ),
  ]);
  const wishes = new Map(settings.map((row) => [keyOf(row, "systemuserid"), wishesOf(row)]));
  return new Map(
    rows.map((row) => {
      const record = recordOf(USERS, row);
      const its = wishes.get(record.record.id) ?? { filter: DEFAULT_FILTER, autoCreates: AUTO_CREATE.nothing };
      return [record.record.id, { ...record, ...its, defaultQueue: lookupOf(row, "queueid", "queue") }];
    }),
  );
}

async function readQueues(organization: Organization, ids: readonly string[]): Promise<ReadonlyMap<string, Queue>> {
  if (ids.length === 0) return new Map();
  const tables = await organization.tables();
  const rows = await readAll(organization.client, recordQueries(tables, QUEUES, ids, ["incomingemailfilteringmethod"]));
  return new Map(
    rows.map((row) => {
      const record = recordOf(QUEUES, row);
      const filter = filterMethod(numberOf(row, "incomingemailfilteringmethod"));
      return [record.record.id, { ...record, filter, owner: lookupOf(row, "ownerid", "systemuser") }];
    }),
  );
}

/** In response to CRM email: what a user has who never chose. */
const DEFAULT_FILTER: FilterMethod = 1;

function wishesOf(row: Row): Wishes {
  const creates = numberOf(row, "autocreatecontactonpromote");
  return {
    filter: filterMethod(numberOf(row, "incomingemailfilteringmethod")),
    autoCreates: creates === 1 || creates === 2 ? creates : AUTO_CREATE.nothing,
  };
}

function filterMethod(value: number | null): FilterMethod {
  return value === 0 || value === 1 || value === 2 || value === 3 || value === 4 ? value : DEFAULT_FILTER;
}
