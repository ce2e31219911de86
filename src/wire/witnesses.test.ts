import assert from "node:assert/strict";
import { test } from "node:test";
import { Witnesses } from "./witnesses.ts";

const named = (...names: string[]) => names.map((name) => ({ current: async () => name }));

test("the account is good when the server accepts it for another mailbox, and not when it does not, or when there is no other", async () => {
  const witnesses = new Witnesses<string>();
  assert.equal(await witnesses.speakFor(named("ann", "bob"), async (name) => name === "bob"), true);
  assert.equal(await witnesses.speakFor(named("ann", "bob"), async () => false), false);
  assert.equal(await witnesses.speakFor([], () => assert.fail("there is nobody to ask")), false);
});

test("few are asked, and over time all are", async () => {
  const witnesses = new Witnesses<string>();
  const everyone = Array.from({ length: 8 }, (_, index) => `user${index}`);
  const asked = new Set<string>();
  for (let round = 0; round < 200; round++) {
    let signIns = 0;
    await witnesses.speakFor(named(...everyone), async (name) => {
      signIns++;
      asked.add(name);
      return false;
    });
    assert.equal(signIns, 2);
  }
  assert.equal(asked.size, everyone.length);
});

test("those who are refused at the same moment get one answer; whoever comes later asks anew", async () => {
  const witnesses = new Witnesses<string>();
  let signIns = 0;
  const accepts = async () => {
    signIns++;
    return true;
  };
  assert.deepEqual(await Promise.all(Array.from({ length: 10 }, () => witnesses.speakFor(named("ann"), accepts))), Array(10).fill(true));
  assert.equal(signIns, 1);
  await witnesses.speakFor(named("ann"), accepts);
  assert.equal(signIns, 2);
});

test("trouble while asking is the trouble of those who asked, and not of whoever asks next", async () => {
  const witnesses = new Witnesses<string>();
  await assert.rejects(
    witnesses.speakFor(named("ann"), async () => {
      throw new Error("gone");
    }),
    /gone/,
  );
  assert.equal(await witnesses.speakFor(named("ann"), async () => true), true);
});
