import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "../database/database.ts";
import { type Queue, startQueue } from "./queue.ts";
import type { ReportJob } from "./workers.ts";

const unexpected: ReportJob = (error, where) => {
  throw new Error(`Reported for ${where.queue} ${where.key}`, { cause: error });
};

async function withQueue(database: Database, work: (queue: Queue) => Promise<void>, report: ReportJob = unexpected): Promise<void> {
  const queue = await startQueue(database, { report });
  try {
    await work(queue);
  } finally {
    await queue.stop({ gracefulSeconds: 5 });
  }
}

/** Counts runs per key and the most that ran at once: over all, and of one key. */
function watchRuns() {
  const runs = new Map<string, number>();
  const active = new Map<string, number>();
  const most = { together: 0, ofOneKey: 0 };
  return {
    runs,
    most,
    async run(key: string, work: () => Promise<void>) {
      runs.set(key, (runs.get(key) ?? 0) + 1);
      active.set(key, (active.get(key) ?? 0) + 1);
      const now = [...active.values()];
      most.together = Math.max(
        most.together,
        now.reduce((sum, one) => sum + one, 0),
      );
      most.ofOneKey = Math.max(most.ofOneKey, ...now);
      await work();
      active.set(key, (active.get(key) ?? 0) - 1);
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`It never came true: ${what}`);
    await sleep(10);
  }
}

onBothEngines("a wake reaches its handler by notification, not by the poll", async (database) => {
  await withQueue(database, async (queue) => {
    const times: number[] = [];
    let arrived = Promise.withResolvers<void>();
    queue.work("receive", { concurrency: 2 }, async () => arrived.resolve());
    for (let round = 0; round < 7; round += 1) {
      arrived = Promise.withResolvers();
      const start = performance.now();
      await queue.wake("receive", "mailbox");
      await arrived.promise;
      times.push(performance.now() - start);
    }
    // The poll comes once a second: seven rounds by it would have a median of half a second.
    const median = times.sort((a, b) => a - b)[3] ?? 0;
    assert.ok(median < 300, `median ${median} ms`);
  });
});

onBothEngines("waking a key that waits already adds nothing, and a wake during its run makes one more run", async (database) => {
  await withQueue(database, async (queue) => {
    for (let n = 0; n < 5; n += 1) await queue.wake("receive", "a");
    const runs: string[] = [];
    const [started, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    queue.work("receive", { concurrency: 4 }, async (key) => {
      runs.push(key);
      started.resolve();
      await goOn.promise;
    });
    await started.promise;
    for (let n = 0; n < 5; n += 1) await queue.wake("receive", "a");
    await sleep(50);
    assert.deepEqual(runs, ["a"]);
    goOn.resolve();
    await until(() => runs.length === 2, "the second run");
    await sleep(100);
    assert.deepEqual(runs, ["a", "a"]);
  });
});

onBothEngines("a backlog drains without pauses, many keys at a time and each key alone", async (database) => {
  await withQueue(database, async (queue) => {
    const keys = Array.from({ length: 40 }, (_, n) => `mailbox ${n}`);
    for (const key of keys) await queue.wake("send", key);
    const watch = watchRuns();
    const start = performance.now();
    queue.work("send", { concurrency: 5 }, (key) => watch.run(key, () => sleep(10)));
    await until(() => watch.runs.size === keys.length, "all keys ran");
    assert.equal(watch.most.together, 5);
    assert.equal(watch.most.ofOneKey, 1);
    // With one fetch per poll it would take 8 seconds and more.
    assert.ok(performance.now() - start < 5_000);
  });
});

onBothEngines("an error that escapes a handler is reported and blocks nothing", async (database) => {
  const reported: unknown[] = [];
  await withQueue(
    database,
    async (queue) => {
      let runs = 0;
      queue.work("receive", { concurrency: 1 }, async () => {
        runs += 1;
        if (runs === 1) throw new Error("escaped");
      });
      await queue.wake("receive", "a");
      await until(() => reported.length === 1, "the report");
      await queue.wake("receive", "a");
      await until(() => runs === 2, "the next run");
    },
    (error, where) => reported.push([String(error), where]),
  );
  assert.deepEqual(reported, [["Error: escaped", { queue: "receive", key: "a" }]]);
});

onBothEngines("a wake in a transaction takes effect with its commit, and not when it rolls back", async (database) => {
  await withQueue(database, async (queue) => {
    const runs: string[] = [];
    queue.work("receive", { concurrency: 4 }, async (key) => void runs.push(key));
    await assert.rejects(
      database.transaction(async (tx) => {
        await queue.wake("receive", "rolled back", tx);
        throw new Error("no");
      }),
    );
    await database.transaction((tx) => queue.wake("receive", "committed", tx));
    await until(() => runs.length > 0, "the run");
    await sleep(50);
    assert.deepEqual(runs, ["committed"]);
  });
});

onBothEngines("finished jobs leave nothing behind", async (database) => {
  await withQueue(database, async (queue) => {
    queue.work("receive", { concurrency: 4 }, async () => {});
    for (let n = 0; n < 10; n += 1) await queue.wake("receive", `${n}`);
    await until(async () => {
      const { rows } = await database.query("select id from pgboss.job union all select job_id from waypost.running_job");
      return rows.length === 0;
    }, "no rows");
  });
});

onBothEngines("stopping waits for handlers that end in time, and takes no new job", async (database) => {
  const queue = await startQueue(database, { report: unexpected });
  const runs: string[] = [];
  const started = Promise.withResolvers<void>();
  queue.work("receive", { concurrency: 1 }, async (key, signal) => {
    started.resolve();
    await sleep(100);
    assert.equal(signal.aborted, false);
    runs.push(key);
  });
  await queue.wake("receive", "a");
  await started.promise;
  await queue.wake("receive", "b");
  await queue.stop({ gracefulSeconds: 5 });
  assert.deepEqual(runs, ["a"]);
  const { rows } = await database.query("select singleton_key, state from pgboss.job");
  assert.deepEqual(rows, [{ singleton_key: "b", state: "created" }]);
});

onBothEngines("stopping aborts a handler that takes too long, and its key runs again at the next start", async (database) => {
  const queue = await startQueue(database, { report: unexpected });
  const started = Promise.withResolvers<void>();
  queue.work("receive", { concurrency: 1 }, async (_key, signal) => {
    started.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    // Follows the signal, but not at once.
    await sleep(2_500, undefined, { ref: false });
  });
  await queue.wake("receive", "a");
  await started.promise;
  await queue.stop({ gracefulSeconds: 0.05 });
  await withQueue(database, async (next) => {
    const ran = Promise.withResolvers<string>();
    next.work("receive", { concurrency: 1 }, async (key) => ran.resolve(key));
    assert.equal(await ran.promise, "a");
  });
});

onBothEngines("two hundred wakes at random moments: what was wanted last is always worked on afterwards", async (database) => {
  await withQueue(database, async (queue) => {
    const wanted = new Map<string, number>();
    const seen = new Map<string, number>();
    const watch = watchRuns();
    queue.work("receive", { concurrency: 3 }, (key) =>
      watch.run(key, async () => {
        const now = wanted.get(key) ?? 0;
        await sleep(Math.random() * 5);
        seen.set(key, now);
      }),
    );
    await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        await sleep(Math.random() * 400);
        const key = `k${n % 7}`;
        wanted.set(key, n);
        await queue.wake("receive", key);
      }),
    );
    await until(() => [...wanted].every(([key, n]) => seen.get(key) === n), "every key was worked on after its last wake");
    assert.equal(watch.most.ofOneKey, 1);
  });
});
