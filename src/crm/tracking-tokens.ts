import type { OrganizationSettings } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { nextToken, tokensAreOn } from "../tracking/token.ts";

/**
 * The next token of a user, or of the organization for mail of no user. One statement takes the number and moves the counter on, so that
 * no two emails get the same; the counter starts again at 0 after `maximumtrackingnumber` (product-behaviour 4.6).
 * Null where tokens are switched off.
 */
export async function allotToken(sql: Sql, settings: OrganizationSettings, userId: string | null): Promise<string | null> {
  if (!tokensAreOn(settings)) return null;
  const taken = `case when nexttrackingnumber > $1 then 0 else nexttrackingnumber end`;
  const moved = `nexttrackingnumber = case when before.taken >= $1 then 0 else before.taken + 1 end`;
  const { rows } = await sql.query<{ number: number; taken: number }>(
    `update crm.usersettings owner set ${moved}
     from (select systemuserid, ${taken} as taken from crm.usersettings where systemuserid = $2 for update) before
     where owner.systemuserid = before.systemuserid returning owner.trackingtokenid as number, before.taken`,
    [settings.maximumtrackingnumber, userId],
  );
  if (rows[0]) return nextToken(settings, rows[0].number, rows[0].taken);
  const { rows: common } = await sql.query<{ taken: number }>(
    `update crm.organization owner set ${moved}
     from (select organizationid, ${taken} as taken from crm.organization for update) before
     where owner.organizationid = before.organizationid returning before.taken`,
    [settings.maximumtrackingnumber],
  );
  return common[0] ? nextToken(settings, 0, common[0].taken) : null;
}
