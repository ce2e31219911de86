import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { FieldValue, Side } from "../model/item.ts";
import type { Direction } from "./field-rule.ts";
import { type Both, mergeValue } from "./merge-value.ts";

const whole = (direction: Direction = "both") => ({ direction, merge: "whole" }) as const;
const entries = { direction: "both", merge: "entries" } as const;
const both = (crm: FieldValue, server: FieldValue): Both => ({ crm, server });

describe("one field", () => {
  test("an edit on one side goes to the other, whatever that one had made of the text before", () => {
    const base = both("a long text", "a long");
    assert.deepEqual(mergeValue(whole(), base, both("a new text", "a long"), "server").target, both("a new text", "a new text"));
    assert.deepEqual(mergeValue(whole(), base, both("a long text", "mine"), "crm").target, both("mine", "mine"));
  });

  test("what a side made of a text is nobody's edit", () => {
    assert.deepEqual(mergeValue(whole(), both("a long text", "a long"), both("a long text", "a long"), "server"), {
      target: both("a long text", "a long"),
      lost: [],
    });
  });

  test("of two edits the winner's is taken, and the other one is told of; of two equal ones none is lost", () => {
    const base = both("old", "old");
    assert.deepEqual(mergeValue(whole(), base, both("hers", "his"), "server"), {
      target: both("his", "his"),
      lost: [{ side: "crm", value: "hers", key: null }],
    });
    assert.deepEqual(mergeValue(whole(), base, both("same", "same"), "server").lost, []);
  });

  test("emptying is an edit like any other", () => {
    assert.deepEqual(mergeValue(whole(), both("x", "x"), both(null, "x"), "server").target, both(null, null));
  });

  test("before the two were one, what is empty is filled, and of different values the winner's is taken", () => {
    assert.deepEqual(mergeValue(whole(), null, both(null, "x"), "crm").target, both("x", "x"));
    assert.deepEqual(mergeValue(whole(), null, both("y", "x"), "crm"), {
      target: both("y", "y"),
      lost: [{ side: "server", value: "x", key: null }],
    });
  });

  test("an edit that does not go that way is left alone, until the other side's comes over it", () => {
    const base = both("old", "old");
    assert.deepEqual(mergeValue(whole("to server"), base, both("old", "his"), "server").target, both("old", "his"));
    assert.deepEqual(mergeValue(whole("to server"), base, both("hers", "his"), "server"), {
      target: both("hers", "hers"),
      lost: [{ side: "server", value: "his", key: null }],
    });
    assert.deepEqual(mergeValue(whole("none"), base, both("hers", "his"), "server").target, both("hers", "his"));
  });
});

describe("a field with entries", () => {
  const base = both({ ann: 1, bob: 1 }, { ann: 1, bob: 1 });

  test("two people can add one each, and remove one each", () => {
    const now = both({ ann: 1, carla: 1 }, { bob: 1, ann: 1, dora: 1 });
    const alike = { ann: 1, carla: 1, dora: 1 };
    assert.deepEqual(mergeValue(entries, base, now, "crm"), { target: both(alike, alike), lost: [] });
  });

  test("of two edits of one entry the winner's is taken", () => {
    const merged = mergeValue(entries, base, both({ ann: 2, bob: 1 }, { bob: 1 }), "server");
    assert.deepEqual(merged, { target: both({ bob: 1 }, { bob: 1 }), lost: [{ side: "crm", value: 2, key: "ann" }] });
  });

  test("the last entry's going leaves the field empty", () => {
    assert.deepEqual(mergeValue(entries, both({ ann: 1 }, { ann: 1 }), both(null, { ann: 1 }), "crm").target, both(null, null));
  });

  test("a name that every object has is a key like any other", () => {
    const added = JSON.parse('{"ann":1,"bob":1,"__proto__":1,"constructor":1}');
    const { target } = mergeValue(entries, base, { crm: base.crm, server: added }, "crm");
    assert.equal(JSON.stringify(target.crm), JSON.stringify(JSON.parse('{"__proto__":1,"ann":1,"bob":1,"constructor":1}')));
  });
});

test("whatever both sides have, what is merged once is at rest, and nothing is made up", () => {
  const value = fc.option(fc.constantFrom<FieldValue>("a", "b", "c"), { nil: null });
  const keyed = fc.dictionary(fc.constantFrom("x", "y", "z"), fc.constantFrom<FieldValue>("a", "b", "c"), {
    minKeys: 1,
    noNullPrototype: true,
  });
  const direction = fc.constantFrom<Direction>("both", "to CRM", "to server", "none");
  const winner = fc.constantFrom<Side>("crm", "server");
  const pair = (one: fc.Arbitrary<FieldValue>) => fc.record({ crm: one, server: one });
  for (const [merge, one] of [["whole", value] as const, ["entries", fc.option(keyed, { nil: null })] as const])
    fc.assert(
      fc.property(direction, fc.option(pair(one), { nil: null }), pair(one), winner, (way, base, now, wins) => {
        const { target } = mergeValue({ direction: way, merge }, base, now, wins);
        if (way === "both" && base === null) assert.deepEqual(target.crm, target.server);
        const again = mergeValue({ direction: way, merge }, { crm: target.crm, server: target.server }, target, wins);
        assert.deepEqual(again, { target, lost: [] });
        if (way === "none") assert.deepEqual(target, now);
        if (way === "to CRM") assert.deepEqual(target.server, now.server);
        if (way === "to server") assert.deepEqual(target.crm, now.crm);
      }),
    );
});
