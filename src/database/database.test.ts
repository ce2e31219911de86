import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "./database.ts";
import { isTransient, SqlError } from "./sql-error.ts";
import { TransactionHeld } from "./transaction-guard.ts";

async function numbers(database: Database): Promise<number[]> {
  const { rows } = await database.query<{ n: number }>("select n from t order by n");
  return rows.map((row) => row.n);
}

onBothEngines("every type is read and written the same", async (database) => {
  const instant = new Date("2026-03-01T12:34:56.789Z");
  const { rows } = await database.query(
    `select $1::int as int, $2::bigint as big, $3::float8 as float, $4::text as text, $5::boolean as yes, $6::timestamptz as instant,
       $7::date as day, $8::bytea as bytes, $9::jsonb as json, $10::numeric as numeric, $11::uuid as uuid, $12::text as nothing,
       $7::timestamp as local, interval '90 minutes' as span, count(*) as count, 'a'::varchar as varchar, 7::smallint as small`,
    [
      1,
      Number.MAX_SAFE_INTEGER,
      1.5,
      `quote " back \\ brace {} 日本`,
      true,
      instant,
      "2026-03-01",
      Buffer.from([0, 255, 92]),
      JSON.stringify({ a: [1, null] }),
      "12345678901234567890.10",
      "0190a0b0-0000-7000-8000-000000000001",
      null,
    ],
  );
  assert.deepEqual(rows, [
    {
      int: 1,
      big: Number.MAX_SAFE_INTEGER,
      float: 1.5,
      text: `quote " back \\ brace {} 日本`,
      yes: true,
      instant,
      day: "2026-03-01",
      bytes: Buffer.from([0, 255, 92]),
      json: { a: [1, null] },
      numeric: "12345678901234567890.10",
      uuid: "0190a0b0-0000-7000-8000-000000000001",
      nothing: null,
      local: "2026-03-01 00:00:00",
      span: "01:30:00",
      count: 1,
      varchar: "a",
      small: 7,
    },
  ]);
});

onBothEngines("arrays keep their elements whatever they hold", async (database) => {
  const texts = ['"', "\\", "{a,b}", "NULL", "", null, "line\nbreak"];
  const instant = new Date("2026-03-01T12:34:56.789Z");
  const { rows } = await database.query(
    `select $1::text[] as texts, $2::bigint[] as bigs, $3::timestamptz[] as instants, $4::bytea[] as bytes, $5::int[] as nested,
       $6::uuid[] as uuids, $7::text[] as empty, array['2026-03-01'::date] as days, $8::boolean[] as yes`,
    [
      texts,
      [1, null, Number.MAX_SAFE_INTEGER],
      [instant],
      [Buffer.from([1, 0]), Buffer.alloc(0)],
      [
        [1, 2],
        [3, 4],
      ],
      ["0190a0b0-0000-7000-8000-000000000001"],
      [],
      [true, false],
    ],
  );
  assert.deepEqual(rows, [
    {
      texts,
      bigs: [1, null, Number.MAX_SAFE_INTEGER],
      instants: [instant],
      bytes: [Buffer.from([1, 0]), Buffer.alloc(0)],
      nested: [
        [1, 2],
        [3, 4],
      ],
      uuids: ["0190a0b0-0000-7000-8000-000000000001"],
      empty: [],
      days: ["2026-03-01"],
      yes: [true, false],
    },
  ]);
});

onBothEngines("an integer that a number cannot hold throws instead of changing", async (database) => {
  await assert.rejects(database.query("select 9007199254740993::bigint"), RangeError);
  assert.equal((await database.query("select 1")).rowCount, 1);
});

onBothEngines("an object as a parameter throws instead of becoming some text", async (database) => {
  await assert.rejects(database.query("select $1::jsonb", [{ a: 1 }]), TypeError);
});

