import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { Pool, type Poolable } from "./pool.ts";

interface Connection extends Poolable {
  usable: boolean;
}

/** Counts what is open and how much was open at most. */
function counter() {
  let open = 0;
  let most = 0;
  let opened = 0;
  const connect = async (): Promise<Connection> => {
    open++;
    opened++;
    most = Math.max(most, open);
    await turn();
    let closed = false;
    return {
      usable: true,
      close: async () => {
        open -= closed ? 0 : 1;
        closed = true;
        await turn();
      },
    };
  };
  return { connect, open: () => open, most: () => most, opened: () => opened };
}

const options = { limit: 2, idleTime: 1000, closed: () => new Error("closed"), keep: ({ usable }: Connection) => usable };

test("never more connections than the limit, whoever asks in whatever order, and all are served", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), dies: fc.boolean(), fresh: fc.boolean() }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 4 }),
      async (asks, limit) => {
        const count = counter();
        const pool = new Pool<Connection>({ ...options, limit });
        let served = 0;
        await Promise.all(
          asks.map(async ({ key, dies, fresh }) => {
            const lease = await pool.lease(key, count.connect, fresh);
            await turn();
            lease.connection.usable = !dies;
            served++;
            await lease.release();
          }),
        );
        assert.equal(served, asks.length);
        assert.ok(count.most() <= limit);
        await pool.close();
        assert.equal(count.open(), 0);
      },
    ),
    { numRuns: 50 },
  );
});

test("those who wait are served in the order of asking", async () => {
  const count = counter();
  const pool = new Pool<Connection>({ ...options, limit: 1 });
  const first = await pool.lease("a", count.connect);
  const order: number[] = [];
  const rest = [1, 2, 3].map(async (number) => {
    const lease = await pool.lease("a", count.connect);
    order.push(number);
    await lease.release();
  });
  await first.release();
  await Promise.all(rest);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(count.opened(), 1);
  await pool.close();
});

test("a connection that cannot be opened gives its place back", async () => {
  const pool = new Pool<Connection>({ ...options, limit: 1 });
  const no = new Error("refused");
  await assert.rejects(
    pool.lease("a", () => Promise.reject(no)),
    no,
  );
  const lease = await pool.lease("a", counter().connect);
  assert.equal(lease.reused, false);
  await lease.release();
  await pool.close();
});

test("an idle connection is closed after its time", async () => {
  const count = counter();
  const pool = new Pool<Connection>({ ...options, idleTime: 10 });
  await (await pool.lease("a", count.connect)).release();
  assert.equal(count.open(), 1);
  await sleep(40);
  assert.equal(count.open(), 0);
  await pool.close();
});
