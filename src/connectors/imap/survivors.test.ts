import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Failure } from "../../model/failure.ts";
import { askSurviving } from "./survivors.ts";

const goodbye = (words = "BYE FETCH failed") =>
  new Failure({ scope: "profile", code: "server closing", message: "closing", serverSaid: words, remedy: "wait", waitingHelps: true });

/** The server lets in again at once. */
const well = () => Promise.resolve();

/** There is nothing else in the folder. */
const none = () => Promise.resolve("none" as const);

/** A server that says goodbye whenever one of the damaged is among those asked for. */
const damagedAt =
  (damaged: ReadonlySet<number>, asked: number[][] = []) =>
  (some: readonly number[]) => {
    asked.push([...some]);
    return some.some((one) => damaged.has(one)) ? Promise.reject(goodbye()) : Promise.resolve(some.map((one) => `answer ${one}`));
  };

test("a few damaged ones stand alone in the end, and all others are answered in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.nat(59), { maxLength: 4 }), async (count, damaged) => {
      const items = Array.from({ length: count }, (_, index) => index);
      const bad = new Set(damaged.filter((one) => one < count));
      fc.pre(bad.size < count);
      const { answers, refused } = await askSurviving(items, damagedAt(bad), well, none);
      assert.deepEqual(
        answers,
        items.filter((one) => !bad.has(one)).map((one) => `answer ${one}`),
      );
      assert.deepEqual(
        refused.map(({ item }) => item),
        [...bad].sort((a, b) => a - b),
      );
    }),
  );
});

test("a single one is asked for twice before it counts as damaged", async () => {
  const asked: number[][] = [];
  assert.deepEqual(await askSurviving([7], damagedAt(new Set([7]), asked), well, none), {
    answers: [],
    refused: [{ item: 7, words: "BYE FETCH failed" }],
  });
  assert.equal(asked.length, 2);
  let calls = 0;
  const once = () => {
    calls++;
    return calls === 1 ? Promise.reject(goodbye("going down")) : Promise.resolve(["back"]);
  };
  assert.deepEqual(await askSurviving([7], once, well, none), { answers: ["back"], refused: [] });
});

test("a server that does not let in again is in trouble itself, however few are asked for", async () => {
  for (const items of [[7], [1, 2, 3]]) {
    const asked: number[][] = [];
    const closed = () => Promise.reject(goodbye("going down"));
    await assert.rejects(askSurviving(items, damagedAt(new Set(items), asked), closed, none), {
      code: "server closing",
      serverSaid: "going down",
    });
    assert.deepEqual(asked, [items], "nothing was asked for again");
  }
});

test("a server that goes away at everything is in trouble itself, and nothing is called damaged", async () => {
  const items = Array.from({ length: 500 }, (_, index) => index);
  const asked: number[][] = [];
  await assert.rejects(askSurviving(items, damagedAt(new Set(items), asked), well, none), { code: "server closing" });
  assert.ok(asked.length < 50, `${asked.length} connections`);
  await assert.rejects(askSurviving([1, 2], damagedAt(new Set([1, 2])), well, none), { code: "server closing" });
});

test("where not one was answered, another message tells whether they are damaged or the server is in trouble", async () => {
  for (const items of [[7], [1, 2]]) {
    const ask = damagedAt(new Set(items));
    const { answers, refused } = await askSurviving(items, ask, well, () => Promise.resolve("yes"));
    assert.deepEqual([answers, refused.map(({ item }) => item)], [[], items]);
    await assert.rejects(
      askSurviving(items, ask, well, () => Promise.resolve("no")),
      { code: "server closing" },
    );
  }
});

test("any other failure is thrown at once", async () => {
  let calls = 0;
  const fail = () => {
    calls++;
    return Promise.reject(new Error("the connection dropped"));
  };
  await assert.rejects(askSurviving([1, 2, 3], fail, well, none), /dropped/);
  assert.equal(calls, 1);
  assert.deepEqual(await askSurviving([], fail, well, none), { answers: [], refused: [] });
});