onBothEngines("command and row count tell what a statement did", async (database) => {
  await database.script("create table t (n int)");
  const told = [];
  for (const text of [
    "insert into t select generate_series(1, 5)",
    "update t set n = n + 10 where n > 2",
    "update t set n = 0 where n = 99",
    "select * from t",
    "delete from t",
    "create table u (n int)",
  ]) {
    const { command, rowCount } = await database.query(text);
    told.push([command, rowCount]);
  }
  assert.deepEqual(told, [
    ["INSERT", 5],
    ["UPDATE", 3],
    ["UPDATE", 0],
    ["SELECT", 5],
    ["DELETE", 5],
    ["CREATE", 0],
  ]);
});

onBothEngines("a refused statement carries SQLSTATE and constraint but no values, and the next one works", async (database) => {
  await database.script("create table t (n int constraint n_once unique)");
  await database.query("insert into t values (42)");
  const refused = await database.query("insert into t values ($1)", [42]).catch((error: unknown) => error);
  assert.ok(refused instanceof SqlError);
  assert.equal(refused.code, "23505");
  assert.equal(refused.constraint, "n_once");
  assert.equal(refused.table, "t");
  assert.ok(!JSON.stringify({ ...refused, message: refused.message }).includes("42)"));
  assert.equal(isTransient(refused), false);
  assert.deepEqual(await numbers(database), [42]);
});

onBothEngines("a query takes one statement only", async (database) => {
  await assert.rejects(database.query("select 1; select 2"), { code: "42601" });
});

onBothEngines("a transaction commits when it returns and rolls back when it throws", async (database) => {
  await database.script("create table t (n int)");
  const result = await database.transaction(async (tx) => (await tx.query("insert into t values (1)")).rowCount);
  assert.equal(result, 1);
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.query("insert into t values (2)");
      throw new Error("changed my mind");
    }),
    /changed my mind/,
  );
  assert.deepEqual(await numbers(database), [1]);
});

onBothEngines("a transaction whose first statement cannot be sent is one all the same", async (database) => {
  await database.script("create table t (n int)");
  const asked = database.transaction((tx) =>
    Promise.all([tx.query("select $1::timestamptz", [new Date(Number.NaN)]), tx.query("insert into t values (1)")]),
  );
  await assert.rejects(asked, RangeError);
  assert.equal((await database.query("select from t")).rowCount, 0);
});

onBothEngines(
  "what is asked for at once in a transaction runs in that order; an error is told first, and what is behind it fails too",
  async (database) => {
    await database.script("create table t (n int)");
    const count = () => database.query("select n from t order by n");
    await database.transaction((tx) =>
      Promise.all([
        tx.query("insert into t values (1)"),
        tx.query("insert into t select n + 1 from t"),
        tx.query("insert into t select n + 2 from t"),
      ]),
    );
    assert.deepEqual((await count()).rows, [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
    const ends: unknown[] = [];
    const failing = database.transaction((tx) => {
      const asked = ["insert into t values (5)", "select 1/0", "insert into t values (6)"].map((text) => tx.query(text));
      for (const [index, one] of asked.entries())
        one.then(
          () => ends.push(index),
          (error: { code?: unknown }) => ends.push(error.code),
        );
      return Promise.all(asked);
    });
    await assert.rejects(failing, { code: "22012" });
    assert.deepEqual(ends, [0, "22012", "25P02"]);
    assert.equal((await count()).rowCount, 4);
  },
);

onBothEngines("a transaction whose error was swallowed inside does not pass as committed", async (database) => {
  await database.script("create table t (n int)");
  const attempt = database.transaction(async (tx) => {
    await tx.query("insert into t values (1)");
    await tx.query("select 1/0").catch(() => {});
  }, "careless");
  await assert.rejects(attempt, { code: "25P02", message: /careless/ });
  assert.deepEqual(await numbers(database), []);
});

onBothEngines("a query outside the transaction that the same flow holds throws and names the holder", async (database) => {
  await database.transaction(async (tx) => {
    const attempts = [
      () => database.query("select 1"),
      () => database.script("select 1"),
      () => database.transaction(async () => {}, "inner"),
      async () => database.listen("channel", () => {}),
    ];
    for (const attempt of attempts) {
      await assert.rejects(attempt, (error) => error instanceof TransactionHeld && error.holder === "deliver page");
    }
    await tx.query("select 1");
  }, "deliver page");
  assert.equal((await database.query("select 1")).rowCount, 1);
});

onBothEngines("what a transaction left running may use the database after its end, but not its handle", async (database) => {
  const ended = Promise.withResolvers<void>();
  const left = await database.transaction(async (tx) => ({ later: ended.promise.then(() => database.query("select 1")), tx }));
  ended.resolve();
  assert.equal((await left.later).rowCount, 1);
  await assert.rejects(left.tx.query("select 1"), /has ended/);
});

onBothEngines("twenty concurrent transactions are isolated and all commit", async (database) => {
  await database.script("create table t (n int); insert into t values (0)");
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      database.transaction(async (tx) => {
        const { rows } = await tx.query<{ n: number }>("select n from t for update");
        await tx.query("update t set n = $1", [(rows[0]?.n ?? 0) + 1]);
        if (index % 5 === 0) await tx.query("select pg_sleep(0.005)");
      }),
    ),
  );
  assert.deepEqual(await numbers(database), [20]);
});

