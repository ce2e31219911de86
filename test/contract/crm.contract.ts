import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { byHandPromises } from "./crm-by-hand.contract.ts";
import { receivingPromises } from "./crm-receiving.contract.ts";
import { recordsPromises } from "./crm-records.contract.ts";
import { sendingPromises } from "./crm-sending.contract.ts";
import type { CrmUnderTest, Lack } from "./crm-under-test.ts";

export interface ContractOptions {
  /** Why the suite cannot run here. */
  readonly skip?: string | false;
  /** What the CRM says that it lacks; in its place the suite has tests that this is refused. */
  readonly lacks?: ReadonlySet<Lack>;
}

/** What any implementation of the Crm port promises. Tests share one organization and keep apart by their addresses. */
export function crmContract(
  name: string,
  makeCrm: () => Promise<CrmUnderTest>,
  { skip = false, lacks = new Set() }: ContractOptions = {},
): void {
  describe(`Crm port: ${name}`, { skip }, () => {
    let here: CrmUnderTest;
    before(async () => {
      here = await makeCrm();
      assert.deepEqual(here.lacks ?? new Set(), lacks);
    });
    after(async () => {
      await here?.[Symbol.asyncDispose]();
    });
    receivingPromises(() => here);
    sendingPromises(() => here);
    byHandPromises(() => here);
    recordsPromises(() => here, lacks);
  });
}
