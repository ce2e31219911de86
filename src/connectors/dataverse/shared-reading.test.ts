import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedReading } from "./shared-reading.ts";

/** A reading that counts how often it was begun, and ends when it is told to. */
function rig() {
  const shared = new SharedReading<number>();
  const begun: PromiseWithResolvers<number>[] = [];
  const read = () =>
    shared.read(() => {
      const one = Promise.withResolvers<number>();
      begun.push(one);
      return one.promise;
    });
  return { begun, read };
}

test("whoever asks while one is under way gets the next, and all of them the same", async () => {
  const { begun, read } = rig();
  const first = read();
  const others = [read(), read(), read()];
  assert.equal(begun.length, 1);
  begun[0]?.resolve(1);
  assert.equal(await first, 1);
  await Promise.resolve();
  assert.equal(begun.length, 2);
  begun[1]?.resolve(2);
  assert.deepEqual(await Promise.all(others), [2, 2, 2]);
  const later = read();
  assert.equal(begun.length, 3);
  begun[2]?.resolve(3);
  assert.equal(await later, 3);
});

test("a failure is told to those who asked for it, and the next is begun all the same", async () => {
  const { begun, read } = rig();
  const first = read();
  const second = read();
  const trouble = new Error("away");
  begun[0]?.reject(trouble);
  await assert.rejects(first, (error) => error === trouble);
  await new Promise(setImmediate);
  begun[1]?.resolve(2);
  assert.equal(await second, 2);
});
