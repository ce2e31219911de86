/** Delivery where a plug-in or rule of the organization puts new emails into a queue by itself: a trigger of the database stands for it. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { ChangeSet, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import { file, incoming, party, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

class Death extends Error {}

/** Told of each change before it goes out; what it throws is what the connector meets, as when the process dies there. */
let onChange: (request: Request) => void = () => {};

function watched(client: DataverseClient): DataverseClient {
  return {
    ...client,
    send: (request, options) => {
      if (request.method !== "GET") onChange(request);
      return client.send(request, options);
    },
    changeSets: (sets: readonly ChangeSet[], options) => {
      for (const { changes } of sets) for (const change of changes.slice(0, 1)) onChange(change);
      return client.changeSets(sets, options);
    },
  };
}

/** When the rule puts an email into the queue: as soon as there is one, or when it is received. */
const RULES = {
  "as soon as it is there": "after insert on crm.email for each row when (not new.directioncode)",
  "when it is received": "after update on crm.email for each row when (new.statuscode = 4 and old.statuscode <> 4)",
} as const;

describe("an organization that puts new emails into a queue by itself", () => {
  let here: DataverseUnderTest;
  let queues: readonly string[];
  before(async () => {
    here = await dataverseUnderTest("pglite", { around: watched });
    queues = [await here.queue({ address: unique("ruled") }), await here.queue({ address: unique("other") })];
  });
  afterEach(() => here.database.query("drop trigger if exists rule on crm.email"));
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  async function rule(when: string): Promise<void> {
    await here.database.query(
      `create or replace function crm.rule() returns trigger language plpgsql as $$ begin
         insert into crm.queueitem (queueitemid, queueid, objectid, title) values (gen_random_uuid(), '${queues[0]}', new.activityid, new.subject);
         return null;
       end $$`,
    );
    await here.database.query(`create trigger rule ${when} execute function crm.rule()`);
  }

  const addressed = () =>
    incoming({
      attachments: [file("a.txt", "a"), file("b.txt", "b")],
      placement: { queueIds: [...queues], parties: [party(PARTICIPATION.to, unique("x"))] },
    });

  async function isWhole(id: string): Promise<void> {
    const seen = await here.read(id);
    assert.deepEqual(
      [seen?.status, seen?.attachments.map(({ filename }) => filename), seen?.queueIds.toSorted()],
      [STATUS.received, ["a.txt", "b.txt"], queues.toSorted()],
    );
    assert.equal((await here.crm.whole([id])).size, 1);
  }

  for (const [moment, when] of Object.entries(RULES)) {
    test(`${moment}: it lies there already, which is no failure, and in its other queues`, async () => {
      await rule(when);
      const emails = [addressed(), incoming({}), addressed()];
      assert.deepEqual(
        (await here.crm.deliver(emails)).map(({ result }) => result),
        ["created", "created", "created"],
      );
      for (const index of [0, 2]) await isWhole(emails[index]?.id ?? "");
      assert.deepEqual(
        (await here.crm.deliver(emails)).map(({ result }) => result),
        ["existed", "existed", "existed"],
      );
    });

    test(`${moment}: it becomes whole whenever the process dies`, async () => {
      await rule(when);
      const email = addressed();
      let deaths = 0;
      for (let isDelivered = false; !isDelivered; ) {
        // The first life dies before its first change, the next one before its second, and so on.
        let left = ++deaths;
        onChange = () => {
          if (--left === 0) throw new Death();
        };
        try {
          await here.crm.deliver([email]);
          isDelivered = true;
        } catch (error) {
          if (!(error instanceof Death)) throw error;
        }
      }
      onChange = () => {};
      assert.ok(deaths > 3, `died ${deaths} times`);
      await isWhole(email.id);
    });
  }
});
