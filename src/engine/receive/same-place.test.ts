import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { head, NOW } from "../../ledger/test-data.ts";
import type { ToldBefore } from "../../ledger/told-before.ts";
import { remainderOf } from "../../model/identity.ts";
import type { Reading } from "./reading.ts";
import { lyingThere } from "./same-place.ts";

/** Its email is not there any more: there is no content to compare with. */
const READING = {
  context: { crm: () => ({ whole: async () => new Map() }) },
  work: { mailbox: { organization: "contoso" } },
} as unknown as Reading;

const BEFORE = head("one@stranger.test");
const TOLD: ToldBefore = {
  decisionId: 1,
  identity: "identity",
  likeness: null,
  received: NOW,
  head: null,
  remainder: remainderOf(BEFORE),
  outcome: "duplicate",
  emailId: "44444444-4444-8444-8444-444444444444",
  isLookAlike: false,
  gone: false,
};

describe("a copy whose head is purged and whose email a person deleted", () => {
  it("is the same where its server writes the Message-ID and the sender anew: it does not come back as a second email", async () => {
    const now = head("another@stranger.test", { ref: BEFORE.ref, from: [{ name: "", address: "written@anew.test" }] });
    assert.deepEqual(await lyingThere(READING, [{ head: now, told: TOLD }]), new Map([[BEFORE.ref.id, "same"]]));
  });

  it("is another one where the subject or the people are others", async () => {
    for (const change of [{ subject: "Something else" }, { to: [{ name: "", address: "ben@example.test" }] }]) {
      const now = head("another@stranger.test", { ref: BEFORE.ref, ...change });
      assert.deepEqual(await lyingThere(READING, [{ head: now, told: TOLD }]), new Map([[BEFORE.ref.id, "look-alike"]]));
    }
  });
});
