import { randomUUID } from "node:crypto";
import { addressKey } from "../model/address.ts";
import type { RecordRef } from "../model/record.ts";
import { AUTO_CREATE, type AutoCreate, type FilterMethod } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { holdAddresses } from "./new-records.ts";

/** A user, known by the primary address. */
export interface UserEntry {
  readonly name: string;
  readonly address: string;
  /** At most two: `personalemailaddress` and `mobilealertemail`. */
  readonly otherAddresses?: readonly string[];
  /** Further addresses that stand for the user, as many as there are. */
  readonly aliases?: readonly string[];
  readonly filter?: FilterMethod;
  readonly autoCreates?: AutoCreate;
  /** Holds prvWriteActivity. Default: true. */
  readonly mayWriteEmails?: boolean;
  /** `issendasallowed`: other users may send in this user's name. */
  readonly letsOthersSend?: boolean;
  /** Holds prvSendAsUser. */
  readonly maySendAsOthers?: boolean;
  readonly disabled?: boolean;
}

/** A queue, known by its address. */
export interface QueueEntry {
  readonly name: string;
  readonly address: string;
  readonly aliases?: readonly string[];
  readonly filter?: FilterMethod;
  /** Primary address of the user who owns it. */
  readonly owner?: string | undefined;
}

/** An account, contact or lead. */
export interface RecordEntry {
  readonly type: "account" | "contact" | "lead";
  readonly id?: string;
  /** Name of an account, company of a lead; ignored for contacts. */
  readonly name?: string;
  readonly firstname?: string;
  readonly lastname?: string;
  /** At most three, in the order of the address columns. */
  readonly addresses?: readonly string[];
  /** The account of a contact. */
  readonly parentId?: string;
  readonly ownerId?: string;
  readonly doNotEmail?: boolean;
}

/** `some`: there are others too. `all`: whoever is not among them by address is gone, or is one of them under another address. */
export type Extent = "some" | "all";

/**
 * Makes users or brings them up to date; those not named are left as they are. Returns their ids by key form of the address. Where the entries are
 * `all` there are, one with an address that nobody had is the user of the same name whose address is not among them any more, if there is exactly
 * one: then the address has changed and the user stays. Two processes that start together make each user once: the table is locked for that moment.
 * Must run in a transaction.
 */
export async function putUsers(sql: Sql, entries: readonly UserEntry[], extent: Extent = "some"): Promise<Map<string, string>> {
  await sql.query("lock table crm.systemuser in share row exclusive mode");
  const ids = await idsFor(sql, "systemuser", entries, extent);
  const rows = storableJson(
    entries.map((entry) => ({
      id: ids.get(addressKey(entry.address)),
      fullname: entry.name,
      address: entry.address,
      personal: entry.otherAddresses?.[0] ?? null,
      mobile: entry.otherAddresses?.[1] ?? null,
      aliases: entry.aliases ?? [],
      disabled: entry.disabled ?? false,
      filter: entry.filter ?? 1,
      autocreates: entry.autoCreates ?? AUTO_CREATE.nothing,
      letsotherssend: entry.letsOthersSend ?? false,
      privileges: [...(entry.maySendAsOthers ? ["prvSendAsUser"] : []), ...(entry.mayWriteEmails === false ? [] : ["prvWriteActivity"])],
    })),
  );
  const given = `jsonb_to_recordset($1::jsonb) given (id uuid, fullname text, address text, personal text, mobile text, aliases text[],
    disabled boolean, filter smallint, autocreates smallint, letsotherssend boolean, privileges text[])`;
  await sql.query(
    `insert into crm.systemuser as old (systemuserid, fullname, internalemailaddress, personalemailaddress, mobilealertemail, aliases, isdisabled)
     select id, fullname, address, personal, mobile, aliases, disabled from ${given}
     on conflict (systemuserid) do update set fullname = excluded.fullname, internalemailaddress = excluded.internalemailaddress,
       personalemailaddress = excluded.personalemailaddress, mobilealertemail = excluded.mobilealertemail, aliases = excluded.aliases,
       isdisabled = excluded.isdisabled
     where (old.fullname, old.internalemailaddress, old.personalemailaddress, old.mobilealertemail, old.aliases, old.isdisabled) is distinct from
       (excluded.fullname, excluded.internalemailaddress, excluded.personalemailaddress, excluded.mobilealertemail, excluded.aliases, excluded.isdisabled)`,
    [rows],
  );
  await sql.query(
    `update crm.usersettings set incomingemailfilteringmethod = given.filter, autocreatecontactonpromote = given.autocreates, issendasallowed = given.letsotherssend
     from ${given} where systemuserid = given.id and (incomingemailfilteringmethod, autocreatecontactonpromote, issendasallowed)
       is distinct from (given.filter, given.autocreates, given.letsotherssend)`,
    [rows],
  );
  await sql.query(
    `insert into crm.systemuserprivilege (systemuserid, privilege) select id, privilege from ${given} cross join unnest(privileges) privilege on conflict do nothing`,
    [rows],
  );
  await sql.query(
    `delete from crm.systemuserprivilege held using ${given}
     where systemuserid = given.id and held.privilege in ('prvSendAsUser', 'prvWriteActivity') and held.privilege <> all(given.privileges)`,
    [rows],
  );
  return ids;
}

