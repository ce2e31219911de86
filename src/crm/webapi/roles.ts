import type { Sql } from "../../model/sql.ts";
import { storableJson } from "../../model/text.ts";
import type { Depth } from "./caller.ts";
import type { BuiltInRole } from "./roles/role.ts";
import { SYSTEM_ADMINISTRATOR } from "./roles/system-administrator.ts";
import { WAYPOST_SERVICE } from "./roles/waypost-service.ts";

/** The roles that every organization has. */
export const BUILT_IN_ROLES: readonly BuiltInRole[] = [SYSTEM_ADMINISTRATOR, WAYPOST_SERVICE];

/** `privilegedepthmask` of each depth. */
const MASKS: Readonly<Record<Depth, number>> = { basic: 1, local: 2, deep: 4, global: 8 };

/** The depth that a `privilegedepthmask` of the database says. */
export function depthOfMask(mask: number): Depth {
  return mask >= 8 ? "global" : mask >= 4 ? "deep" : mask >= 2 ? "local" : "basic";
}

/** Makes the roles that come with the program, or gives them the privileges that they have now. Must run in a transaction. */
export async function putBuiltInRoles(sql: Sql): Promise<void> {
  for (const { templateId, name, privileges } of BUILT_IN_ROLES)
    await putRole(sql, { templateId, name, privileges: privileges === "everything" ? {} : privileges });
}

/** A role as it is stored. `templateId` null: one of the organization's own, known by its name. */
export interface StoredRole {
  readonly templateId: string | null;
  readonly name: string;
  readonly privileges: Readonly<Record<string, Depth>>;
}

/** Makes a role in the root business unit, or replaces its privileges, and returns its id. Must run in a transaction. */
export async function putRole(sql: Sql, { templateId, name, privileges }: StoredRole): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `with known as (
       select roleid from crm.role where roletemplateid is not distinct from $1 and ($1::uuid is not null or (name = $2 and businessunitid = crm.root_businessunit()))
     ), made as (
       insert into crm.role (name, roletemplateid) select $2, $1 where not exists (select from known) returning roleid
     ) select roleid as id from known union all select roleid from made`,
    [templateId, name],
  );
  const [role] = rows;
  if (!role) throw new Error(`the role ${name} was neither found nor made`);
  const held = Object.entries(privileges).map(([privilege, depth]) => ({ privilege, mask: MASKS[depth] }));
  const given = "jsonb_to_recordset($2::jsonb) given (privilege text, mask smallint)";
  await sql.query(
    `insert into crm.roleprivileges as old (roleid, privilege, privilegedepthmask) select $1, privilege, mask from ${given}
     on conflict (roleid, privilege) do update set privilegedepthmask = excluded.privilegedepthmask where old.privilegedepthmask <> excluded.privilegedepthmask`,
    [role.id, storableJson(held)],
  );
  await sql.query("delete from crm.roleprivileges where roleid = $1 and not privilege = any($2::text[])", [
    role.id,
    held.map((one) => one.privilege),
  ]);
  return role.id;
}

/** Gives each of these users exactly these roles, by ids and names of roles of the root business unit. Must run in a transaction. */
export async function putUserRoles(sql: Sql, roles: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const users = [...roles.keys()];
  const pairs = storableJson([...roles].flatMap(([userid, names]) => names.map((name) => ({ userid, name }))));
  const wanted = `select given.userid, role.roleid from jsonb_to_recordset($1::jsonb) given (userid uuid, name text)
    join crm.role on role.name = given.name and role.businessunitid = crm.root_businessunit()`;
  await sql.query(`insert into crm.systemuserroles (systemuserid, roleid) ${wanted} on conflict do nothing`, [pairs]);
  await sql.query(
    `delete from crm.systemuserroles held where systemuserid = any($2::uuid[]) and not exists (select from (${wanted}) wanted where (wanted.userid, wanted.roleid) = (held.systemuserid, held.roleid))`,
    [pairs, users],
  );
}
