/** Where Dynamics lets nobody change the status of a completed email: the claim is a note in the ledger, and an email stays in Pending Send while it is sent. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Answer, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { type Settlement, STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { incoming, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

const LONG_AFTER = new Date("2999-01-01T00:00:00Z");

/** Asked before and after each request; what it throws is what the connector meets, as when the process dies there. */
let onRequest: (request: Request, when: "before" | "after") => void = () => {};
/** What of an email cannot be written besides its status. */
let closed: (request: Request) => boolean = () => false;
/** Statuses can be changed, but for as long as this says not. */
let refusesStatus = true;

function refused(serverSaid: string): Answer {
  const failure = new Failure({ scope: "item", code: "request refused", message: "refused", serverSaid, remedy: "", waitingHelps: false });
  return { kind: "refused", status: 400, code: "0x8004022e", failure };
}

function changesStatus({ method, body }: Request): boolean {
  const change = JSON.stringify(body ?? {});
  return method === "PATCH" && /"statuscode":[3678]/.test(change) && !/"statuscode":6/.test(change);
}

function watched(client: DataverseClient): DataverseClient {
  return {
    ...client,
    send: async (request, options) => {
      onRequest(request, "before");
      if (closed(request)) return refused("It is closed.");
      const answer = refusesStatus && changesStatus(request) ? refused("The object is read-only.") : await client.send(request, options);
      onRequest(request, "after");
      return answer;
    },
  };
}