/** Makes queues or brings them up to date; as {@link putUsers}. Owners must be there before. Must run in a transaction. */
export async function putQueues(sql: Sql, entries: readonly QueueEntry[], extent: Extent = "some"): Promise<Map<string, string>> {
  await sql.query("lock table crm.queue in share row exclusive mode");
  const ids = await idsFor(sql, "queue", entries, extent);
  const rows = entries.map((entry) => ({
    id: ids.get(addressKey(entry.address)),
    name: entry.name,
    address: entry.address,
    aliases: entry.aliases ?? [],
    filter: entry.filter ?? 0,
    owner: entry.owner === undefined ? null : addressKey(entry.owner),
  }));
  await sql.query(
    `insert into crm.queue as old (queueid, name, emailaddress, aliases, incomingemailfilteringmethod, ownerid)
     select given.id, given.name, given.address, given.aliases, given.filter,
       (select parentobjectid from crm.emailsearch where emailaddress = given.owner and parentobjecttypecode = 'systemuser' and emailcolumnnumber = 1 order by parentobjectid limit 1)
     from jsonb_to_recordset($1::jsonb) given (id uuid, name text, address text, aliases text[], filter smallint, owner text)
     on conflict (queueid) do update set name = excluded.name, emailaddress = excluded.emailaddress, aliases = excluded.aliases,
       incomingemailfilteringmethod = excluded.incomingemailfilteringmethod, ownerid = excluded.ownerid
     where (old.name, old.emailaddress, old.aliases, old.incomingemailfilteringmethod, old.ownerid) is distinct from
       (excluded.name, excluded.emailaddress, excluded.aliases, excluded.incomingemailfilteringmethod, excluded.ownerid)`,
    [storableJson(rows)],
  );
  return ids;
}

/** Gives these users these default queues, by ids; null: none. */
export async function putDefaultQueues(sql: Sql, queues: ReadonlyMap<string, string | null>): Promise<void> {
  await sql.query(
    `update crm.systemuser set queueid = given.queue from unnest($1::uuid[], $2::uuid[]) given (id, queue)
     where systemuserid = given.id and systemuser.queueid is distinct from given.queue`,
    [[...queues.keys()], [...queues.values()]],
  );
}

