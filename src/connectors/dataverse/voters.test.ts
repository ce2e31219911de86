import assert from "node:assert/strict";
import { test } from "node:test";
import type { Voter } from "../../model/facts.ts";
import { ownerOf } from "./voters.ts";

function user(id: string, addresses: readonly string[], disabled = false): [string, Voter] {
  const record = { type: "systemuser", id, name: id };
  const owns = { ownerId: id, ownerType: "systemuser", ownerMayWrite: !disabled, ownerQueue: null, ownerAutoCreates: 0 } as const;
  return [`systemuser ${id}`, { record, addresses, filter: 1, ...owns, disabled }];
}

test("of users with the address of a mailbox its owner is who has it first and is still there", () => {
  const owner = (...users: readonly [string, Voter][]) =>
    ownerOf({ address: "ann@x.test", owner: { type: "systemuser", address: "Ann@x.test" } }, new Map(users))?.record.id;
  assert.equal(owner(user("left", ["ann@x.test"], true), user("here", ["ann@x.test"])), "here");
  assert.equal(owner(user("further", ["bob@x.test", "ann@x.test"]), user("first", ["ann@x.test"])), "first");
  assert.equal(owner(user("further", ["bob@x.test", "ann@x.test"]), user("left", ["ann@x.test"], true)), "left", "told as who is gone");
  assert.equal(owner(user("other", ["bob@x.test"])), undefined);
});
