import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { readAnswer, scriptRequest, statementRequest } from "./pglite-protocol.ts";

let pglite: PGlite;

before(async () => {
  pglite = await PGlite.create();
});
after(() => pglite.close());

const ask = (request: Buffer) => readAnswer(pglite.execProtocolRawSync(request));

test("a statement gives its rows as text, with names and types, whatever the parameters hold", () => {
  const bytes = Buffer.from([0, 1, 255]);
  const { results, error } = ask(
    statementRequest("select $1::text as word, $2::int as number, $3::bytea as bytes, null::text as nothing", ["it's {\"}", "7", bytes]),
  );
  assert.equal(error, null);
  assert.deepEqual(results, [
    {
      command: "SELECT",
      rowCount: 1,
      names: ["word", "number", "bytes", "nothing"],
      types: [25, 23, 17, 25],
      rows: [["it's {\"}", "7", "\\x0001ff", null]],
    },
  ]);
});

test("a script gives one result of each statement, with the count of the rows it touched", () => {
  const { results } = ask(
    scriptRequest("create table t (n int); insert into t select generate_series(1, 3); update t set n = 0 where n > 1; begin; commit"),
  );
  assert.deepEqual(
    results.map(({ command, rowCount }) => [command, rowCount]),
    [
      ["CREATE", 0],
      ["INSERT", 3],
      ["UPDATE", 2],
      ["BEGIN", 0],
      ["COMMIT", 0],
    ],
  );
});

test("an error comes with its code and what was done before it, and the next request is answered as if nothing had been", () => {
  const { error } = ask(statementRequest("select 1 / $1::int", ["0"]));
  assert.equal(error?.code, "22012");
  const script = ask(scriptRequest("select 1; select nonsense; select 2"));
  assert.equal(script.error?.code, "42703");
  assert.equal(script.results.length, 1);
  assert.equal(ask(scriptRequest("select 5")).results[0]?.rows[0]?.[0], "5");
});

test("a notification comes with the answer during which it was sent", () => {
  ask(scriptRequest("listen news"));
  assert.deepEqual(ask(statementRequest("select pg_notify('news', $1)", ["hello"])).notifications, [{ channel: "news", payload: "hello" }]);
});

test("what a request carries may be larger than any buffer that PGlite keeps", () => {
  const bytes = Buffer.alloc(24 * 1024 * 1024, 7);
  assert.deepEqual(ask(statementRequest("select length($1::bytea), md5($1::bytea) = md5($2::bytea)", [bytes, bytes])).results[0]?.rows, [
    [String(bytes.length), "t"],
  ]);
});
