import type { Caller, Depth } from "./caller.ts";
import { ApiFault } from "./exchange.ts";
import type { Parameters } from "./parameters.ts";
import type { Table } from "./table.ts";

/** What can be done with a row, as the first half of a privilege's name says it. */
export type Action = "Read" | "Write" | "Create" | "Delete" | "Append" | "AppendTo" | "Assign" | "Share";

/** Rows that belong to a principal by another column than `ownerid`: a user to itself, a team to its members. */
const OWNER_BY: ReadonlyMap<string, string> = new Map([
  ["systemuser", "row.systemuserid"],
  ["usersettings", "row.systemuserid"],
  ["team", "row.teamid"],
]);

interface Following {
  readonly column: string;
  /** The rows that they belong to. */
  readonly from: string;
  readonly key: string;
  /** Those rows are shared by who is on them. */
  readonly shared: boolean;
  /** What one must be allowed to do with such a row, to do anything but read with those that belong to it. */
  readonly change: Action;
  /** Rows of another table with a privilege of its own that they can belong to as well. */
  readonly also?: { readonly from: string; readonly key: string; readonly privilege: string };
}

/** Rows without an owner of their own: who may do something with the row that they belong to, may do it with them. */
const FOLLOWS: ReadonlyMap<string, Following> = new Map<string, Following>([
  ["activityparty", { column: "row.activityid", from: "crm.activitypointer", key: "row.activityid", shared: true, change: "Write" }],
  [
    "activitymimeattachment",
    {
      column: "row.objectid",
      from: "crm.activitypointer",
      key: "row.activityid",
      shared: true,
      change: "Write",
      also: { from: "crm.template", key: "row.templateid", privilege: "EmailTemplate" },
    },
  ],
  // As Microsoft documents it: prvAppendToQueue is the privilege to create, update and delete queue items; there is none of their own.
  ["queueitem", { column: "row.queueid", from: "crm.queue", key: "row.queueid", shared: false, change: "AppendTo" }],
]);

/**
 * An SQL predicate over the alias `row`: true of the rows of `table` with which `caller` may do `action`, by the depth of the caller's privilege and the
 * row's owner, a user or team; the business unit of a row is its owner's. "true": with every row. For Create it is asked of the row as it has become.
 * A row that nobody owns is there for who holds the privilege globally. Emails can moreover be read by the users on them (product-behaviour 10.2,
 * DisableImplicitSharingOfCommunicationActivities). Parties and attachments follow their activity, queue items their queue. Rows shared one by one (principalobjectaccess) do
 * not exist. Throws ApiFault 403 0x80040220 where the caller does not hold the privilege at all.
 */
export function rowsThatMay(caller: Caller, table: Table, action: Action, parameters: Parameters): string {
  const follows = FOLLOWS.get(table.name);
  const asked = follows && action !== "Read" ? follows.change : action;
  const depth = depthOf(caller, table, asked);
  if (follows) {
    if (depth === "global") return "true";
    const parents = or(ownedWithin(caller, depth, "row.ownerid", parameters), follows.shared && readByParty(caller, asked, parameters));
    const belongs = `${follows.column} in (select ${follows.key} from ${follows.from} row where ${parents})`;
    return or(belongs, belongsElsewhere(caller, follows, asked, parameters));
  }
  const owner = ownerOf(table);
  if (owner === null || depth === "global") return "true";
  const activity = table.privilege === "Activity" && table.key === "activityid";
  return or(ownedWithin(caller, depth, owner, parameters), activity && readByParty(caller, asked, parameters));
}

function belongsElsewhere(caller: Caller, { column, also }: Following, asked: Action, parameters: Parameters): string | false {
  const depth = also && caller.privileges.get(`prv${asked}${also.privilege}`);
  if (!depth) return false;
  const parents = depth === "global" ? "true" : ownedWithin(caller, depth, "row.ownerid", parameters);
  return `${column} in (select ${also.key} from ${also.from} row where ${parents})`;
}

/** `prv<Action><Entity>`, with the depth that the caller holds it in. Throws ApiFault 403 0x80040220 where it is not held. */
function depthOf(caller: Caller, table: Table, action: Action): Depth {
  const name = `prv${action}${table.privilege}`;
  const depth = caller.privileges.get(name);
  if (depth) return depth;
  throw missingPrivilege(caller, name, ` on entity '${table.name}'`);
}

/** The refusal of a privilege that the caller does not hold: 403 0x80040220 in Dynamics' words. */
export function missingPrivilege(caller: Pick<Caller, "userId">, name: string, on = ""): ApiFault {
  return new ApiFault(403, "0x80040220", `Principal user (Id=${caller.userId}, type=8) is missing ${name} privilege${on}.`);
}

/** SQL of the principal that a row belongs to; null: rows of the table belong to nobody. */
function ownerOf(table: Table): string | null {
  const other = OWNER_BY.get(table.name);
  if (other) return other;
  if (table.ownership !== "owned") return null;
  return table.columns.find((column) => column.name === "ownerid")?.read ?? "row.ownerid";
}

function ownedWithin(caller: Caller, depth: Exclude<Depth, "global">, owner: string, parameters: Parameters): string {
  const own = `${owner} = any(${parameters.add([caller.userId, ...caller.teamIds], "uuid[]")})`;
  if (depth === "basic") return own;
  const unit = parameters.add(caller.businessUnitId, "uuid");
  const units = depth === "local" ? `= ${unit}` : `in (select crm.businessunits_below(${unit}))`;
  return `(${own} or ${owner} in (select systemuserid from crm.systemuser where businessunitid ${units}
    union all select teamid from crm.team where businessunitid ${units}))`;
}

/** The users on an email share it, for reading. */
function readByParty(caller: Caller, action: Action, parameters: Parameters): string | false {
  if (action !== "Read") return false;
  return `(row.activityid in (select activityid from crm.activityparty where partyid = ${parameters.add(caller.userId, "uuid")})
    and not exists (select from crm.organization where settings ->> 'DisableImplicitSharingOfCommunicationActivities' = 'true'))`;
}

function or(one: string, other: string | false): string {
  return other === false ? one : `(${one} or ${other})`;
}
