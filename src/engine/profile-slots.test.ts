import assert from "node:assert/strict";
import { test } from "node:test";
import { ProfileSlots } from "./profile-slots.ts";

test("a server that never ends takes its share of the workers and no more; the others go on", async () => {
  const woken: string[] = [];
  const slots = new ProfileSlots(2, (mailbox) => woken.push(mailbox));
  const stuck = Promise.withResolvers<void>();
  const begun: string[] = [];
  const start = (id: string, profile: string) =>
    slots.work({ id, profile }, async () => {
      begun.push(id);
      if (profile === "slow") await stuck.promise;
    });
  const slow = [start("a", "slow"), start("b", "slow"), start("c", "slow"), start("d", "slow")];
  await start("e", "fast");
  assert.deepEqual(begun, ["a", "b", "e"]);
  assert.deepEqual([slots.isWanted("slow"), slots.isWanted("fast")], [true, false]);
  assert.deepEqual(woken, []);
  stuck.resolve();
  await Promise.all(slow);
  assert.deepEqual(woken, ["c", "d"], "who had to wait is woken, each once");
  assert.equal(slots.isWanted("slow"), false);
});

test("an error gives the place back", async () => {
  const woken: string[] = [];
  const slots = new ProfileSlots(1, (mailbox) => woken.push(mailbox));
  const profile = "small";
  await assert.rejects(
    slots.work({ id: "a", profile }, () => Promise.reject(new Error("no server"))),
    /no server/,
  );
  let running = 0;
  const hold = Promise.withResolvers<void>();
  const first = slots.work({ id: "b", profile }, async () => {
    running++;
    await hold.promise;
  });
  await slots.work({ id: "c", profile }, async () => {
    running++;
  });
  assert.equal(running, 1);
  hold.resolve();
  await first;
  assert.deepEqual(woken, ["c"]);
});
