import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Failure, type Scope } from "../../model/failure.ts";
import type { MessageRef } from "../../model/message.ts";
import type { Applied } from "../../ports.ts";
import { applyApart } from "./apply-apart.ts";

const failureOf = (scope: Scope) =>
  new Failure({ scope, code: "connection lost", message: "The connection broke.", remedy: "wait", waitingHelps: true });
const refOf = (number: number): MessageRef => ({ stream: "INBOX", id: String(number) });
const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** A mail system that ends the work whenever one of these is asked for, and how often it was asked. */
function endingAt(poison: ReadonlySet<number>, scope: Scope = "mailbox") {
  const left = new Set<number>();
  let asked = 0;
  const run = async (count: number) => {
    for (const number of numbersTo(count)) left.add(number);
    return applyApart(
      numbersTo(count),
      async (some): Promise<Applied> => {
        asked++;
        if (some.some((number) => poison.has(number)))
          return { changed: [], gone: [], undone: some.map((number) => ({ ref: refOf(number), failure: failureOf(scope), apart: true })) };
        for (const number of some) left.delete(number);
        return { changed: some.map(refOf), gone: [], undone: [] };
      },
      (undone) => undone.map(({ ref }) => Number(ref.id)),
    );
  };
  return { run, left, asked: () => asked };
}

test("one message at which the mail system ends the work keeps no other from being changed, and each is told once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 200 }), fc.nat(), async (count, at) => {
      const poison = (at % count) + 1;
      const system = endingAt(new Set([poison]));
      const { changed, undone } = await system.run(count);
      assert.deepEqual([...system.left], [poison]);
      assert.deepEqual(
        undone.map(({ ref }) => ref.id),
        [String(poison)],
      );
      assert.equal(new Set(changed.map(({ id }) => id)).size, count - 1);
      assert.ok(system.asked() <= 17, `asked ${system.asked()} times`);
    }),
  );
});

test("a mail system that answers so for every message is asked a few times only, and the trouble is its own", async () => {
  const system = endingAt(new Set(numbersTo(200)));
  await assert.rejects(system.run(200), { code: "connection lost", scope: "mailbox" });
  assert.ok(system.asked() <= 25, `asked ${system.asked()} times`);
});

test("what is about messages or a folder is told of each, also where none goes", async () => {
  const { undone } = await endingAt(new Set([1, 2]), "item").run(2);
  assert.deepEqual(undone.map(({ ref }) => ref.id).sort(), ["1", "2"]);
});

test("what may not be asked for apart is not asked for again", async () => {
  let asked = 0;
  const { undone } = await applyApart(
    [1, 2],
    async (some) => {
      asked++;
      return { changed: [], gone: [], undone: some.map((number) => ({ ref: refOf(number), failure: failureOf("item") })) };
    },
    () => [],
  );
  assert.deepEqual([asked, undone.length], [1, 2]);
});
