import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "../database/database.ts";
import { type Lease, LeaseLost, leaseKey, raise, wake, withLease } from "./lease.ts";
import { startQueue } from "./queue.ts";

async function row(database: Database, key: string) {
  const { rows } = await database.query<{ holder: string | null; token: number }>(
    "select holder, token from waypost.lease where key = $1",
    [key],
  );
  return rows[0];
}

onBothEngines("each taking of a lease has a greater token, and giving it back frees it", async (database) => {
  const me = database.presence.instanceId;
  const tokens: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    const result = await withLease(database, "k", me, async (lease) => {
      tokens.push(lease.token);
      assert.equal((await row(database, "k"))?.holder, me);
    });
    assert.equal(result, "done");
  }
  assert.deepEqual(tokens, [1, 2, 3]);
  assert.equal((await row(database, "k"))?.holder, null);
});

onBothEngines("a lease that is held is refused, and its holder goes round once more", async (database) => {
  const me = database.presence.instanceId;
  let rounds = 0;
  const result = await withLease(database, "k", me, async () => {
    rounds += 1;
    if (rounds === 1) assert.equal(await withLease(database, "k", me, () => assert.fail("both at once")), "busy");
  });
  assert.equal(result, "done");
  assert.equal(rounds, 2);
});

onBothEngines("a wake raised during the work makes it run again before the lease is given back", async (database) => {
  let rounds = 0;
  await withLease(database, "k", database.presence.instanceId, async () => {
    rounds += 1;
    if (rounds < 4) await raise(database, "k");
  });
  assert.equal(rounds, 4);
});

onBothEngines("an error of the work is thrown on and the lease is free", async (database) => {
  const me = database.presence.instanceId;
  const attempt = withLease(database, "k", me, async () => {
    throw new Error("no server");
  });
  await assert.rejects(attempt, /no server/);
  assert.equal((await row(database, "k"))?.holder, null);
});

onBothEngines("the lease of a dead holder is taken over at once", async (database) => {
  await database.query("insert into waypost.lease (key, holder, token) values ('k', $1, 7)", [randomUUID()]);
  await withLease(database, "k", database.presence.instanceId, async (lease) => assert.equal(lease.token, 8));
});

onBothEngines("a lease that this process could not give back is taken again", async (database) => {
  const me = database.presence.instanceId;
  await database.query("insert into waypost.lease (key, holder, token) values ('k', $1, 7)", [me]);
  assert.equal(await withLease(database, "k", me, async () => {}), "done");
});

onBothEngines("a holder that was taken over cannot commit", async (database) => {
  const commitUnder = (lease: Lease) =>
    database.transaction(async (tx) => {
      await lease.assertHeld(tx);
      await tx.query("insert into waypost.organization (name, kind) values ('committed', 'embedded')");
    });
  const zombie = withLease(database, "k", database.presence.instanceId, async (lease) => {
    await database.query("update waypost.lease set holder = $1, token = token + 1 where key = 'k'", [randomUUID()]);
    await commitUnder(lease);
  });
  await assert.rejects(zombie, (error) => error instanceof LeaseLost && error.key === "k");
  assert.equal((await database.query("select from waypost.organization")).rowCount, 0);
  assert.equal((await row(database, "k"))?.token, 2);
});

onBothEngines("with queue and lease together no wake is lost", async (database) => {
  const queue = await startQueue(database, { report: (error) => assert.fail(String(error)) });
  try {
    const wanted = new Map<string, number>();
    const seen = new Map<string, number>();
    queue.work("receive", { concurrency: 4 }, async (key) => {
      await withLease(database, leaseKey("receive", key), database.presence.instanceId, async () => {
        const now = wanted.get(key) ?? -1;
        await sleep(Math.random() * 4);
        seen.set(key, now);
      });
    });
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        await sleep(Math.random() * 300);
        wanted.set(`k${n % 3}`, n);
        await wake(queue, database, "receive", `k${n % 3}`);
      }),
    );
    const end = Date.now() + 20_000;
    while (![...wanted].every(([key, n]) => seen.get(key) === n)) {
      assert.ok(Date.now() < end, "a wake was lost");
      await sleep(10);
    }
  } finally {
    await queue.stop({ gracefulSeconds: 5 });
  }
});
