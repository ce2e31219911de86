import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { incoming, unique } from "./crm-fixtures.ts";
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

  test("an answer names the message that it answers, also where that one's Message-ID is kept with angle brackets", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const asked = incoming({});
    await here.crm.deliver([asked]);
    await here.database.query("update crm.email set messageid = '<' || messageid || '>' where activityid = $1", [asked.id]);
    const answer = await here.draft({ from: ann, to: [unique("x")], parentEmailId: asked.id });
    await here.send(answer, null);
    assert.equal((await here.crm.claim(answer, 1))?.inReplyTo, asked.messageId);
  });

  test("what another router has in hand is its own to settle, though this one had meant to send it first", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await here.send(id, null);
    const other = here.another(undefined, sendingNotes(here.database, "another ledger"));
    assert.ok(await other.claim(id, 1));
    const retry = { status: "retry", attempts: 0, notBefore: new Date(0), note: "nothing was transmitted" } as const;
    assert.equal(await here.crm.settle(id, 1, retry), "not in hand");
    assert.equal((await here.read(id))?.status, STATUS.sending);
    const sent = { status: "sent", messageId: `${id}@x.test`, subject: "s", sentOn: new Date(), attempts: 1, note: null } as const;
    assert.equal(await other.settle(id, 1, sent), "settled");
  });

  test("a claim whose answer is lost is known again by whoever made it, and by nobody else", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await here.send(id, null);
    let lost = 0;
    const losing = (client: DataverseClient): DataverseClient => ({
      ...client,
      send: async (request, options) => {
        const answer = await client.send(request, options);
        if (request.method !== "PATCH" || lost > 0) return answer;
        lost++;
        const failure = { scope: "organization", code: "connection lost", message: "Lost.", remedy: "Wait.", waitingHelps: true } as const;
        return { kind: "unknown", failure: new Failure(failure) };
      },
    });
    const router = here.another(losing);
    assert.equal((await router.claim(id, 1))?.id, id);
    assert.equal(lost, 1);
    assert.deepEqual([await router.claim(id, 1), await here.crm.claim(id, 1)], [null, null], "it is claimed once");
  });

  test("an email that has left is Sent, though the organization does not take the subject under which it left", async () => {
    const ann = unique("ann");
    await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await here.send(id, null);
    let refused = 0;
    const strict = (client: DataverseClient): DataverseClient => ({
      ...client,
      send: async (request, options) => {
        const hasSubject =
          request.method === "PATCH" && typeof request.body === "object" && request.body !== null && "subject" in request.body;
        if (!hasSubject) return client.send(request, options);
        refused++;
        const failure = {
          scope: "item",
          code: "request refused",
          message: "Too long.",
          remedy: "Shorten it.",
          waitingHelps: false,
        } as const;
        return { kind: "refused", status: 400, code: "0x80044331", failure: new Failure(failure) };
      },
    });
    const router = here.another(strict);
    await router.claim(id, 1);
    const sent = { status: "sent", messageId: `${id}@x.test`, subject: "another", sentOn: new Date(), attempts: 1, note: null } as const;
    assert.equal(await router.settle(id, 1, sent), "settled");
    assert.deepEqual([refused, (await here.read(id))?.status, (await here.read(id))?.messageId], [1, STATUS.sent, `${id}@x.test`]);
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
