import { randomUUID } from "node:crypto";
import os from "node:os";
import type { Presence } from "./database.ts";
import type { Rows } from "./engine.ts";

type Ask = (text: string, values: readonly unknown[]) => Promise<Rows>;

/** First half of the two-part advisory locks that stand for living processes; the second half is `waypost.instance.lock_key`. */
export const PRESENCE_LOCK_CLASS = 0x57_61_79;
/** Rows of the dead are kept for a while, so that whatever they held can be found by their ids. */
const KEPT_DAYS = 30;

export interface Joined {
  readonly presence: Presence;
  /** Takes the row away: this process ended in good order. */
  readonly leave: () => Promise<void>;
}

/** Presence on PGlite: the folder lock proves that this process is the only one. */
export async function joinAlone(ask: Ask): Promise<Joined> {
  const instanceId = randomUUID();
  await ask("delete from waypost.instance where started_at < now() - make_interval(days => $1)", [KEPT_DAYS]);
  await ask("insert into waypost.instance (id, host, pid) values ($1, $2, $3)", [instanceId, os.hostname(), process.pid]);
  return {
    presence: {
      instanceId,
      living: async () => new Set([instanceId]),
      deadInstances: async () => ids(await ask("select id from waypost.instance where id <> $1", [instanceId])),
    },
    leave: () => remove(ask, instanceId),
  };
}

/** The lock is held by some session now. Looking into pg_locks disturbs nobody; trying the lock could keep its owner from taking it again. */
const ALIVE = `exists (
  select from pg_locks l join pg_database d on d.oid = l.database
  where l.locktype = 'advisory' and l.granted and d.datname = current_database()
    and l.classid = ${PRESENCE_LOCK_CLASS} and l.objid = i.lock_key::int4 and l.objsubid = 2)`;

/**
 * Presence on PostgreSQL. `askOnSession` is the dedicated session that holds the lock, `ask` any session. The row becomes visible
 * together with the lock, so that a process that just started is never taken for a dead one. `takeLock` is called again on every
 * new dedicated session until it gives true: the server may need a while to notice that the old one is gone.
 */
export async function joinOthers(askOnSession: Ask, ask: Ask): Promise<Joined & { readonly takeLock: () => Promise<boolean> }> {
  const instanceId = randomUUID();
  await ask(`delete from waypost.instance i where started_at < now() - make_interval(days => $1) and not ${ALIVE}`, [KEPT_DAYS]);
  const takeLock = async (): Promise<boolean> => {
    const { rows } = await askOnSession(
      `with mine as (insert into waypost.instance as i (id, host, pid) values ($1, $2, $3)
         on conflict (id) do update set pid = excluded.pid returning lock_key)
       select pg_try_advisory_lock(${PRESENCE_LOCK_CLASS}, lock_key::int4) as taken from mine`,
      [instanceId, os.hostname(), process.pid],
    );
    return rows[0]?.taken === true;
  };
  await takeLock();
  return {
    presence: {
      instanceId,
      living: async () => new Set(ids(await ask(`select id from waypost.instance i where ${ALIVE}`, []))).add(instanceId),
      deadInstances: async () => ids(await ask(`select id from waypost.instance i where id <> $1 and not ${ALIVE}`, [instanceId])),
    },
    takeLock,
    leave: () => remove(askOnSession, instanceId),
  };
}

async function remove(ask: Ask, instanceId: string): Promise<void> {
  await ask("delete from waypost.instance where id = $1", [instanceId]);
}

function ids(result: Rows): string[] {
  return result.rows.map((row) => String(row.id));
}
