import assert from "node:assert/strict";
import { test } from "node:test";
import { Turnstile } from "./turnstile.ts";

const silent = (): void => {};

test("turns are given in the order of asking, never more at a time than there are places", async () => {
  const turnstile = new Turnstile(2, silent);
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      const turn = await turnstile.enter(`${n}`);
      order.push(n);
      inside += 1;
      most = Math.max(most, inside);
      await new Promise(setImmediate);
      inside -= 1;
      turn.leave();
      turn.leave();
    }),
  );
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(most, 2);
});

test("whoever passes takes no place, and waits for those who came before", async () => {
  const turnstile = new Turnstile(1, silent);
  const order: string[] = [];
  const come = async (who: string, way: "enter" | "pass") => {
    const turn = await turnstile[way](who);
    order.push(who);
    return turn;
  };
  const [passing, alsoPassing, first] = await Promise.all([come("passes", "pass"), come("passes too", "pass"), come("first", "enter")]);
  const waiting = [come("behind it", "pass"), come("second", "enter"), come("behind the second", "pass")];
  passing.leave();
  alsoPassing.leave();
  await new Promise(setImmediate);
  assert.deepEqual(order, ["passes", "passes too", "first"]);
  first.leave();
  const [behind, second] = await Promise.all(waiting.slice(0, 2));
  await new Promise(setImmediate);
  assert.deepEqual(order.slice(3), ["behind it", "second"]);
  behind?.leave();
  second?.leave();
  (await waiting[2])?.leave();
  assert.deepEqual(order.slice(5), ["behind the second"]);
  await turnstile.close();
});

test("whoever stays too long is reported by name, with the number of those who wait", async () => {
  const reported = Promise.withResolvers<string>();
  const turnstile = new Turnstile(1, reported.resolve, 5);
  const turn = await turnstile.enter("deliver page");
  const waiting = turnstile.enter("next");
  // The timer of the report keeps no process alive, so this one does.
  const awake = setInterval(() => {}, 1_000);
  assert.match(await reported.promise, /"deliver page" .* 1 others wait/);
  clearInterval(awake);
  turn.leave();
  (await waiting).leave();
});

test("closing refuses who waits and who comes, and resolves when the last one has left", async () => {
  const turnstile = new Turnstile(1, silent);
  const turn = await turnstile.enter("last");
  const waiting = turnstile.enter("waiting");
  let closed = false;
  const closing = turnstile.close().then(() => {
    closed = true;
  });
  await assert.rejects(waiting, { code: "database closed" });
  await assert.rejects(turnstile.enter("late"), { code: "database closed" });
  assert.equal(closed, false);
  turn.leave();
  await closing;
});
