import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { head, incoming, party, query, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** Paths of the requests that the organization gets. */
const requests: string[] = [];
let here: DataverseUnderTest;
before(async () => {
  here = await dataverseUnderTest("pglite", {
    hook: {
      around: (asked, next) => {
        requests.push(asked.path);
        return next();
      },
    },
  });
});
after(async () => {
  await here?.[Symbol.asyncDispose]();
});

/** Besides the settings, which are kept for a minute and here for no time. */
async function factsCost(heads: Parameters<typeof query>[0]): Promise<number> {
  requests.length = 0;
  await here.crm.facts(query(heads));
  return requests.filter((path) => path !== "organizations").length;
}

test("a page takes two requests, whatever its heads hold: addresses and earlier emails, then whose they are and who votes", async () => {
  const [ann, carl] = [unique("ann"), unique("carl")];
  await here.user({ address: ann, filter: 2 });
  const contact = await here.contact({ addresses: [carl] });
  const earlier = incoming({
    placement: { trackingToken: "CRM:0001001", parties: [party(PARTICIPATION.sender, carl, contact), party(PARTICIPATION.to, ann)] },
  });
  await here.embedded.deliver([earlier]);
  const letter = head({ from: [carl], to: [ann] });
  const answer = head({ from: [carl], to: [ann], inReplyTo: [earlier.messageId ?? ""], subject: "Re: subject CRM:0001001" });
  // What is asked once is known now: the metadata, and whether the index of addresses can be read.
  await here.crm.facts(query([letter]));
  assert.equal(await factsCost([letter]), 2);
  assert.equal(await factsCost([letter, answer, ...Array.from({ length: 20 }, () => head({ from: [unique("stranger")], to: [ann] }))]), 2);
});
