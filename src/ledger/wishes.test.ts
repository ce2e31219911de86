import assert from "node:assert/strict";
import { test } from "node:test";
import { decisionKey, emailIdFor, identityOf } from "../model/identity.ts";
import { head } from "../tracking/test-data.ts";
import { wishKeys } from "./wishes.ts";

test("A word about a message binds it in other mailboxes too when its head is purged, also where it was forwarded", () => {
  const message = head({ messageId: "mill@customer.example" });
  const identity = identityOf(message);
  assert.equal(identity.weak, false);
  const forwarded = { ...message, forwarded: { kind: "original", forwarder: "ann@crm.example", because: "" } as const };
  for (const one of [message, forwarded]) {
    const keys = wishKeys("CRM", { mailboxId: "box", decisionKey: decisionKey(identity, one), head: null });
    assert.ok(keys.includes(emailIdFor("CRM", identity.key)));
  }
});
