import assert from "node:assert/strict";
import { test } from "node:test";
import { ProfileSlots } from "./profile-slots.ts";

const profile = (name: string, maxConcurrentConnections = 10) => ({ name, maxConcurrentConnections });

test("a server that never ends takes its share of the workers and no more; the others go on", async () => {
  const woken: string[] = [];
  const slots = new ProfileSlots(2, (mailbox) => woken.push(mailbox));
  const stuck = Promise.withResolvers<void>();
  const begun: string[] = [];
  const start = (id: string, name: string) =>
    slots.work({ id }, profile(name), async () => {
      begun.push(id);
      if (name === "slow") await stuck.promise;
    });
  const slow = [start("a", "slow"), start("b", "slow"), start("c", "slow"), start("d", "slow")];
  await start("e", "fast");
  assert.deepEqual(begun, ["a", "b", "e"]);
  assert.deepEqual(woken, []);
  stuck.resolve();
  await Promise.all(slow);
  assert.deepEqual(woken, ["c", "d"], "who had to wait is woken, each once");
});

test("no more at a time than the profile's connections, and an error gives the place back", async () => {
  const woken: string[] = [];
  const slots = new ProfileSlots(8, (mailbox) => woken.push(mailbox));
  const one = profile("small", 1);
  await assert.rejects(
    slots.work({ id: "a" }, one, () => Promise.reject(new Error("no server"))),
    /no server/,
  );
  let running = 0;
  const hold = Promise.withResolvers<void>();
  const first = slots.work({ id: "b" }, one, async () => {
    running++;
    await hold.promise;
  });
  await slots.work({ id: "c" }, one, async () => {
    running++;
  });
  assert.equal(running, 1);
  hold.resolve();
  await first;
  assert.deepEqual(woken, ["c"]);
});
