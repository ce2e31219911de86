import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../model/failure.ts";
import { Door } from "./door.ts";

const never = new AbortController().signal;
const down = (scope: "profile" | "mailbox") =>
  new Failure({ scope, code: "connection refused", message: "No.", remedy: "Wait.", waitingHelps: true });

test("a server in trouble sees one attempt at a time; the first that comes in opens the door for all", async () => {
  const door = new Door();
  let inside = 0;
  let most = 0;
  let attempts = 0;
  let well = false;
  const tried = async (count: number) => {
    while (attempts < count || inside > 1) await sleep(1);
  };
  const connect = async () => {
    attempts++;
    most = Math.max(most, ++inside);
    await sleep(2);
    inside--;
    if (!well) throw down("profile");
  };
  const mailbox = async (): Promise<void> => {
    for (;;) {
      try {
        return await door.pass(connect, never, 1);
      } catch (error) {
        assert.ok(error instanceof Failure);
      }
    }
  };
  const all = Array.from({ length: 48 }, mailbox);
  // Those who were inside before anybody knew have failed.
  await tried(9);
  most = 0;
  await tried(attempts + 3);
  assert.equal(most, 1);
  well = true;
  await Promise.all(all);
  assert.ok(most > 1 && most <= 8, `${most} at once when it is well`);
});

test("a mailbox that is refused is no trouble of the server, and who is told to end waits for nobody", async () => {
  const door = new Door();
  await assert.rejects(door.pass(() => Promise.reject(down("mailbox")), never, 60_000));
  assert.equal(await door.pass(async () => "in", never, 60_000), "in");
  await assert.rejects(door.pass(() => Promise.reject(down("profile")), never, 60_000));
  const stop = new AbortController();
  const waiting = [1, 2, 3].map(() => door.pass(async () => assert.fail("too early"), stop.signal, 60_000));
  stop.abort();
  for (const one of await Promise.allSettled(waiting)) assert.equal(one.status, "rejected");
});
