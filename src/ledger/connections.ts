/** Connections to mail servers over all processes: who holds one, who stands in line for one, and how many there may be. */
import type { Sql, Transaction } from "../model/sql.ts";

/** What a connection is for: reading, sending, filing copies of what was sent, waiting for news, trying a mailbox out. */
export type Use = "receive" | "send" | "file" | "watch" | "check";

/** One connection: for which mailbox, and whom it counts for. */
export interface Wanted {
  readonly use: Use;
  readonly mailboxId: string;
  readonly profile: string;
  /** Lower case, without the port: reading and sending may meet on one host. */
  readonly host: string;
  /** Who signs in; empty where nobody does. */
  readonly account: string;
}

/** Somebody in the line. */
export interface Waiting extends Wanted {
  readonly turnAt: Date;
  /** Its work was woken, because there is room. */
  readonly called: boolean;
}

/** One limit and what counts for it. Several may hold for the same name: the smallest room decides. */
export interface Capacity {
  readonly kind: "profile" | "host" | "account";
  /** Name of the profile or host; an account with its host before it, parted by a line feed. */
  readonly name: string;
  readonly limit: number;
  /** The mail server taught it by refusing; otherwise it is configured. */
  readonly learned: boolean;
  readonly used: number;
  /** Those of `used` that wait for news. */
  readonly watches: number;
}

/** First half of the advisory locks under which places of a profile or host are given out. */
const LOCK_CLASS = 0x57_61_7a;

/**
 * Lets one transaction at a time give out places of these profiles and hosts, until it ends, and tells the database's time. Who finds no room
 * stands in the line before anybody who gives a place back looks at it.
 */
export async function lockPlaces(tx: Transaction, wanted: readonly Wanted[]): Promise<Date> {
  const names = wanted.flatMap(({ profile, host }) => [`profile ${profile}`, `host ${host}`]);
  const { rows } = await tx.query<{ at: Date }>(
    `select pg_advisory_xact_lock(${LOCK_CLASS}, key), clock_timestamp() as at
     from (select distinct hashtext(name) as key from unnest($1::text[]) as one (name) order by 1) as ordered`,
    [names],
  );
  return rows.at(-1)?.at ?? new Date();
}

/** Every limit with what counts for it now. */
export async function readCapacities(sql: Sql, now: Date): Promise<Capacity[]> {
  const { rows } = await sql.query<Capacity>(
    `with bound as (
       select 'profile' as kind, name, name as profile, null as host, null as account, max_concurrent_connections as "limit", false as learned from waypost.server_profile
       union all select 'host', name, null, name, null, max_connections, false from waypost.mail_host
       union all select 'host', host, null, host, null, connections, true from waypost.learned_limit where account = '' and until > $1
       union all select 'account', host || chr(10) || account, null, host, account, connections, true from waypost.learned_limit where account <> '' and until > $1)
     select kind, name, "limit", learned, count(id) as used, count(id) filter (where use = 'watch') as watches
     from bound left join waypost.connection on connection.profile = bound.profile
       or (connection.host = bound.host and (bound.account is null or connection.account = bound.account))
     group by kind, name, "limit", learned`,
    [now],
  );
  return rows;
}

/** The head of the line, in order: of each profile as many as could have a place if all were free. */
export async function readLine(sql: Sql): Promise<Waiting[]> {
  const { rows } = await sql.query<Waiting>(
    `select use, mailbox_id as "mailboxId", profile, host, account, turn_at as "turnAt", called_at is not null as called
     from waypost.server_profile cross join lateral (
       select * from waypost.connection_line where profile = name order by turn_at, mailbox_id limit max_concurrent_connections) as head
     order by turn_at, mailbox_id`,
  );
  return rows;
}

/** When it is the turn of one who stands in line already; null: he does not. */
export async function turnOf(sql: Sql, { use, mailboxId }: Wanted): Promise<Date | null> {
  const { rows } = await sql.query<{ turnAt: Date }>(
    `select turn_at as "turnAt" from waypost.connection_line where use = $1 and mailbox_id = $2`,
    [use, mailboxId],
  );
  return rows[0]?.turnAt ?? null;
}

/** Puts somebody into the line, or keeps him where he stands. */
export async function standInLine(sql: Sql, { use, mailboxId, profile, host, account }: Wanted, turnAt: Date): Promise<void> {
  await sql.query(
    `insert into waypost.connection_line (use, mailbox_id, profile, host, account, turn_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (use, mailbox_id) do update set profile = excluded.profile, host = excluded.host, account = excluded.account, called_at = null`,
    [use, mailboxId, profile, host, account, turnAt],
  );
}

export async function leaveLine(sql: Sql, { use, mailboxId }: Pick<Wanted, "use" | "mailboxId">): Promise<void> {
  await sql.query("delete from waypost.connection_line where use = $1 and mailbox_id = $2", [use, mailboxId]);
}

/** Notes that somebody is called. */
export async function noteCalled(tx: Transaction, waiting: readonly Waiting[]): Promise<void> {
  await tx.query(
    "update waypost.connection_line set called_at = clock_timestamp() where (use, mailbox_id) in (select * from unnest($1::text[], $2::uuid[]))",
    [waiting.map((one) => one.use), waiting.map((one) => one.mailboxId)],
  );
}

/** Forgets those who were called so many seconds ago and did not come: their work is woken and asks anew when it runs. */
export async function forgetAbsent(sql: Sql, seconds: number): Promise<void> {
  await sql.query("delete from waypost.connection_line where called_at < clock_timestamp() - make_interval(secs => $1)", [seconds]);
}

