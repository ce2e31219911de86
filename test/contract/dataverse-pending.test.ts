/** What looking for emails to send costs an organization, and that none of many is forgotten. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

describe("emails in Pending Send", () => {
  const requests: string[] = [];
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite", {
      hook: {
        around: (asked, next) => {
          requests.push(`${asked.method} ${asked.path}`);
          return next();
        },
      },
    });
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  /** Each has so many emails that are due. */
  async function senders(count: number, emails: number): Promise<readonly { readonly address: string; readonly ids: readonly string[] }[]> {
    return await Promise.all(
      Array.from({ length: count }, async () => {
        const address = unique("ann");
        await here.user({ address });
        const ids = await Promise.all(Array.from({ length: emails }, () => here.draft({ from: address, to: [unique("x")] })));
        for (const id of ids) await here.send(id, null);
        return { address, ids };
      }),
    );
  }

  async function cost<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly requests: number }> {
    requests.length = 0;
    const result = await work();
    return { result, requests: requests.length };
  }

  test("the senders of a round cost one reading, however many they are", async () => {
    const all = await senders(8, 2);
    // What is asked once is known now.
    await here.crm.pendingSenders(new Date());
    const { requests: one } = await cost(() => here.crm.pendingSenders(new Date()));
    const round = await cost(() => Promise.all(all.map(({ address }) => here.crm.pending(address, 10, new Date()))));
    assert.deepEqual(
      round.result.map((its) => its.map(({ id }) => id).sort()),
      all.map(({ ids }) => [...ids].sort()),
    );
    assert.equal(round.requests, 0, "it was read when it was looked who has something to send");
    const again = await cost(() => Promise.all(all.map(({ address }) => here.crm.pending(address, 10, new Date()))));
    assert.deepEqual(again.result, round.result);
    assert.ok(again.requests <= 2 * one, `${again.requests} requests; one reading has ${one}`);
  });

  test("what a sender does not take at once is kept for its next question: many emails cost one reading", async () => {
    const [ann] = await senders(1, 25);
    assert.ok(ann);
    await here.crm.pendingSenders(new Date());
    const taken: string[] = [];
    const round = await cost(async () => {
      for (let asked = 0; asked < 3; asked++) taken.push(...(await here.crm.pending(ann.address, 10, new Date())).map(({ id }) => id));
    });
    assert.deepEqual([taken.toSorted(), round.requests], [ann.ids.toSorted(), 0]);
  });

  test("what is pressed after a reading is found by the next question, and what another router took is not", async () => {
    const [ann] = await senders(1, 2);
    assert.ok(ann);
    await here.crm.pendingSenders(new Date());
    const [taken = "", left = ""] = ann.ids;
    assert.ok(await here.another().claim(taken, 1));
    const first = await here.crm.pending(ann.address, 10, new Date());
    const claims = await Promise.all(first.map(({ id, generation }) => here.crm.claim(id, generation)));
    assert.deepEqual(
      claims.flatMap((one) => one?.id ?? []),
      [left],
    );
    const more = await here.draft({ from: ann.address, to: [unique("x")] });
    await here.send(more, null);
    assert.deepEqual(await here.crm.pending(ann.address, 10, new Date()), [{ id: more, generation: 1 }]);
  });

  test("of many thousands page by page, each email is found, and nobody's keep those of others from being found", async () => {
    const [crowd, ann] = await senders(2, 1);
    assert.ok(crowd && ann);
    const [first] = crowd.ids;
    const many = 6_000;
    // Copies of one, all older than the other sender's.
    await here.database.query(
      `insert into crm.email (activityid, subject, directioncode, statuscode, createdon, modifiedon, versionnumber, ownerid, owneridtype)
       select gen_random_uuid(), subject, directioncode, statuscode, createdon - interval '1 day', modifiedon, versionnumber, ownerid, owneridtype
       from crm.email, generate_series(1, ${many}) where activityid = $1`,
      [first],
    );
    requests.length = 0;
    const due = await here.crm.pendingSenders(new Date());
    const pages = requests.filter((one) => one.startsWith("GET emails")).length;
    assert.equal(due.find(({ senderAddress }) => senderAddress === ann.address)?.emails, 1);
    assert.equal(due.find(({ senderAddress }) => senderAddress === null)?.emails, many);
    assert.ok(pages >= many / 1_000 && pages <= many / 1_000 + 2, `${pages} pages`);
    assert.deepEqual(
      (await here.crm.pending(ann.address, 10, new Date())).map(({ id }) => id),
      ann.ids,
    );
  });
});
