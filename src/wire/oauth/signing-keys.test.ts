import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SigningKeys } from "./signing-keys.ts";

const set = (...ids: string[]) => JSON.stringify({ keys: ids.map((kid) => ({ kty: "RSA", kid })) });
const any = () => true;

describe("the keys of an authorization server", () => {
  it("are loaded once, again for a key that is not there, and at most every half minute for that", async () => {
    let [now, loads, published] = [0, 0, set("a")];
    const keys = new SigningKeys(
      async () => {
        loads++;
        return published;
      },
      () => now,
    );
    const ids = async (id?: string) => (await keys.find(id, any)).map((one) => one.kid);
    assert.deepEqual(await ids("a"), ["a"]);
    assert.deepEqual(await ids("b"), []);
    assert.equal(loads, 1);
    published = set("a", "b");
    now += 31_000;
    assert.deepEqual(await ids("b"), ["b"]);
    assert.deepEqual(await ids(), ["a", "b"]);
    assert.deepEqual(await keys.find("a", () => false), []);
    assert.equal(loads, 2);
  });

  it("stay in use while newer ones cannot be had; where there were never any, the error is told each time", async () => {
    let [now, works] = [0, false];
    const keys = new SigningKeys(
      async () => {
        if (!works) throw new Error("away");
        return set("a");
      },
      () => now,
    );
    await assert.rejects(keys.find("a", any), /away/);
    await assert.rejects(keys.find("a", any), /away/);
    works = true;
    assert.equal((await keys.find("a", any)).length, 1);
    works = false;
    now += 2 * 60 * 60 * 1000;
    assert.equal((await keys.find("a", any)).length, 1);
    now += 31_000;
    assert.equal((await keys.find("unknown", any)).length, 0);
  });
});