/** Whether anybody else stands in line for the same profile or host. */
export async function isWanted(sql: Sql, { profile, host, mailboxId }: Wanted): Promise<boolean> {
  const { rowCount } = await sql.query(
    "select from waypost.connection_line where (profile = $1 or host = $2) and mailbox_id <> $3 limit 1",
    [profile, host, mailboxId],
  );
  return rowCount > 0;
}

/** Gives places out: the caller has made sure that there is room. A mailbox that is watched already gets no second watch. Returns the ids given. */
export async function insertPlaces(
  tx: Transaction,
  holder: string,
  places: readonly (Wanted & { readonly id: string })[],
): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `insert into waypost.connection (id, holder, use, mailbox_id, profile, host, account)
     select id, $1, use, mailbox_id, profile, host, account
     from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[]) as one (id, use, mailbox_id, profile, host, account)
     on conflict do nothing returning id`,
    [
      holder,
      places.map((one) => one.id),
      places.map((one) => one.use),
      places.map((one) => one.mailboxId),
      places.map((one) => one.profile),
      places.map((one) => one.host),
      places.map((one) => one.account),
    ],
  );
  return rows.map((row) => row.id);
}

export async function deletePlaces(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql.query("delete from waypost.connection where id = any($1::uuid[])", [ids]);
}

/** Takes away what dead processes held, and what this one holds without knowing of it. */
export async function deleteStalePlaces(sql: Sql, living: Iterable<string>, holder: string, known: Iterable<string>): Promise<void> {
  await sql.query("delete from waypost.connection where not (holder = any($1::uuid[])) or (holder = $2 and not (id = any($3::uuid[])))", [
    [...living],
    holder,
    [...known],
  ]);
}

/** A mailbox that is watched, and the process that does it. */
export interface Watch {
  readonly id: string;
  readonly mailboxId: string;
  readonly holder: string;
}

export async function listWatches(sql: Sql): Promise<Watch[]> {
  const { rows } = await sql.query<Watch>(`select id, mailbox_id as "mailboxId", holder from waypost.connection where use = 'watch'`);
  return rows;
}

/** This process watches; those that do not live any more do not. Returns how many do. */
export async function countWatchers(tx: Transaction, living: Iterable<string>, me: string): Promise<number> {
  await tx.query("delete from waypost.watcher where not (instance_id = any($1::uuid[]))", [[...living]]);
  await tx.query("insert into waypost.watcher (instance_id) values ($1) on conflict do nothing", [me]);
  const { rows } = await tx.query<{ watchers: number }>("select count(*) as watchers from waypost.watcher");
  return rows[0]?.watchers ?? 1;
}

/** Whether one of these processes watches mailboxes. */
export async function isAnyWatching(sql: Sql, living: Iterable<string>): Promise<boolean> {
  const { rowCount } = await sql.query("select from waypost.watcher where instance_id = any($1::uuid[]) limit 1", [[...living]]);
  return rowCount > 0;
}

/** This process watches nothing any more. */
export async function forgetWatcher(sql: Sql, me: string): Promise<void> {
  await sql.query("delete from waypost.watcher where instance_id = $1", [me]);
}

/** How many connections are open to a host, of everybody or of one account. */
export async function countConnections(sql: Sql, host: string, account: string): Promise<number> {
  const { rows } = await sql.query<{ open: number }>(
    "select count(*) as open from waypost.connection where host = $1 and ($2 = '' or account = $2)",
    [host, account],
  );
  return rows[0]?.open ?? 0;
}

/** How many connections a host may be asked for by configuration: the smallest limit of the profiles that lead to it, or its own. */
export async function storeMailHosts(tx: Transaction, hosts: ReadonlyMap<string, number>): Promise<void> {
  await tx.query("delete from waypost.mail_host where not (name = any($1::text[]))", [[...hosts.keys()]]);
  await tx.query(
    `insert into waypost.mail_host (name, max_connections) select * from unnest($1::text[], $2::int[])
     on conflict (name) do update set max_connections = excluded.max_connections`,
    [[...hosts.keys()], [...hosts.values()]],
  );
}

/** A limit that a host taught us by refusing; `until` it is looked at again. */
export interface LearnedLimit {
  readonly host: string;
  readonly account: string;
  readonly profile: string;
  readonly connections: number;
  readonly until: Date;
}

export async function storeLearnedLimit(sql: Sql, { host, account, profile, connections, until }: LearnedLimit): Promise<void> {
  await sql.query(
    `insert into waypost.learned_limit as l (host, account, profile, connections, until) values ($1, $2, $3, $4, $5)
     on conflict (host, account) do update set profile = excluded.profile, until = excluded.until, connections = least(l.connections, excluded.connections)`,
    [host, account, profile, connections, until],
  );
}

/** Limits that hold now. */
export async function listLearnedLimits(sql: Sql, now: Date): Promise<LearnedLimit[]> {
  const { rows } = await sql.query<LearnedLimit>(
    "select host, account, profile, connections, until from waypost.learned_limit where until > $1 order by host, account",
    [now],
  );
  return rows;
}

/** Learned limits whose time is over get one more connection, until `next`; those that limit nothing any more are returned and forgotten. */
export async function easeLearnedLimits(sql: Sql, now: Date, next: Date): Promise<readonly { readonly profile: string }[]> {
  await sql.query("update waypost.learned_limit set connections = connections + 1, until = $2 where until <= $1", [now, next]);
  const { rows } = await sql.query<{ profile: string }>(
    `delete from waypost.learned_limit using waypost.server_profile where name = profile and connections >= max_concurrent_connections returning profile`,
  );
  return rows;
}
