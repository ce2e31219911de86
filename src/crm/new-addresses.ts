import type { Sql } from "../model/sql.ts";

/** Milliseconds after which an address is told a second time: by then what was being decided when it was told first is stored. */
const TOLD_AGAIN_AFTER = 600_000;

/** Whether addresses are noted from now on that contacts, accounts and leads get; those that nobody asked for are forgotten. */
export async function tellNewAddresses(sql: Sql, wanted: boolean): Promise<void> {
  await sql.query("update crm.organization set tellsnewaddresses = $1 where tellsnewaddresses <> $1", [wanted]);
  if (!wanted) await sql.query("delete from crm.newaddress");
}

/**
 * Takes addresses (key form) that active contacts, accounts and leads got: at most `limit` of those that were never told, and as many of those that are told
 * once more. Each is told at once, and again later: what looked its sender up before and is stored after the first time would be passed by. Whoever asks at the same moment is told others.
 */
export async function newAddresses(sql: Sql, limit: number, now: Date): Promise<string[]> {
  const { rows } = await sql.query<{ address: string }>(
    // Each part from the beginning of its index: an import of millions leaves as many rows.
    `with first as (select id, emailaddress from crm.newaddress where toldon is null order by id limit $1 for update skip locked),
     again as (select id, emailaddress from crm.newaddress where toldon <= $2 order by toldon limit $1 for update skip locked),
     kept as (update crm.newaddress set toldon = $3 from first where newaddress.id = first.id),
     gone as (delete from crm.newaddress using again where newaddress.id = again.id)
     select emailaddress as address from first union select emailaddress from again`,
    [limit, new Date(now.getTime() - TOLD_AGAIN_AFTER), now],
  );
  return rows.map((row) => row.address);
}