/** Makes accounts, contacts and leads, one statement a table, and returns them in their order. Must run in a transaction. */
export async function createRecords(sql: Sql, entries: readonly RecordEntry[]): Promise<RecordRef[]> {
  const rows = entries.map((entry) => ({
    ...entry,
    id: entry.id ?? randomUUID(),
    fullname: [entry.firstname ?? "", entry.lastname ?? ""].join(" ").trim(),
    address1: entry.addresses?.[0] ?? null,
    address2: entry.addresses?.[1] ?? null,
    address3: entry.addresses?.[2] ?? null,
    donotemail: entry.doNotEmail ?? false,
  }));
  if (rows.some(({ address1 }) => address1 !== null)) await holdAddresses(sql);
  for (const [type, own] of Object.entries(TABLES)) {
    const given = rows.filter((row) => row.type === type);
    if (given.length === 0) continue;
    await sql.query(
      `insert into crm.${type} (${type}id, emailaddress1, emailaddress2, emailaddress3, donotemail, ownerid, ${Object.keys(own).join(", ")})
       select id, address1, address2, address3, donotemail, "ownerId", ${Object.values(own).join(", ")}
       from jsonb_to_recordset($1::jsonb) given (id uuid, address1 text, address2 text, address3 text, donotemail boolean, "ownerId" uuid, "parentId" uuid,
         name text, firstname text, lastname text)`,
      [storableJson(given)],
    );
  }
  return rows.map(({ type, id, name, fullname }) => ({
    type,
    id,
    name: (type === "account" ? name : fullname || (type === "lead" ? name : "")) ?? "",
  }));
}

/** What each table has besides the common columns, and where it comes from. */
const TABLES: Readonly<Record<RecordEntry["type"], Readonly<Record<string, string>>>> = {
  account: { name: "coalesce(name, '')" },
  contact: { firstname: "firstname", lastname: "lastname", parentcustomerid: `"parentId"` },
  lead: { firstname: "firstname", lastname: "lastname", companyname: "name" },
};

/** The id of the record whose first address it is, or a new one, by key form of the address. */
async function idsFor(
  sql: Sql,
  type: "systemuser" | "queue",
  entries: readonly { readonly name: string; readonly address: string }[],
  extent: Extent,
): Promise<Map<string, string>> {
  const keys = [...new Set(entries.map(({ address }) => addressKey(address)))];
  const { rows } = await sql.query<{ address: string; id: string }>(
    `select distinct on (emailaddress) emailaddress as address, parentobjectid as id from crm.emailsearch
     where emailaddress = any($1::text[]) and parentobjecttypecode = $2 and emailcolumnnumber = 1 order by emailaddress, active desc, parentobjectid`,
    [keys, type],
  );
  const known = new Map(rows.map(({ address, id }) => [address, id]));
  if (extent === "all") for (const [address, id] of await movedIds(sql, type, entries, known)) known.set(address, id);
  return new Map(keys.map((key) => [key, known.get(key) ?? randomUUID()]));
}

/** Columns of the id and the name. */
const NAMED = {
  systemuser: { id: "systemuserid", name: "fullname" },
  queue: { id: "queueid", name: "name" },
} as const;

/** Records of which only the address has changed, by their new address. Names that occur twice on either side tell nothing. */
async function movedIds(
  sql: Sql,
  type: keyof typeof NAMED,
  entries: readonly { readonly name: string; readonly address: string }[],
  known: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const fresh = entries.filter(({ address }) => !known.has(addressKey(address)));
  if (fresh.length === 0) return new Map();
  const { id, name } = NAMED[type];
  const { rows } = await sql.query<{ name: string; ids: string[] }>(
    `select ${name} as name, array_agg(${id}::text) as ids from crm.${type} where ${name} = any($1) and not ${id} = any($2::uuid[]) group by ${name}`,
    [fresh.map((one) => one.name), [...known.values()]],
  );
  const gone = new Map(rows.map((row) => [row.name, row.ids]));
  return new Map(
    fresh.flatMap((one) => {
      const [only, ...others] = gone.get(one.name) ?? [];
      const isAlone = fresh.filter((other) => other.name === one.name).length === 1;
      return only !== undefined && others.length === 0 && isAlone ? [[addressKey(one.address), only]] : [];
    }),
  );
}
