import { PgBoss } from "pg-boss";
import type { Database, Transaction } from "../database/database.ts";
import { bossDatabase, bossTransaction } from "./boss-adapter.ts";

/** What a job is for: its key, the mailbox's id. */
export interface Job {
  readonly id: string;
  readonly key: string;
}

/**
 * The queue engine with the little that Waypost asks of it: at most one waiting and one running job per queue and key (policy
 * `stately`), and a note of which process runs which job. A finished job is deleted: what it did stands in the ledger.
 */
export class JobStore {
  readonly #database: Database;
  readonly #boss: PgBoss;

  private constructor(database: Database, boss: PgBoss) {
    this.#database = database;
    this.#boss = boss;
  }

  /** Makes or migrates the engine's schema and the queues. `onJob` is called when a queue got a job; null: any may have. */
  static async open(
    database: Database,
    queues: readonly string[],
    onJob: (queue: string | null) => void,
    report: (error: unknown) => void,
  ): Promise<JobStore> {
    const boss = new PgBoss({
      db: bossDatabase(database, onJob),
      backend: database.engine,
      schema: "pgboss",
      createSchema: false,
      useListenNotify: true,
      // No clock of the engine decides about a job: nothing expires (presence tells who died), retries, or is deleted for its age.
      supervise: false,
      schedule: false,
      registerInstance: false,
      openTelemetry: { enabled: false },
    });
    boss.on("error", report);
    boss.on("warning", (warning) => report(new Error(`The queue engine warns: ${warning.message}`)));
    await boss.start();
    for (const queue of queues) await boss.createQueue(queue, { policy: "stately", notify: true, retryLimit: 0 });
    return new JobStore(database, boss);
  }

  /** Makes a job wait for the key; there is no second one when one waits already. */
  async add(queue: string, key: string, within?: Transaction): Promise<void> {
    const db = within === undefined ? {} : { db: bossTransaction(within) };
    await this.#boss.send(queue, { key }, { singletonKey: key, ...db });
  }

  /** Takes up to `limit` waiting jobs whose keys have no running one, and notes this process as the one that runs them. */
  claim(queue: string, limit: number): Promise<readonly Job[]> {
    return this.#database.transaction(async (tx) => {
      const fetched = await this.#boss.fetch<{ key: string }>(queue, { batchSize: limit, db: bossTransaction(tx) });
      const jobs = fetched.map((job): Job => ({ id: job.id, key: job.data.key }));
      if (jobs.length === 0) return [];
      await tx.query(
        "insert into waypost.running_job (job_id, queue, key, holder) select id, $1, key, $2 from unnest($3::uuid[], $4::text[]) as job(id, key)",
        [queue, this.#database.presence.instanceId, jobs.map((job) => job.id), jobs.map((job) => job.key)],
      );
      return jobs;
    }, `claim jobs of ${queue}`);
  }

  async hasWaiting(queue: string): Promise<boolean> {
    const { rowCount } = await this.#database.query("select from pgboss.job where name = $1 and state = 'created' limit 1", [queue]);
    return rowCount > 0;
  }

  finish(queue: string, job: Job): Promise<void> {
    return this.#database.transaction(async (tx) => {
      await tx.query("delete from waypost.running_job where job_id = $1", [job.id]);
      await this.#boss.deleteJob(queue, job.id, { db: bossTransaction(tx) });
    }, `finish a job of ${queue}`);
  }

  /** Makes the job wait again, unless another one of its key waits already. Whoever comes first does it, others do nothing. */
  putBack(queue: string, job: Job): Promise<void> {
    return this.#database.transaction(async (tx) => {
      const { rowCount } = await tx.query("delete from waypost.running_job where job_id = $1", [job.id]);
      if (rowCount === 0) return;
      await this.#boss.deleteJob(queue, job.id, { db: bossTransaction(tx) });
      await this.add(queue, job.key, tx);
    }, `put back a job of ${queue}`);
  }

  /** Puts back what dead processes ran. */
  async reclaimFromDead(): Promise<void> {
    const { presence } = this.#database;
    const others = "select job_id, queue, key, holder from waypost.running_job where holder <> $1";
    const { rows } = await this.#database.query<RunningRow>(others, [presence.instanceId]);
    if (rows.length === 0) return;
    const living = await presence.living();
    for (const row of rows) if (!living.has(row.holder)) await this.putBack(row.queue, { id: row.job_id, key: row.key });
  }

  /** Puts back what this process claimed and does not know of: the connection broke just when the claim was committed. */
  async reclaimUnknown(queue: string, known: Iterable<string>): Promise<void> {
    const { rows } = await this.#database.query<RunningRow>(
      "select job_id, queue, key, holder from waypost.running_job where queue = $1 and holder = $2 and job_id <> all($3::uuid[])",
      [queue, this.#database.presence.instanceId, [...known]],
    );
    for (const row of rows) await this.putBack(row.queue, { id: row.job_id, key: row.key });
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: false });
  }
}

interface RunningRow {
  readonly job_id: string;
  readonly queue: string;
  readonly key: string;
  readonly holder: string;
}