describe("sending for Dynamics by claims in the ledger", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite", { around: watched });
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  const sent = (id: string): Settlement => ({
    ...{ status: "sent", messageId: `${id}@x.test`, subject: `s ${id}`, sentOn: new Date(), attempts: 1, note: null },
  });

  /** An email in Pending Send, with its sender. */
  async function pending(parentEmailId?: string): Promise<{ ann: string; annId: string; id: string }> {
    const ann = unique("ann");
    const annId = await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")], ...(parentEmailId !== undefined && { parentEmailId }) });
    await here.send(id, annId);
    return { ann, annId, id };
  }

  /** Somebody changes an email, and presses no Send. */
  async function edit(id: string, by: string): Promise<void> {
    await here.database.query("update crm.email set modifiedby = $2, prioritycode = 2 where activityid = $1", [id, by]);
  }

  const offered = async (ann: string) => (await here.crm.pending(ann, 10, LONG_AFTER)).map(({ generation }) => generation);

  test("of several processes each email has one, in whatever order they come", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const ids = await Promise.all(Array.from({ length: 5 }, () => here.draft({ from: ann, to: [unique("x")] })));
    for (const id of ids) await here.send(id, null);
    const processes = [here.crm, here.another(), here.another()];
    const claims = await Promise.all(
      processes.flatMap((crm, number) => (number === 1 ? ids.toReversed() : ids).map((id) => crm.claim(id, 1))),
    );
    assert.deepEqual(claims.flatMap((one) => one?.id ?? []).sort(), [...ids].sort());
    const settled = await Promise.all(processes.flatMap((crm) => ids.map((id) => crm.settle(id, 1, sent(id)))));
    assert.equal(settled.filter((one) => one === "settled").length, ids.length);
    for (const id of ids) {
      const seen = await here.read(id);
      assert.deepEqual([seen?.status, seen?.messageId, seen?.subject], [STATUS.sent, `${id}@x.test`, `s ${id}`]);
    }
    assert.deepEqual(await offered(ann), []);
  });

  test("whenever the process dies while it claims or settles, the email is claimed once and is Sent in the end", async () => {
    class Death extends Error {}
    for (const work of ["claim", "settle"] as const) {
      let steps = 0;
      for (let deaths = 1; steps === 0; deaths++) {
        const { ann, id } = await pending();
        if (work === "settle") await here.crm.claim(id, 1);
        let left = deaths;
        onRequest = () => {
          if (--left === 0) throw new Death();
        };
        const run = work === "claim" ? here.crm.claim(id, 1) : here.crm.settle(id, 1, sent(id));
        const died = await run.then(
          () => false,
          (error: unknown) => {
            if (error instanceof Death) return true;
            throw error;
          },
        );
        onRequest = () => {};
        if (!died) steps = deaths - 1;
        const others = await here.another().claim(id, 1);
        if (work === "settle") assert.equal(others, null, "whoever comes later does not have it");
        if (others === null) {
          // What the engine does with what was claimed and not transmitted, or was stored and not told.
          const after = { status: "retry", attempts: 0, notBefore: new Date(0), note: "died" } as const;
          const again = await here.crm.settle(id, 1, work === "claim" ? after : sent(id));
          if (work === "claim") {
            assert.equal(again, "settled");
            assert.ok(await here.crm.claim(id, 1));
          }
        }
        await here.crm.settle(id, 1, sent(id));
        const seen = await here.read(id);
        assert.deepEqual([seen?.status, seen?.messageId, seen?.subject], [STATUS.sent, `${id}@x.test`, `s ${id}`], `${work} ${deaths}`);
        assert.deepEqual(await offered(ann), []);
      }
      assert.ok(steps >= 6, `${work}: it died at ${steps} moments`);
    }
  });

  test("an unknown outcome is not sent again, whoever changes the email, and not when a person says that it failed, until it is taken out of Pending Send", async () => {
    const { ann, annId, id } = await pending();
    await here.crm.claim(id, 1);
    await here.crm.settle(id, 1, { status: "unknown", messageId: `${id}@x.test`, attempts: 1, note: "cut" });
    await edit(id, annId);
    assert.deepEqual(await offered(ann), []);
    assert.equal(await here.crm.settle(id, 1, { status: "failed", attempts: 1, note: "A person decided" }), "stays pending");
    await edit(id, annId);
    assert.deepEqual(await offered(ann), []);
    assert.equal(await here.crm.claim(id, 2), null);
  });

  test("what failed is offered as a new generation when somebody else changed it, and not when Waypost did", async () => {
    const { ann, annId, id } = await pending();
    await here.crm.claim(id, 1);
    assert.equal(await here.crm.settle(id, 1, { status: "failed", attempts: 1, note: "550" }), "stays pending");
    await edit(id, here.served.userId);
    assert.deepEqual(await offered(ann), []);
    await edit(id, annId);
    assert.deepEqual(await offered(ann), [2]);
    assert.equal((await here.crm.claim(id, 2))?.generation, 2);
    assert.deepEqual(await offered(ann), []);
  });

  test("what waits for another try waits its time and goes on under the same generation, also when somebody changed it", async () => {
    const { ann, annId, id } = await pending();
    await here.crm.claim(id, 1);
    const notBefore = new Date("2998-01-01T00:00:00Z");
    await here.crm.settle(id, 1, { status: "retry", attempts: 3, notBefore, note: "busy", partly: true });
    assert.deepEqual(await here.crm.pending(ann, 10, new Date()), []);
    await edit(id, annId);
    assert.deepEqual(await offered(ann), [1]);
    assert.equal((await here.crm.claim(id, 1))?.attempts, 3);
  });

  test("where nothing of the email can be written and nothing records it as sent, it is not sent again, and answers name what they answer", async () => {
    closed = ({ method, path }) => (method === "PATCH" && path.startsWith("emails(")) || path.endsWith("SendEmail");
    try {
      const asked = incoming({ inReplyTo: "first@x.test" });
      await here.embedded.deliver([asked]);
      const { ann, annId, id } = await pending(asked.id);
      const claimed = await here.crm.claim(id, 1);
      assert.deepEqual([claimed?.inReplyTo, claimed?.subject], [asked.messageId, `subject ${claimed?.trackingToken}`]);
      assert.equal(await here.crm.settle(id, 1, sent(id)), "stays pending");
      await edit(id, annId);
      assert.deepEqual(await offered(ann), []);
      const followUp = await pending(id);
      const next = await here.crm.claim(followUp.id, 1);
      assert.deepEqual([next?.inReplyTo, next?.references.at(-1)], [`${id}@x.test`, asked.messageId]);
    } finally {
      closed = () => false;
    }
  });

  test("that statuses are refused is remembered for all processes, and found out again after an hour", async () => {
    let made = 0;
    let tried = 0;
    onRequest = (request, when) => {
      if (when !== "before") return;
      if (request.method === "POST" && request.path === "emails") made++;
      if (changesStatus(request)) tried++;
    };
    try {
      const [one, two, three] = [await pending(), await pending(), await pending()];
      assert.ok(await here.another().claim(one.id, 1));
      assert.deepEqual([made, tried], [0, 0], "known from the tests before");
      await here.database.query(
        "update waypost.sending_note set value = jsonb_set(value, '{at}', to_jsonb('2020-01-01T00:00:00.000Z'::text)) where key = 'statuses'",
      );
      assert.ok(await here.another().claim(two.id, 1));
      assert.deepEqual([made, tried], [0, 1], "the next claim tries");
      await here.database.query(
        "update waypost.sending_note set value = jsonb_set(value, '{at}', to_jsonb('2020-01-01T00:00:00.000Z'::text)) where key = 'statuses'",
      );
      refusesStatus = false;
      assert.ok(await here.crm.claim(three.id, 1));
      assert.equal((await here.read(three.id))?.status, STATUS.sending, "and claims in Dynamics, where it can");
      assert.equal(await here.crm.settle(one.id, 1, sent(one.id)), "settled", "what was claimed by a note goes on by it");
      assert.equal((await here.read(one.id))?.status, STATUS.sent);
    } finally {
      onRequest = () => {};
      refusesStatus = true;
    }
  });

  test("an email that alone is refused is that one's failure, and the others are claimed in Dynamics", async () => {
    refusesStatus = false;
    const [bad, good] = [await pending(), await pending()];
    closed = ({ path, body }) => path === `emails(${bad.id})` && JSON.stringify(body ?? {}).includes('"statuscode":7');
    try {
      await assert.rejects(here.crm.claim(bad.id, 1), (error) => error instanceof Failure && error.scope === "item");
      assert.equal(await here.crm.claim(bad.id, 1), null, "it is claimed all the same");
      assert.equal(await here.crm.settle(bad.id, 1, { status: "failed", attempts: 0, note: "refused" }), "settled");
      assert.equal((await here.read(bad.id))?.status, STATUS.failed);
      assert.ok(await here.crm.claim(good.id, 1));
      assert.equal((await here.read(good.id))?.status, STATUS.sending);
    } finally {
      closed = () => false;
      refusesStatus = true;
    }
  });
});
