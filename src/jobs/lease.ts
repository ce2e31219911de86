/**
 * The fence around the work of one key. The queue keeps two workers from one mailbox as long as everybody is well; the lease keeps a
 * process that was taken for dead, and is not, from committing anything after somebody else went on with its work.
 */
import type { Database, Sql, Transaction } from "../database/database.ts";
import type { Queue, QueueName } from "./queue.ts";

export interface Lease {
  readonly key: string;
  /** Grows with each taking. */
  readonly token: number;
  /** Throws {@link LeaseLost} unless this taking still holds; until the transaction ends nobody can take the lease over. */
  assertHeld(tx: Transaction): Promise<void>;
}

/** Somebody else has taken over the work: the transaction must not commit. */
export class LeaseLost extends Error {
  readonly key: string;

  constructor(key: string) {
    super(`The lease "${key}" was taken over by another process; what was not committed is left to it.`);
    this.name = "LeaseLost";
    this.key = key;
  }
}

/** Leases that flows of this process hold, by database: the row alone cannot tell a running flow from one that could not give back. */
const heldHere = new WeakMap<Database, Set<string>>();

/**
 * Runs `work` under the lease of the key, and again for as long as a wake was raised meanwhile. `busy`: a living holder has it; a wake
 * was raised for him in the same step, so that he does the work before he ends. An error of `work` gives the lease back and is thrown on.
 */
export async function withLease(
  database: Database,
  key: string,
  instanceId: string,
  work: (lease: Lease) => Promise<void>,
): Promise<"done" | "busy"> {
  const held = heldHere.get(database) ?? new Set();
  heldHere.set(database, held);
  if (held.has(key)) {
    await raise(database, key);
    return "busy";
  }
  held.add(key);
  try {
    const taken = await take(database, key, instanceId);
    if (taken === null) return "busy";
    await workUntilQuiet(database, leaseOf(key, taken.token, instanceId), taken.wakes, work);
    return "done";
  } finally {
    held.delete(key);
  }
}

/** Asks whoever works under the key to go round once more before he ends. */
export async function raise(sql: Sql, key: string): Promise<void> {
  await sql.query("insert into waypost.lease as l (key, wakes) values ($1, 1) on conflict (key) do update set wakes = l.wakes + 1", [key]);
}

/** The key of the lease under which a queue's key is worked on: `receive:<mailbox>`. */
export function leaseKey(name: QueueName, key: string): string {
  return `${name}:${key}`;
}

/** Wants the work of a key done: by who is at it now, and else by a new job. No wake is lost. In a transaction it takes effect with the commit. */
export async function wake(queue: Queue, database: Sql, name: QueueName, key: string, within?: Transaction): Promise<void> {
  await raise(within ?? database, leaseKey(name, key));
  await queue.wake(name, key, within);
}

async function workUntilQuiet(
  database: Database,
  lease: Lease,
  wakesAtStart: number,
  work: (lease: Lease) => Promise<void>,
): Promise<void> {
  let wakes: number | null = wakesAtStart;
  try {
    while (wakes !== null) {
      await work(lease);
      wakes = await giveBackUnlessWoken(database, lease, wakes);
    }
  } catch (error) {
    await giveBack(database, lease, error);
  }
}

interface Taken {
  readonly token: number;
  readonly wakes: number;
}

/** Takes the lease when nobody alive holds it, else raises a wake for the holder, in one statement: between the two he could end. */
async function take(database: Database, key: string, instanceId: string): Promise<Taken | null> {
  // This process itself counts as gone: the caller has made sure that none of its flows holds the key.
  const others = [...(await database.presence.living())].filter((id) => id !== instanceId);
  const { rows } = await database.query<{ token: number; wakes: number; taken: boolean }>(
    `insert into waypost.lease as l (key, holder, token, taken_at) values ($1, $2, 1, now())
     on conflict (key) do update set
       holder = case when l.holder = any($3::uuid[]) then l.holder else excluded.holder end,
       token = case when l.holder = any($3::uuid[]) then l.token else l.token + 1 end,
       taken_at = case when l.holder = any($3::uuid[]) then l.taken_at else now() end,
       wakes = case when l.holder = any($3::uuid[]) then l.wakes + 1 else l.wakes end
     returning token, wakes, holder = $2 as taken`,
    [key, instanceId, others],
  );
  const row = rows[0];
  return row?.taken ? { token: row.token, wakes: row.wakes } : null;
}

function leaseOf(key: string, token: number, instanceId: string): Lease {
  return {
    key,
    token,
    async assertHeld(tx) {
      // FOR SHARE: whoever wants to take the lease over waits for the end of this transaction.
      const { rowCount } = await tx.query("select from waypost.lease where key = $1 and holder = $2 and token = $3 for share", [
        key,
        instanceId,
        token,
      ]);
      if (rowCount === 0) throw new LeaseLost(key);
    },
  };
}

/** Null when the lease was given back, else the number of wakes to start the next round with. */
async function giveBackUnlessWoken(database: Database, lease: Lease, wakes: number): Promise<number | null> {
  const { rows } = await database.query<{ wakes: number }>(
    `update waypost.lease set holder = case when wakes = $3 then null else holder end
     where key = $1 and token = $2 and holder is not null returning wakes`,
    [lease.key, lease.token, wakes],
  );
  const now = rows[0]?.wakes;
  if (now === undefined) throw new LeaseLost(lease.key);
  return now === wakes ? null : now;
}

/** Gives the lease back after an error and throws it on. When the database is away the row stays as it is; the next taking here sees through it. */
async function giveBack(database: Database, lease: Lease, error: unknown): Promise<never> {
  const giving = database.query("update waypost.lease set holder = null where key = $1 and token = $2", [lease.key, lease.token]);
  await giving.catch(() => undefined);
  throw error;
}
