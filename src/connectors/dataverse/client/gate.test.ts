import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { Failure } from "../../../model/failure.ts";
import { Budget } from "./budget.ts";
import { Concurrency } from "./concurrency.ts";
import { organizationFailure } from "./failures.ts";
import { Gate, type Pass } from "./gate.ts";

/** A gate with a clock that stands still until it is told; at most `places` requests at a time. */
function rig(context: { after(work: () => void): void }, places: number, budget: Budget | null = null) {
  const clock = mock.timers;
  clock.enable({ apis: ["setTimeout", "Date"], now: 0 });
  context.after(() => clock.reset());
  const concurrency = new Concurrency(places);
  const gate = new Gate({
    budget,
    concurrency,
    now: () => Date.now(),
    busy: (wait) => organizationFailure("organization busy", "host", { notBefore: new Date(Date.now() + wait) }),
  });
  const entered: string[] = [];
  const passes: Pass[] = [];
  const enter = (caller: string, name: string, patience = 60_000, signal?: AbortSignal) =>
    gate.enter({ caller, patience, signal }).then((pass) => {
      entered.push(name);
      passes.push(pass);
      return pass;
    });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, gate, concurrency, entered, passes, enter, settled };
}

describe("the gate before an organization", () => {
  test("lets callers in by turns as places become free", async (context) => {
    const { enter, entered, passes, settled } = rig(context, 1);
    const all = [enter("a", "a1"), enter("a", "a2"), enter("a", "a3"), enter("b", "b1")];
    for (let count = 0; count < 4; count++) {
      await settled();
      passes[count]?.leave("well", 1);
    }
    await Promise.all(all);
    assert.deepEqual(entered, ["a1", "a2", "b1", "a3"]);
  });

  test("lets nobody in while the organization asked for a pause, and everybody afterwards", async (context) => {
    const { gate, enter, entered, clock, settled } = rig(context, 4);
    gate.pauseUntil(5000);
    const all = [enter("a", "one"), enter("b", "two")];
    clock.tick(4999);
    await settled();
    assert.deepEqual(entered, []);
    clock.tick(1);
    await Promise.all(all);
    assert.deepEqual(entered, ["one", "two"]);
  });

  test("tells at once, with the time, whoever would have to wait longer than it wants", async (context) => {
    const { gate, enter } = rig(context, 4);
    gate.pauseUntil(120_000);
    await assert.rejects(
      enter("a", "one"),
      (error) => error instanceof Failure && error.scope === "organization" && error.notBefore?.getTime() === 120_000,
    );
  });

  test("turns away whoever waited as long as it wants, and keeps no place for it", async (context) => {
    const { enter, entered, passes, clock, settled } = rig(context, 1);
    await enter("a", "first");
    const second = enter("b", "second", 1000);
    const third = enter("c", "third");
    const refused = assert.rejects(
      second,
      (error) => error instanceof Failure && error.waitingHelps && error.notBefore?.getTime() === 2000,
    );
    clock.tick(1000);
    await refused;
    passes[0]?.leave("well", 1);
    await third;
    await settled();
    assert.deepEqual(entered, ["first", "third"]);
  });

  test("forgets whoever gives up waiting", async (context) => {
    const { enter, entered, passes } = rig(context, 1);
    await enter("a", "first");
    const giveUp = new AbortController();
    const second = enter("b", "second", 60_000, giveUp.signal);
    const third = enter("c", "third");
    giveUp.abort(new Error("no longer wanted"));
    await assert.rejects(second, /no longer wanted/);
    passes[0]?.leave("well", 1);
    await third;
    assert.deepEqual(entered, ["first", "third"]);
  });

  test("waits for the budget, whatever places are free", async (context) => {
    const budget = new Budget({ window: 300_000, requests: 2, execution: 1_000_000 });
    const { enter, passes, clock, settled, entered } = rig(context, 4, budget);
    await Promise.all([enter("a", "one"), enter("a", "two")]);
    for (const pass of passes) pass.leave("well", 1);
    const third = enter("a", "three", 400_000);
    clock.tick(300_999);
    await settled();
    assert.deepEqual(entered, ["one", "two"]);
    clock.tick(1);
    await third;
  });

  test("lets fewer run when the server had too much to do, and counts a request that is given back twice once", async (context) => {
    const { enter, passes, concurrency, settled, entered, clock } = rig(context, 4);
    await Promise.all(["1", "2", "3", "4"].map((name) => enter("a", name)));
    const later = ["5", "6", "7"].map((name) => enter("a", name));
    clock.tick(1);
    passes[0]?.leave("too much", 1);
    passes[0]?.leave("too much", 1);
    assert.equal(concurrency.allowed, 2);
    passes[1]?.leave("too much", 1);
    assert.equal(concurrency.allowed, 2);
    await settled();
    assert.equal(entered.length, 4);
    passes[2]?.leave("lost", 1);
    await settled();
    assert.equal(entered.length, 5);
    passes[3]?.leave("lost", 1);
    passes[4]?.leave("lost", 1);
    await Promise.all(later);
  });
});
