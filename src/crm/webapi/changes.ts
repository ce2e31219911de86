import type { Sql } from "../../model/sql.ts";
import { ApiFault } from "./exchange.ts";
import type { Parameters } from "./parameters.ts";
import type { Table } from "./table.ts";

/** A point in the history of the CRM, from which on changes are told. */
export interface Since {
  /** Whatever a transaction with a lower number did was seen by who got the token. */
  readonly transaction: string;
}

/** The longest token that is looked at. */
const LONGEST_TOKEN = 100;

/** `919042.7218…!08/22/2017 08:10:44`: the transaction, the cluster in which its number means something, and when the token was made. */
const TOKEN = /^(\d{1,20})\.(\d{1,20})!(\d{2})\/(\d{2})\/(\d{4}) (\d{2}):(\d{2}):(\d{2})$/;

const CLUSTER = "(select system_identifier from pg_control_system())::text";

/**
 * A token from which changes can be asked for later (wire 7, change tracking). Ask for it before the first row is read, or in the same snapshot: what is
 * committed after that is told next time, twice at worst. A row carries the number of the transaction that wrote it, and the token the lowest number that
 * was still at work: so what was begun before and committed later is not missed.
 */
export async function changeToken(sql: Sql, now: Date): Promise<string> {
  const { rows } = await sql.query<{ transaction: string; cluster: string }>(
    `select pg_snapshot_xmin(pg_current_snapshot())::text as transaction, ${CLUSTER} as cluster`,
  );
  const [found] = rows;
  if (!found) throw new Error("The database did not tell its snapshot");
  const [day = "", time = ""] = now.toISOString().slice(0, 19).split("T");
  const [year, month, date] = day.split("-");
  return `${found.transaction}.${found.cluster}!${month}/${date}/${year} ${time}`;
}

/**
 * What a token stands for. Throws ApiFault where it is none, was made by another database (whose transactions count differently), lies in a future that
 * a restored database does not have, or is older than the organization keeps changes (`expirechangetrackingindays`): then everything must be read again.
 */
export async function readChangeToken(sql: Sql, token: string, now: Date): Promise<Since> {
  const parts = token.length <= LONGEST_TOKEN ? TOKEN.exec(token) : null;
  if (!parts) throw new ApiFault(400, "0x80040203", "The delta token is not one that this organization handed out.");
  const [, transaction = "", cluster = "", month, date, year, hour, minute, second] = parts;
  const madeAt = Date.parse(`${year}-${month}-${date}T${hour}:${minute}:${second}Z`);
  const { rows } = await sql.query<{ known: boolean; days: number }>(
    `select $1 = ${CLUSTER} and $2::numeric <= pg_snapshot_xmax(pg_current_snapshot())::text::numeric as known, ${DAYS_KEPT} as days from crm.organization row`,
    [cluster, transaction],
  );
  const [found] = rows;
  const fresh = found?.known === true && Number.isFinite(madeAt) && now.getTime() - madeAt <= found.days * 86_400_000;
  if (!fresh) throw new ApiFault(410, EXPIRED, "The delta token has expired. Read the whole table again.");
  return { transaction };
}

/** Dynamics' `ExpiredVersionStamp`. */
const EXPIRED = "0x80044352";

const DAYS_KEPT =
  "coalesce((row.settings ->> 'ExpireChangeTrackingInDays')::int, (row.settings ->> 'expirechangetrackingindays')::int, 30)";

/** An SQL predicate over the row named `row`: it was written since. For tables that track changes. */
export function changedSince(since: Since, parameters: Parameters): string {
  return `row.changedin >= ${parameters.add(since.transaction)}::text::xid8`;
}

/** The ids of the rows that were deleted since and are not there again, in order, after the one given; at most `limit`. */
export async function deletedSince(
  sql: Sql,
  table: Pick<Table, "name" | "from" | "key">,
  since: Since,
  { after, limit }: { readonly after?: string | null; readonly limit: number },
): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select gone.rowid as id from crm.deletedrow gone
     where gone.tablename = $1 and gone.deletedin >= $2::text::xid8 and ($3::uuid is null or gone.rowid > $3)
       and not exists (select from ${table.from} there where there.${table.key} = gone.rowid)
     order by gone.rowid limit $4`,
    [table.name, since.transaction, after ?? null, limit],
  );
  return rows.map(({ id }) => id);
}

/** How many rows were deleted since and are not there again. */
export async function countDeletedSince(sql: Sql, table: Pick<Table, "name" | "from" | "key">, since: Since): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int as count from crm.deletedrow gone
     where gone.tablename = $1 and gone.deletedin >= $2::text::xid8 and not exists (select from ${table.from} there where there.${table.key} = gone.rowid)`,
    [table.name, since.transaction],
  );
  return rows[0]?.count ?? 0;
}

/** Forgets deletions that no token is young enough to ask for, at most `limit` of them; returns how many. */
export async function forgetDeletions(sql: Sql, now: Date, limit: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from crm.deletedrow where (tablename, rowid) in (
       select gone.tablename, gone.rowid from crm.deletedrow gone cross join crm.organization row
       where gone.deletedon < $1::timestamptz - make_interval(days => ${DAYS_KEPT} + 1) order by gone.deletedon limit $2)`,
    [now, limit],
  );
  return rowCount ?? 0;
}