onBothEngines(
  "a pool of one session serves concurrent transactions too",
  async (database) => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) => database.transaction(async (tx) => (await tx.query("select 1")).rowCount + n)),
    );
    assert.equal(results.length, 8);
  },
  { poolSize: 1 },
);

onBothEngines("a script runs many statements and leaves no transaction open", async (database) => {
  const results = await database.script("create table t (n int); insert into t values (1), (2); select n from t order by n");
  assert.deepEqual(
    results.map((result) => result.command),
    ["CREATE", "INSERT", "SELECT"],
  );
  assert.deepEqual(results[2]?.rows, [{ n: 1 }, { n: 2 }]);
  await database.script("begin; insert into t values (3)");
  assert.deepEqual(await numbers(database), [1, 2]);
  await assert.rejects(database.script("begin; insert into t values (4); select 1/0; commit"), { code: "22012" });
  assert.deepEqual(await numbers(database), [1, 2]);
});

onBothEngines("a notification arrives when its transaction commits and not when it rolls back", async (database) => {
  const heard: string[] = [];
  const last = Promise.withResolvers<void>();
  const stop = await database.listen('odd "name"', (payload) => {
    heard.push(payload);
    if (payload === "last") last.resolve();
  });
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.query(`select pg_notify('odd "name"', 'never')`);
      throw new Error("no");
    }),
  );
  await database.transaction(async (tx) => {
    await tx.query(`select pg_notify('odd "name"', 'committed')`);
    assert.deepEqual(heard, []);
  });
  await database.query(`select pg_notify('odd "name"', 'last')`);
  await last.promise;
  assert.deepEqual(heard, ["committed", "last"]);
  await stop();
  await database.query(`select pg_notify('odd "name"', 'after')`);
  assert.deepEqual(heard, ["committed", "last"]);
});

onBothEngines("listening waits for a transaction and is not rolled back with it", async (database) => {
  const heard = Promise.withResolvers<string>();
  const listening = Promise.withResolvers<unknown>();
  const inside = Promise.withResolvers<void>();
  const transaction = database.transaction(async () => {
    await inside.promise;
    throw new Error("rolled back");
  });
  listening.resolve(database.listen("channel", heard.resolve));
  inside.resolve();
  await assert.rejects(transaction, /rolled back/);
  await listening.promise;
  await database.query("select pg_notify('channel', 'heard')");
  assert.equal(await heard.promise, "heard");
});

onBothEngines(
  "after closing, work is refused with a Failure and closing again does nothing",
  async (database) => {
    await database.close();
    await database.close();
    await assert.rejects(database.query("select 1"), { name: "Failure", code: "database closed" });
  },
  { own: true },
);

onBothEngines("a large attachment goes in and out unchanged", async (database) => {
  const bytes = Buffer.alloc(3_000_000, "Waypost \0\\ ");
  const { rows } = await database.query<{ back: Buffer }>("select $1::bytea as back", [bytes]);
  assert.ok(rows[0]?.back.equals(bytes));
});
