import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { RecipientRefusal, Submission } from "../ports.ts";
import { afterSubmission, MAXIMUM_DELIVERY_ATTEMPTS, NOT_TRIED, recipientsLeft, waitAfter } from "./attempts.ts";

const NOW = new Date("2025-03-10T09:00:00Z");
const ATTEMPT = { messageId: "m@crm.example", subject: "Offer CRM:0001002", now: NOW };
const NO: RecipientRefusal = { address: "carl@x.example", permanent: true, response: "550 5.1.1 unknown\r\nuser" };

function refusedSubmission(permanent: boolean): Submission {
  return { kind: "refused", permanent, response: "451 4.7.1 try later", refused: [] };
}

describe("afterSubmission", () => {
  it("settles an accepted email as sent", () => {
    const { settlement, delivery } = afterSubmission(
      { kind: "accepted", response: "250 ok", refused: [] },
      { ...NOT_TRIED, attempts: 2 },
      ATTEMPT,
    );
    assert.deepEqual(settlement, {
      status: "sent",
      messageId: "m@crm.example",
      subject: "Offer CRM:0001002",
      sentOn: NOW,
      attempts: 3,
      note: null,
    });
    assert.deepEqual(delivery, { attempts: 3, partly: true, refused: [] });
  });

  it("names the recipients who were refused for good, on one line", () => {
    const { settlement } = afterSubmission({ kind: "accepted", response: "250 ok", refused: [NO] }, NOT_TRIED, ATTEMPT);
    assert.equal(settlement.status, "sent");
    assert.equal(settlement.note, "The email was sent, but not to carl@x.example: 550 5.1.1 unknown user.");
  });

  it("tries recipients that were put off again, and only them", () => {
    const later: RecipientRefusal = { address: "Dora@x.example", permanent: false, response: "450 greylisted" };
    const first = afterSubmission({ kind: "accepted", response: "250 ok", refused: [NO, later] }, NOT_TRIED, ATTEMPT);
    assert.equal(first.settlement.status, "retry");
    assert.deepEqual(recipientsLeft(["eve@x.example", "carl@x.example", "dora@x.example"], first.delivery), ["dora@x.example"]);
    const putOff = afterSubmission(refusedSubmission(false), first.delivery, ATTEMPT);
    assert.equal(putOff.settlement.status, "retry");
    assert.deepEqual(recipientsLeft(["dora@x.example"], putOff.delivery), ["dora@x.example"]);
    const second = afterSubmission({ kind: "accepted", response: "250 ok", refused: [] }, putOff.delivery, ATTEMPT);
    assert.deepEqual(
      [second.settlement.status, second.settlement.note],
      ["sent", "The email was sent, but not to carl@x.example: 550 5.1.1 unknown user."],
    );
  });

  it("never calls an email failed that some recipients have", () => {
    const partly = { attempts: MAXIMUM_DELIVERY_ATTEMPTS - 1, partly: true, refused: [{ ...NO, permanent: false }] };
    for (const permanent of [true, false]) {
      const { settlement } = afterSubmission(refusedSubmission(permanent), partly, ATTEMPT);
      assert.equal(settlement.status, "sent");
      assert.match(settlement.note ?? "", /not to carl@x\.example/);
    }
  });

  it("fails at once what is refused for good", () => {
    const { settlement } = afterSubmission(refusedSubmission(true), NOT_TRIED, ATTEMPT);
    assert.deepEqual([settlement.status, settlement.attempts], ["failed", 1]);
    assert.match(settlement.note ?? "", /451 4\.7\.1 try later/);
  });

  it("tries again what is put off, later and later, and fails after ten attempts", () => {
    const waits: number[] = [];
    for (let attempts = 0; attempts < MAXIMUM_DELIVERY_ATTEMPTS - 1; attempts += 1) {
      const { settlement } = afterSubmission(refusedSubmission(false), { ...NOT_TRIED, attempts }, ATTEMPT);
      assert.ok(settlement.status === "retry");
      assert.equal(settlement.attempts, attempts + 1);
      waits.push((settlement.notBefore.getTime() - NOW.getTime()) / 60_000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    const last = { ...NOT_TRIED, attempts: MAXIMUM_DELIVERY_ATTEMPTS - 1 };
    assert.equal(afterSubmission(refusedSubmission(false), last, ATTEMPT).settlement.status, "failed");
    assert.equal(
      afterSubmission(refusedSubmission(false), { ...NOT_TRIED, attempts: 1 }, { ...ATTEMPT, maximumAttempts: 2 }).settlement.status,
      "failed",
    );
  });

  it("never sends again what may have left", () => {
    const { settlement } = afterSubmission({ kind: "unknown", reason: "connection lost" }, { ...NOT_TRIED, attempts: 4 }, ATTEMPT);
    assert.deepEqual([settlement.status, settlement.attempts], ["unknown", 5]);
  });

  it("uses up exactly one attempt and keeps notes short, whatever the server says", () => {
    const refused = fc.array(
      fc.record({ address: fc.string(), permanent: fc.boolean(), response: fc.string({ unit: "binary", maxLength: 2_000 }) }),
      { maxLength: 50 },
    );
    const submission: fc.Arbitrary<Submission> = fc.oneof(
      fc.record({ kind: fc.constant("accepted" as const), response: fc.string(), refused }),
      fc.record({ kind: fc.constant("refused" as const), permanent: fc.boolean(), response: fc.string(), refused }),
      fc.record({ kind: fc.constant("unknown" as const), reason: fc.string() }),
    );
    fc.assert(
      fc.property(submission, fc.nat(20), (one, before) => {
        const { settlement } = afterSubmission(one, { ...NOT_TRIED, attempts: before }, ATTEMPT);
        assert.equal(settlement.attempts, before + 1);
        assert.doesNotMatch(settlement.note ?? "", /\p{Cc}/u);
        assert.ok((settlement.note ?? "").length < 12_000);
      }),
    );
  });
});

it("waitAfter stays between a minute and an hour for any number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (attempts) =>
      assert.ok(waitAfter(attempts) >= 60_000 && waitAfter(attempts) <= 3_600_000),
    ),
  );
});
