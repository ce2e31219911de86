/** Many mailboxes share what one organization allows: told by the order of events and by counts, not by the clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ONLINE, type ServiceLimits } from "../../src/connectors/dataverse/client/limits.ts";
import { ONLINE_LIMITS, type ProtectionLimits, ServiceProtection } from "../../src/server/service-protection.ts";
import type { WebApiHook } from "../../src/server/web-api-hook.ts";
import { onBehalfOf } from "../../src/wire/on-behalf-of.ts";
import { incoming } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** Protects itself as Dynamics online does, with other limits, and counts what it refuses. */
function protectedBy(limits: Partial<ProtectionLimits>): {
  readonly hook: WebApiHook;
  readonly counts: { answered: number; refused: number };
} {
  const protection = new ServiceProtection({ ...ONLINE_LIMITS, ...limits });
  const counts = { answered: 0, refused: 0 };
  const hook: WebApiHook = {
    around: async (asked, next) => {
      const answer = await protection.around(asked, next);
      counts[answer.status === 429 ? "refused" : "answered"] += 1;
      return answer;
    },
  };
  return { hook, counts };
}

/** One email more in the name of a caller. */
function deliverOne({ crm }: DataverseUnderTest, caller: string, then: () => void): Promise<void> {
  return onBehalfOf(caller, () => crm.deliver([incoming({})]).then(then));
}

const LIMITS: ServiceLimits = { concurrent: 2, budget: { window: 3000, requests: 20, execution: 1_200_000 }, batch: 1000 };

test("beside a mailbox with much to deliver, others wait for their own turns only, and nothing is refused", async () => {
  const { hook, counts } = protectedBy({ requests: 20, seconds: 3, concurrent: 2 });
  await using here = await dataverseUnderTest("pglite", { hook, limits: LIMITS });
  await here.crm.organizationSettings();
  const done: string[] = [];
  const large = Array.from({ length: 40 }, () => deliverOne(here, "large", () => done.push("large")));
  while (done.length === 0) await Promise.race(large);
  const small = ["ann", "ben", "carl"].map((name) => deliverOne(here, name, () => done.push(name)));
  await Promise.all([...large, ...small]);
  assert.equal(done.length, 43);
  // Two may run when they come, and each turn of theirs may have one of the large mailbox before it.
  for (const name of ["ann", "ben", "carl"]) assert.ok(done.indexOf(name) <= 10, done.join(" "));
  assert.equal(counts.refused, 0);
});

test("an organization that allows less than is known of it, as others use it too, is not asked in vain again and again", async () => {
  const { hook, counts } = protectedBy({ requests: 20, seconds: 2 });
  await using here = await dataverseUnderTest("pglite", {
    hook,
    limits: { ...ONLINE, budget: { window: 2000, requests: 60, execution: 1_200_000 } },
  });
  await here.crm.organizationSettings();
  let done = 0;
  const callers = ["ann", "ben", "carl", "dora"];
  await Promise.all(
    callers.map(async (caller) => {
      for (let emails = 0; emails < 20; emails++) await deliverOne(here, caller, () => done++);
    }),
  );
  assert.equal(done, 80);
  // Each time that the limit was met, of twenty requests, those that were under way, one of each caller, and no more: whoever waits is held back with them.
  assert.ok(counts.refused <= 20, JSON.stringify(counts));
});
