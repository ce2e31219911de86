import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { STATUS } from "../../src/model/email.ts";
import { unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

describe("sending for Dynamics", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite");
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  test("of several routers at one organization each email has one", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const ids = await Promise.all(Array.from({ length: 5 }, () => here.draft({ from: ann, to: [unique("x")] })));
    for (const id of ids) await here.send(id, null);
    const routers = [here.crm, here.another(), here.another()];
    const claims = await Promise.all(routers.flatMap((crm) => ids.map((id) => crm.claim(id, 1))));
    const won = claims.flatMap((one) => one?.id ?? []);
    assert.deepEqual(won.sort(), [...ids].sort());
    for (const id of ids) assert.equal((await here.read(id))?.status, STATUS.sending);
  });

  test("who takes an email out of its waiting and presses Send again makes another generation, and Waypost's own retry none", async () => {
    const ann = unique("ann");
    const annId = await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await here.send(id, annId);
    await here.crm.claim(id, 1);
    await here.crm.settle(id, 1, { status: "retry", attempts: 1, notBefore: new Date(0), note: "busy" });
    assert.deepEqual(await here.crm.pending(ann, 10, new Date()), [{ id, generation: 1 }]);
    await here.database.query("update crm.email set statuscode = 1 where activityid = $1", [id]);
    assert.deepEqual(await here.crm.pending(ann, 10, new Date()), []);
    await here.send(id, annId);
    assert.deepEqual(await here.crm.pending(ann, 10, new Date()), [{ id, generation: 2 }]);
    assert.equal(await here.crm.claim(id, 1), null);
    assert.deepEqual([(await here.crm.claim(id, 2))?.attempts, (await here.crm.outgoing(id))?.submitterId], [0, annId]);
  });

  test("what another program keeps on an email beside Waypost's mark stays through its sending", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await here.database.query(`update crm.email set activityadditionalparams = '{"other":{"a":1}}' where activityid = $1`, [id]);
    await here.send(id, null);
    await here.crm.claim(id, 1);
    const sent = { status: "sent", messageId: `${id}@x.test`, subject: "s", sentOn: new Date(), attempts: 1, note: null } as const;
    assert.equal(await here.crm.settle(id, 1, sent), "settled");
    const { rows } = await here.database.query<{ text: string }>(
      "select activityadditionalparams as text from crm.email where activityid = $1",
      [id],
    );
    assert.deepEqual(JSON.parse(rows[0]?.text ?? "").other, { a: 1 });
  });
});
