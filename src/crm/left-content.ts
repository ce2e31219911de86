import type { Sql } from "../model/sql.ts";

/**
 * Deletes bodies that an email or attachment named that is gone, where no other one names them; at most `limit` are looked at. Returns how many were.
 * Goes through all emails once: seldom asked for, and better for many bodies at a time. Must run in a transaction: the bodies are locked before it is asked who names them, so that a delivery that
 * needs one of them either keeps it or stores it anew (see missingContent). One that another transaction has in hand is left for another time.
 */
export async function purgeLeftContent(sql: Sql, limit: number): Promise<number> {
  const { rows } = await sql.query<{ hash: string }>(
    "select content.hash from crm.leftcontent join crm.content using (hash) order by hash limit $1 for update skip locked",
    [limit],
  );
  const hashes = rows.map((row) => row.hash);
  if (hashes.length === 0) return 0;
  await sql.query(
    // Joined, not looked up in the list for each email: the list is long.
    `with looked as (select unnest($1::text[]) as hash),
     named as (
       select hash from (
         select unnest(array[descriptionhash, plaintexthash, replytexthash]) as hash from crm.email
         union all select hash from crm.activitymimeattachment) every join looked using (hash))
     update crm.content set body = null where hash in (select hash from looked except select hash from named)`,
    [hashes],
  );
  await sql.query("delete from crm.leftcontent where hash = any($1::text[])", [hashes]);
  return hashes.length;
}
