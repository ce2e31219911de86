import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Failure } from "../../model/failure.ts";
import { type Asking, askAllSurviving, askSurviving } from "./survivors.ts";

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
      const { answers, refused } = await askSurviving(items, { ask: damagedAt(bad), reopen: well, another: none });
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
  assert.deepEqual(await askSurviving([7], { ask: damagedAt(new Set([7]), asked), reopen: well, another: none }), {
    answers: [],
    refused: [{ item: 7, words: "BYE FETCH failed" }],
    unasked: [],
  });
  assert.equal(asked.length, 2);
  let calls = 0;
  const once = () => {
    calls++;
    return calls === 1 ? Promise.reject(goodbye("going down")) : Promise.resolve(["back"]);
  };
  assert.deepEqual(await askSurviving([7], { ask: once, reopen: well, another: none }), { answers: ["back"], refused: [], unasked: [] });
});

test("a server that does not let in again is in trouble itself, however few are asked for", async () => {
  for (const items of [[7], [1, 2, 3]]) {
    const asked: number[][] = [];
    const closed = () => Promise.reject(goodbye("going down"));
    await assert.rejects(askSurviving(items, { ask: damagedAt(new Set(items), asked), reopen: closed, another: none }), {
      code: "server closing",
      serverSaid: "going down",
    });
    assert.deepEqual(asked, [items], "nothing was asked for again");
  }
});

test("a server that goes away at everything is in trouble itself, and nothing is called damaged", async () => {
  const items = Array.from({ length: 500 }, (_, index) => index);
  const asked: number[][] = [];
  await assert.rejects(askSurviving(items, { ask: damagedAt(new Set(items), asked), reopen: well, another: none }), {
    code: "server closing",
  });
  assert.ok(asked.length < 50, `${asked.length} connections`);
  await assert.rejects(askSurviving([1, 2], { ask: damagedAt(new Set([1, 2])), reopen: well, another: none }), { code: "server closing" });
});

test("where not one was answered, another message tells whether they are damaged or the server is in trouble", async () => {
  for (const items of [[7], [1, 2]]) {
    const ask = damagedAt(new Set(items));
    const { answers, refused } = await askSurviving(items, { ask, reopen: well, another: () => Promise.resolve("yes") });
    assert.deepEqual([answers, refused.map(({ item }) => item)], [[], items]);
    await assert.rejects(askSurviving(items, { ask, reopen: well, another: () => Promise.resolve("no") }), { code: "server closing" });
  }
});

test("any other failure is thrown at once", async () => {
  let calls = 0;
  const fail = () => {
    calls++;
    return Promise.reject(new Error("the connection dropped"));
  };
  await assert.rejects(askSurviving([1, 2, 3], { ask: fail, reopen: well, another: none }), /dropped/);
  assert.equal(calls, 1);
  assert.deepEqual(await askSurviving([], { ask: fail, reopen: well, another: none }), { answers: [], refused: [], unasked: [] });
});

const lost = () =>
  new Failure({ scope: "mailbox", code: "connection lost", message: "The connection broke.", remedy: "wait", waitingHelps: true });

test("a server that hangs up without a word is asked as one that says goodbye", async () => {
  const ask = (some: readonly number[]) => (some.includes(2) ? Promise.reject(lost()) : Promise.resolve(some));
  assert.deepEqual(await askSurviving([1, 2, 3], { ask, reopen: well, another: none }), {
    answers: [1, 3],
    refused: [{ item: 2, words: "The connection broke." }],
    unasked: [],
  });
});

test("an item is refused only when the server handed out another one between the two times at which it hung up", async () => {
  for (const isBack of [true, false]) {
    let isSick = true;
    const ask = (some: readonly number[]) => (isSick && some.includes(2) ? Promise.reject(lost()) : Promise.resolve(some));
    const another = () => {
      isSick = !isBack;
      return Promise.resolve("yes" as const);
    };
    const { answers, refused } = await askSurviving([1, 2], { ask, reopen: well, another });
    assert.deepEqual([answers, refused.map(({ item }) => item)], isBack ? [[1, 2], []] : [[1], [2]]);
  }
});

test("a server that hangs up at everything after it handed something out is in trouble itself, in this folder alone", async () => {
  let asked = 0;
  const ask = (some: readonly number[]) => (asked++ > 1 || some.length > 2 ? Promise.reject(lost()) : Promise.resolve(some));
  const than: number[][] = [];
  const another: Asking<number, number>["another"] = (some) => {
    than.push([...some]);
    return Promise.resolve("no");
  };
  await assert.rejects(askSurviving([1, 2, 3, 4], { ask, reopen: well, another }), { code: "connection lost", scope: "folder" });
  assert.deepEqual(than, [[3, 4]], "what was handed out may be asked for to see whether the server is well");
});

test("where more are damaged than are looked into at a time, what was found stays found, and the others are left or asked for in turn", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.nat(59), { maxLength: 40 }), async (count, damaged) => {
      const items = Array.from({ length: count }, (_, index) => index);
      const bad = new Set(damaged.filter((one) => one < count));
      const asking = { ask: damagedAt(bad), reopen: well, another: () => Promise.resolve("yes" as const) };
      const some = await askSurviving(items, asking);
      const asked = items.slice(0, items.length - some.unasked.length);
      assert.deepEqual([...asked, ...some.unasked], items);
      const all = await askAllSurviving(items, asking);
      for (const [these, { answers, refused }] of [
        [asked, some],
        [items, all],
      ] as const) {
        assert.deepEqual(
          answers,
          these.filter((one) => !bad.has(one)).map((one) => `answer ${one}`),
        );
        assert.deepEqual(
          refused.map(({ item }) => item),
          these.filter((one) => bad.has(one)),
        );
      }
      assert.ok(some.unasked.length === 0 || some.refused.length === 5);
    }),
  );
});
