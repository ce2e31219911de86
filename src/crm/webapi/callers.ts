import type { Sql } from "../../model/sql.ts";
import type { Caller, Depth } from "./caller.ts";
import { doesNotExist, fault } from "./error-codes.ts";
import { ApiFault } from "./exchange.ts";
import { missingPrivilege } from "./rights.ts";
import { SYSTEM_ADMINISTRATOR } from "./roles/system-administrator.ts";
import { depthOfMask } from "./roles.ts";
import type { Tables } from "./table-index.ts";

/** How a user is named: by its id, by what a token of the directory says, or as somebody acts for it. */
export type UserName =
  | { readonly by: "systemuserid"; readonly id: string }
  | { readonly by: "azureactivedirectoryobjectid"; readonly id: string }
  | { readonly by: "applicationid"; readonly id: string }
  | { readonly by: "domainname"; readonly name: string };

const ACT_FOR_OTHERS = "prvActOnBehalfOfAnotherUser";
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Privileges that belong to no table. */
const OTHER_PRIVILEGES = [
  ACT_FOR_OTHERS,
  "prvSendAsUser",
  "prvOverrideCreatedOnCreatedBy",
  "prvSearchAvailability",
  "prvApproveRejectEmailAddress",
  "prvPublishDuplicateRule",
];
const ACTIONS = ["Read", "Write", "Create", "Delete", "Append", "AppendTo", "Assign", "Share"] as const;
const ORDER: readonly Depth[] = ["basic", "local", "deep", "global"];

/** What is compared with each kind of name. */
const CONDITIONS: Readonly<Record<UserName["by"], string>> = {
  systemuserid: "systemuserid = $1::uuid",
  azureactivedirectoryobjectid: "azureactivedirectoryobjectid = $1::uuid",
  applicationid: "applicationid = $1::uuid",
  domainname: "lower(domainname) = lower($1)",
};

interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly disabled: boolean;
  readonly teams: readonly string[];
  readonly administrator: boolean;
  readonly privileges: Readonly<Record<string, number>>;
}

/**
 * Reads a user with all that decides what it may do: the roles it holds itself, those of its teams as if it held them itself, and prvSendAsUser where the
 * directory gives it. A role of a team in another business unit reaches own rows only, unless it reaches everybody's. Null: there is no such user. Throws ApiFault 403
 * 0x80040225 where the user, or the business unit, is disabled.
 */
export async function readCaller(sql: Sql, tables: Pick<Tables, "all">, user: UserName): Promise<Caller | null> {
  const { rows } = await sql.query<UserRow>(
    `select person.systemuserid as id, person.fullname as name, person.businessunitid as unit, person.isdisabled or unit.isdisabled as disabled,
       (select coalesce(array_agg(teamid::text order by teamid), '{}') from crm.teammembership where systemuserid = person.systemuserid) as teams,
       exists (select from crm.heldrole join crm.role using (roleid) where systemuserid = person.systemuserid and roletemplateid = $2) as administrator,
       (select coalesce(jsonb_object_agg(privilege, mask), '{}') from (
          select privilege, max(mask) as mask from (
            select privilege, case when near or privilegedepthmask = 8 then privilegedepthmask else 1 end as mask
            from crm.heldrole join crm.roleprivileges using (roleid) where systemuserid = person.systemuserid
            union all
            select privilege, 8 from crm.systemuserprivilege where systemuserid = person.systemuserid and privilege = 'prvSendAsUser'
          ) given group by privilege
        ) held) as privileges
     from crm.systemuser person join crm.businessunit unit using (businessunitid)
     where ${CONDITIONS[user.by]}`,
    [user.by === "domainname" ? user.name : user.id, SYSTEM_ADMINISTRATOR.templateId],
    { keepsPlan: true },
  );
  const [row] = rows;
  if (!row) return null;
  if (row.disabled) throw new ApiFault(403, "0x80040225", "The specified user is either disabled or is not a member of any business unit.");
  const privileges = row.administrator
    ? everything(tables)
    : new Map(Object.entries(row.privileges).map(([name, mask]) => [name, depthOfMask(mask)]));
  return { userId: row.id, name: row.name, businessUnitId: row.unit, teamIds: row.teams, privileges };
}

/** Every privilege of every table, in the whole organization. */
function everything(tables: Pick<Tables, "all">): ReadonlyMap<string, Depth> {
  const names = tables.all.flatMap(({ privilege }) => ACTIONS.map((action) => `prv${action}${privilege}`));
  return new Map([...names, ...OTHER_PRIVILEGES].map((name) => [name, "global"]));
}

/**
 * The caller as whom a request runs: the one who is signed in, or under `CallerObjectId` (object id of the directory) or `MSCRMCallerID` (systemuserid) the
 * user acted for, with the rights that both have (product-behaviour 5.4). Throws ApiFault: 403 0x80040220 without prvActOnBehalfOfAnotherUser, 400 for what is no
 * id, 404 0x80040217 for a user that does not exist, 403 0x80040225 for a disabled one.
 */
export async function actingCaller(
  sql: Sql,
  tables: Pick<Tables, "all">,
  signedIn: Caller,
  headers: ReadonlyMap<string, string>,
): Promise<Caller> {
  const object = headers.get("callerobjectid");
  const id = object ?? headers.get("mscrmcallerid");
  if (id === undefined) return signedIn;
  const by = object === undefined ? "systemuserid" : "azureactivedirectoryobjectid";
  if (!signedIn.privileges.has(ACT_FOR_OTHERS)) throw missingPrivilege(signedIn, ACT_FOR_OTHERS);
  if (!GUID.test(id))
    throw fault("InvalidArgument", `The header ${by === "systemuserid" ? "MSCRMCallerID" : "CallerObjectId"} must be a GUID.`);
  const other = await readCaller(sql, tables, { by, id });
  if (!other) throw doesNotExist("systemuser", id);
  if (other.userId === signedIn.userId) return signedIn;
  return { ...other, delegateId: signedIn.userId, privileges: inBoth(signedIn.privileges, other.privileges) };
}

/** What both hold, as far as it reaches in both. */
function inBoth(one: ReadonlyMap<string, Depth>, other: ReadonlyMap<string, Depth>): ReadonlyMap<string, Depth> {
  const both = new Map<string, Depth>();
  for (const [name, depth] of one) {
    const second = other.get(name);
    if (second) both.set(name, ORDER.indexOf(depth) < ORDER.indexOf(second) ? depth : second);
  }
  return both;
}
