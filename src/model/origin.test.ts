import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canBeRewritten, compareOrigins, type Origin } from "./origin.ts";

const LETTER: Origin = {
  messageId: "m1@customer.test",
  from: [{ name: "Carla", address: "carla@customer.test" }],
  date: new Date("2026-03-02T10:00:00Z"),
  subject: "The invoice",
};
const OTHER: Origin = {
  messageId: "m2@stranger.test",
  from: [{ name: "Sam", address: "sam@stranger.test" }],
  date: new Date("2026-03-03T11:00:00Z"),
  subject: "An offer",
};
const FIELDS = ["messageId", "from", "date", "subject"] as const;

describe("two headers of what should be one message", () => {
  test("agree however a server writes them: names, letter case, a tag before the subject, parts of a second", () => {
    const written: Origin = {
      messageId: "m1@customer.test",
      from: [{ name: "CARLA C.", address: "Carla@Customer.test" }],
      date: new Date("2026-03-02T10:00:00.400Z"),
      subject: "[External] The  invoice",
    };
    assert.deepEqual(compareOrigins(LETTER, written), { agree: ["Message-ID", "sender", "date", "subject"], contradict: [] });
  });

  test("of two messages contradict each other in whatever tells them apart", () => {
    const comparison = compareOrigins(LETTER, OTHER);
    assert.deepEqual(comparison, { agree: [], contradict: ["Message-ID", "sender", "date", "subject"] });
    assert.equal(canBeRewritten(comparison), false);
  });

  test("that contradict each other are of one message only where the Message-ID says so, or most of the rest", () => {
    const rewritten = (change: Partial<Origin>) => canBeRewritten(compareOrigins(LETTER, { ...LETTER, ...change }));
    assert.equal(rewritten({ subject: "Another subject", from: OTHER.from, date: OTHER.date }), true);
    assert.equal(rewritten({ messageId: OTHER.messageId }), false);
    assert.equal(rewritten({ messageId: null, subject: OTHER.subject }), true);
    assert.equal(rewritten({ messageId: null, subject: OTHER.subject, date: OTHER.date }), false);
  });

  test("never contradict each other in what one of them lacks, and never depend on which comes first", () => {
    const fields = fc.subarray([...FIELDS]);
    const without = (origin: Origin, missing: readonly string[]): Origin => ({
      messageId: missing.includes("messageId") ? null : origin.messageId,
      from: missing.includes("from") ? [] : origin.from,
      date: missing.includes("date") ? null : origin.date,
      subject: missing.includes("subject") ? "" : origin.subject,
    });
    fc.assert(
      fc.property(fields, fields, fc.boolean(), (missingHere, missingThere, same) => {
        const here = without(LETTER, missingHere);
        const there = without(same ? LETTER : OTHER, missingThere);
        const comparison = compareOrigins(here, there);
        assert.deepEqual(comparison, compareOrigins(there, here));
        const both = FIELDS.filter((field) => !missingHere.includes(field) && !missingThere.includes(field)).length;
        assert.deepEqual([comparison.agree.length, comparison.contradict.length], same ? [both, 0] : [0, both]);
      }),
    );
  });
});
