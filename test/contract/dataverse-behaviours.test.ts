/** The promises of sending are kept whatever is not known for certain of Dynamics: each behaviour on and off. */
import { after, before, describe } from "node:test";
import { sendingPromises } from "./crm-sending.contract.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

for (const changesCompletedStatus of [true, false])
  for (const sendsWithMethodNone of [true, false])
    for (const honoursBackgroundSend of [true, false]) {
      const behaviour = { changesCompletedStatus, sendsWithMethodNone, honoursBackgroundSend };
      const named = Object.entries(behaviour).map(([name, on]) => `${name} ${on ? "on" : "off"}`);
      describe(`sending for Dynamics, ${named.join(", ")}`, () => {
        let here: DataverseUnderTest;
        before(async () => {
          here = await dataverseUnderTest("pglite", { behaviour });
        });
        after(async () => {
          await here?.[Symbol.asyncDispose]();
        });
        sendingPromises(() => here);
      });
    }
