import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Capacity, Use, Waiting } from "../../ledger/connections.ts";
import { Room, turnsNow, watchShare } from "./room.ts";

const capacity = (kind: Capacity["kind"], name: string, limit: number, used = 0, watches = 0): Capacity => ({
  kind,
  name,
  limit,
  learned: false,
  used,
  watches,
});
const waiting = (mailboxId: string, second: number, profile: string, host: string, use: Use = "receive", account = mailboxId): Waiting => ({
  use,
  mailboxId,
  profile,
  host,
  account,
  turnAt: new Date(second * 1000),
  called: false,
});
const ids = (turns: readonly Waiting[]) => turns.map((one) => one.mailboxId).join("");

test("a third of the connections is kept for work, at most twenty, and one connection alone never waits for news", () => {
  assert.deepEqual([1, 2, 3, 10, 60, 300, 1000].map(watchShare), [0, 1, 2, 6, 40, 280, 980]);
});

test("who asked first goes first, and one whose own profile is full holds up nobody else", () => {
  const line = [waiting("c", 3, "small", "host"), waiting("a", 1, "small", "host"), waiting("b", 2, "large", "host")];
  assert.equal(ids(turnsNow(line, [capacity("profile", "small", 1), capacity("profile", "large", 5), capacity("host", "host", 9)])), "ab");
  assert.equal(
    ids(turnsNow(line, [capacity("profile", "small", 1, 1), capacity("profile", "large", 5), capacity("host", "host", 9, 1)])),
    "b",
  );
});

test("a host that two profiles lead to is filled once, by whoever asked first", () => {
  const line = [waiting("a", 1, "one", "host"), waiting("b", 2, "two", "host"), waiting("c", 3, "one", "host")];
  const both = [capacity("profile", "one", 5), capacity("profile", "two", 5)];
  assert.equal(ids(turnsNow(line, [...both, capacity("host", "host", 2)])), "ab");
  assert.equal(ids(turnsNow(line, [...both, capacity("host", "host", 2), capacity("host", "host", 1)])), "a", "the smaller of two limits");
});

test("watching takes its share and leaves the rest to work; a limit of an account concerns that account alone", () => {
  const room = new Room([capacity("profile", "p", 3), capacity("account", "h\nann", 1)]);
  const watch = (name: string) => room.take(waiting(name, 1, "p", "h", "watch"));
  assert.deepEqual([watch("ben"), watch("carl"), watch("dora")], [true, true, false]);
  assert.equal(room.take(waiting("dora", 1, "p", "h")), true);
  assert.equal(room.take(waiting("emil", 1, "p", "h")), false, "three are taken");
  const ann = new Room([capacity("profile", "p", 9), capacity("account", "h\nann", 1)]);
  assert.equal(ann.take(waiting("ann", 1, "p", "h", "watch")), false, "an account with one connection is read, not watched");
  assert.deepEqual([ann.take(waiting("ann", 1, "p", "h")), ann.take(waiting("ann", 1, "p", "h", "send"))], [true, false]);
});

test("no limit is ever passed, nobody who fits is left standing, and nobody is passed by one who asks for the same", () => {
  const name = (letter: string) => fc.integer({ min: 0, max: 3 }).map((number) => `${letter}${number}`);
  const someone = fc.record({ profile: name("p"), host: name("h"), use: fc.constantFrom<Use>("receive", "send", "watch") });
  const limits = fc.array(
    fc.record({ kind: fc.constantFrom("profile", "host"), number: fc.nat(3), limit: fc.integer({ min: 1, max: 6 }) }),
  );
  fc.assert(
    fc.property(fc.array(someone, { maxLength: 40 }), limits, (people, some) => {
      const line = people.map((one, index) => waiting(`m${index}`, index, one.profile, one.host, one.use));
      const capacities = some.map(({ kind, number, limit }) => capacity(kind as "profile" | "host", `${kind[0]}${number}`, limit));
      const turns = turnsNow(line, capacities);
      for (const { kind, name: whose, limit } of capacities) {
        const its = turns.filter((one) => one[kind as "profile" | "host"] === whose);
        assert.ok(its.length <= limit);
        assert.ok(its.filter((one) => one.use === "watch").length <= watchShare(limit));
      }
      const room = new Room(capacities);
      for (const one of turns) room.take(one);
      for (const one of line) {
        if (turns.includes(one)) continue;
        assert.equal(room.take(one), false, "there is no room for those who wait");
        const alike = turns.filter((other) => other.profile === one.profile && other.host === one.host && other.use === one.use);
        assert.ok(alike.every((other) => other.turnAt < one.turnAt));
      }
    }),
  );
});
