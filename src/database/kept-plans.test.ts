import assert from "node:assert/strict";
import test, { after, before, beforeEach } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { KeptPlans } from "./kept-plans.ts";
import { keptRequest, readAnswer, scriptRequest } from "./pglite-protocol.ts";

let pglite: PGlite;

before(async () => {
  pglite = await PGlite.create();
});
after(() => pglite.close());
beforeEach(() => {
  run(scriptRequest("deallocate all"));
});

const run = (request: Buffer) => readAnswer(pglite.execProtocolRawSync(request));
const prepared = () =>
  run(scriptRequest("select statement from pg_prepared_statements order by prepare_time, name")).results[0]?.rows.flat();

function ask(plans: KeptPlans, text: string, ...values: string[]) {
  const answer = run(keptRequest(text, plans.take(text), values));
  if (answer.error !== null) plans.doubt(text);
  return { first: answer.results[0]?.rows[0]?.[0], code: answer.error?.code };
}

test("a statement is parsed once for many times, and anew after five hundred, also where it grew stale in between", () => {
  const plans = new KeptPlans();
  run(scriptRequest("create table grown (n int, word text); insert into grown values (1, 'one')"));
  const text = "select * from grown where n = $1";
  const parsed = Array.from({ length: 1_001 }, () => !plans.take(text).isPrepared);
  assert.deepEqual(
    parsed.flatMap((one, index) => (one ? [index] : [])),
    [0, 500, 1_000],
  );
  const others = new KeptPlans();
  assert.equal(ask(others, text, "1").first, "1");
  assert.equal(ask(others, text, "1").first, "1");
  assert.deepEqual(prepared(), [text]);
  run(scriptRequest("alter table grown add more int"));
  assert.equal(ask(others, text, "1").code, "0A000");
  assert.equal(ask(others, text, "1").first, "1");
  assert.deepEqual(prepared(), [text]);
});

test("what fails is asked for as if nothing had been, whether it cannot be parsed or only carried out", () => {
  const plans = new KeptPlans();
  const divides = "select 10 / $1::int";
  assert.equal(ask(plans, divides, "5").first, "2");
  assert.equal(ask(plans, divides, "0").code, "22012");
  assert.equal(ask(plans, divides, "2").first, "5");
  const early = "select n from late where n = $1";
  assert.equal(ask(plans, early, "1").code, "42P01");
  run(scriptRequest("create table late as select 1 as n"));
  assert.equal(ask(plans, early, "1").first, "1");
  assert.deepEqual(prepared()?.length, 2);
});

test("a statement prepared in a transaction that is undone, or asked for in one that failed, can be asked for afterwards", () => {
  const plans = new KeptPlans();
  run(scriptRequest("begin"));
  assert.equal(ask(plans, "select $1::int + 1", "1").first, "2");
  assert.equal(ask(plans, "select 1 / $1::int", "0").code, "22012");
  assert.equal(ask(plans, "select $1::int + 1", "1").code, "25P02");
  assert.equal(ask(plans, "select $1::int + 2", "1").code, "25P02");
  run(scriptRequest("rollback"));
  assert.equal(ask(plans, "select $1::int + 1", "1").first, "2");
  assert.equal(ask(plans, "select $1::int + 2", "1").first, "3");
});

test("of more than a hundred statements those are given up that were not asked for longest", () => {
  const plans = new KeptPlans();
  const text = (number: number) => `select $1::int + ${number}`;
  for (let number = 0; number < 150; number += 1) {
    assert.equal(ask(plans, text(number), "1").first, String(number + 1));
    assert.equal(ask(plans, text(0), "1").first, "1");
  }
  const kept = new Set(prepared());
  assert.equal(kept.size, 100);
  assert.ok(kept.has(text(0)) && kept.has(text(149)) && !kept.has(text(1)));
});
