import { after, before, describe } from "node:test";
import { byHandPromises } from "./crm-by-hand.contract.ts";
import { receivingPromises } from "./crm-receiving.contract.ts";
import { recordsPromises } from "./crm-records.contract.ts";
import { sendingPromises } from "./crm-sending.contract.ts";
import type { CrmUnderTest } from "./crm-under-test.ts";

/** What any implementation of the Crm port promises. Tests share one organization and keep apart by their addresses. */
export function crmContract(name: string, makeCrm: () => Promise<CrmUnderTest>, skip: string | false = false): void {
  describe(`Crm port: ${name}`, { skip }, () => {
    let here: CrmUnderTest;
    before(async () => {
      here = await makeCrm();
    });
    after(async () => {
      await here?.[Symbol.asyncDispose]();
    });
    receivingPromises(() => here);
    sendingPromises(() => here);
    byHandPromises(() => here);
    recordsPromises(() => here);
  });
}
