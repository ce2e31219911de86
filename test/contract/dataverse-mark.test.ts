/** What Waypost notes on an email in Dynamics stands in a column that is open to every program: what others do to it loses no email, and nothing of theirs is lost. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import { type Settlement, STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { incoming, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

const LONG_AFTER = new Date("2999-01-01T00:00:00Z");

/** What another program keeps there. */
const FOREIGN = {
  "no JSON": "order=17;colour=green",
  "JSON, and no object": '["order",17]',
  "filled up": JSON.stringify({ other: "x".repeat(8_170) }),
} as const;

describe("the mark on an outgoing email", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite");
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  const sent = (id: string): Settlement => ({
    ...{ status: "sent", messageId: `${id}@x.test`, subject: `s ${id}`, sentOn: new Date(), attempts: 1, note: null },
  });
  const retry = (more: { readonly attempts?: number; readonly notBefore?: Date; readonly partly?: true } = {}): Settlement => ({
    ...{ status: "retry", attempts: 1, notBefore: new Date(0), note: "busy", ...more },
  });
  const failed: Settlement = { status: "failed", attempts: 1, note: "550" };

  /** An email in Pending Send, with its sender. */
  async function pending(parameters: string | null = null): Promise<{ ann: string; annId: string; id: string }> {
    const ann = unique("ann");
    const annId = await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")] });
    await write(id, parameters);
    await here.send(id, annId);
    return { ann, annId, id };
  }

  /** Another program writes that into the column, as that user. */
  async function write(id: string, parameters: string | null, by: string | null = null): Promise<void> {
    await here.database.query(
      "update crm.email set activityadditionalparams = $2, modifiedby = coalesce($3, modifiedby) where activityid = $1",
      [id, parameters, by],
    );
  }

  async function column(id: string): Promise<string | null> {
    const { rows } = await here.database.query<{ text: string | null }>(
      "select activityadditionalparams as text from crm.email where activityid = $1",
      [id],
    );
    return rows[0]?.text ?? null;
  }

  const another = () => here.another(undefined, sendingNotes(here.database, unique("another ledger")));
  const offered = async (ann: string, crm = here.crm) => (await crm.pending(ann, 10, LONG_AFTER)).map(({ generation }) => generation);
  const statusOf = async (id: string) => (await here.read(id))?.status;

  for (const over of [null, "{}", '{"other":{"a":1}}', "someone's text"])
    test(`written over with ${over} while the email is being sent, it is settled all the same, and the ended press of Send is known`, async () => {
      const { ann, annId, id } = await pending();
      await here.crm.claim(id, 1);
      await write(id, over, annId);
      assert.equal(await here.another().settle(id, 1, failed), "settled", "by any process of this router");
      assert.equal(await statusOf(id), STATUS.failed);
      if (over === "someone's text") assert.equal(await column(id), over);
      if (over?.includes("other")) assert.deepEqual(JSON.parse((await column(id)) ?? "").other, { a: 1 });
      await write(id, over, annId);
      await here.send(id, annId);
      assert.deepEqual(await offered(ann), [2]);
      assert.ok(await here.crm.claim(id, 2));
      await write(id, over, annId);
      assert.equal(await here.crm.settle(id, 2, sent(id)), "settled");
      assert.equal(await statusOf(id), STATUS.sent);
      assert.equal(await here.crm.settle(id, 2, sent(id)), "not in hand", "once");
    });

  test("gone from an email that another router has in hand, this one does not settle it, and says that nothing tells whose it is", async () => {
    const { id } = await pending();
    const other = another();
    assert.ok(await other.claim(id, 1));
    await write(id, null);
    assert.equal(await here.crm.settle(id, 1, retry({ attempts: 0 })), "nobody's");
    assert.equal(await statusOf(id), STATUS.sending);
    assert.equal(await other.settle(id, 1, sent(id)), "settled");
  });

  for (const [what, text] of Object.entries(FOREIGN)) {
    test(`a column with ${what} stays as it is through sending, and of several routers one has the email`, async () => {
      const { ann, id } = await pending(text);
      const routers = [here.crm, here.another(), another(), another()];
      const claims = await Promise.all(routers.map((crm) => crm.claim(id, 1)));
      const winner = routers[claims.findIndex((one) => one !== null)];
      assert.equal(claims.filter((one) => one !== null).length, 1);
      assert.ok(winner);
      assert.equal(await statusOf(id), STATUS.sending);
      assert.equal(await column(id), text);
      assert.deepEqual(await offered(ann), []);
      assert.equal(await winner.settle(id, 1, sent(id)), "settled");
      assert.deepEqual([await statusOf(id), await column(id)], [STATUS.sent, text]);
    });

    test(`where the column has ${what}, an email waits for another try out of other routers' reach, and goes on with its attempts`, async () => {
      const { ann, annId, id } = await pending(text);
      assert.ok(await here.crm.claim(id, 1));
      const notBefore = new Date("2998-01-01T00:00:00Z");
      assert.equal(await here.crm.settle(id, 1, retry({ attempts: 3, notBefore, partly: true })), "settled");
      assert.equal(await here.crm.settle(id, 1, retry({ attempts: 3, notBefore, partly: true })), "not in hand", "once");
      const other = another();
      assert.deepEqual([await offered(ann, other), await other.claim(id, 1)], [[], null]);
      assert.deepEqual(await here.crm.pending(ann, 10, new Date()), []);
      assert.deepEqual(await offered(ann), [1]);
      await write(id, text, annId);
      const processes = [here.crm, here.another(), here.another()];
      const claims = (await Promise.all(processes.map((crm) => crm.claim(id, 1)))).flatMap((one) => one ?? []);
      assert.deepEqual([claims.length, claims[0]?.attempts, claims[0]?.submitterId], [1, 3, annId]);
      assert.deepEqual(await offered(ann), []);
      assert.equal(await here.crm.settle(id, 1, failed), "settled");
      assert.deepEqual([await statusOf(id), await column(id)], [STATUS.failed, text]);
      await here.send(id, annId);
      assert.deepEqual(await offered(ann), [2]);
    });
  }

  test("a column that others fill up beside the mark keeps what is theirs, and the older mark is not taken for what is", async () => {
    const { ann, annId, id } = await pending();
    await here.crm.claim(id, 1);
    const mark = JSON.parse((await column(id)) ?? "");
    const other = "x".repeat(8_190 - JSON.stringify({ other: "", ...mark }).length);
    await write(id, JSON.stringify({ other, ...mark }), annId);
    assert.equal(await here.crm.settle(id, 1, { status: "failed", attempts: 1, note: "550 no such user".repeat(9) }), "settled");
    assert.deepEqual([await statusOf(id), JSON.parse((await column(id)) ?? "")], [STATUS.failed, { other }]);
    await here.send(id, annId);
    assert.deepEqual(await offered(ann), [2]);
  });

  for (const presses of [1, 2])
    test(`a claim of press ${presses} of Send that the column does not take and whose answer is lost is nobody's, and says so; the next press is sent`, async () => {
      const { ann, annId, id } = await pending(FOREIGN["no JSON"]);
      if (presses === 2) {
        await here.crm.claim(id, 1);
        assert.equal(await here.crm.settle(id, 1, failed), "settled");
        await here.send(id, annId);
      }
      const losing = (client: DataverseClient): DataverseClient => ({
        ...client,
        send: async (request, options) => {
          const answer = await client.send(request, options);
          if (request.method !== "PATCH") return answer;
          const failure = {
            scope: "organization",
            code: "connection lost",
            message: "Lost.",
            remedy: "Wait.",
            waitingHelps: true,
          } as const;
          return { kind: "unknown", failure: new Failure(failure) };
        },
      });
      const router = here.another(losing);
      await assert.rejects(router.claim(id, presses), (error) => error instanceof Failure && error.scope === "item");
      assert.equal(await router.settle(id, presses, { status: "failed", attempts: 0, note: "lost" }), "nobody's");
      assert.equal(await here.crm.claim(id, presses), null);
      // What the alert says.
      await here.database.query("update crm.email set statuscode = 8 where activityid = $1", [id]);
      await here.send(id, annId);
      assert.deepEqual(await offered(ann), [presses + 1]);
      assert.ok(await here.crm.claim(id, presses + 1));
    });

  test("a number of presses that somebody made up stops neither this email nor any other", async () => {
    for (const generation of [99_998, 99_999, 100_000, 1e15]) {
      const forged = JSON.stringify({ waypost: { generation, ended: true } });
      const { ann, id } = await pending(forged);
      const [number = 0] = await offered(ann);
      assert.ok(await here.crm.claim(id, number), `generation ${generation}`);
      assert.equal(await here.crm.settle(id, number, sent(id)), "settled");
      const other = await pending();
      assert.deepEqual(await offered(other.ann), [1]);
    }
  });

  test("an email that others change each time is tried again, and not taken for settled", async () => {
    const { id } = await pending();
    await here.crm.claim(id, 1);
    const moving = (client: DataverseClient): DataverseClient => ({
      ...client,
      send: async (request, options) => {
        if (request.method === "PATCH") await here.database.query("update crm.email set category = 'x' where activityid = $1", [id]);
        return client.send(request, options);
      },
    });
    await assert.rejects(here.another(moving).settle(id, 1, sent(id)), (error) => error instanceof Failure && error.waitingHelps);
    assert.equal(await here.crm.settle(id, 1, sent(id)), "settled");
  });

  test("an answer to an email whose mark was written over names the whole thread", async () => {
    const asked = incoming({ headers: [["references", "<first@x.test>"]], inReplyTo: "first@x.test" });
    await here.crm.deliver([asked]);
    const ann = unique("ann");
    await here.user({ address: ann });
    const id = await here.draft({ from: ann, to: [unique("x")], parentEmailId: asked.id });
    await here.send(id, null);
    await here.crm.claim(id, 1);
    await here.crm.settle(id, 1, sent(id));
    await write(id, "someone's text");
    const followUp = await here.draft({ from: ann, to: [unique("x")], parentEmailId: id });
    await here.send(followUp, null);
    assert.deepEqual((await here.crm.claim(followUp, 1))?.references, ["first@x.test", asked.messageId]);
  });

  test("edits of an email that waits for another try begin nothing anew, and pressing Send again does", async () => {
    const { ann, annId, id } = await pending();
    for (let attempts = 1; attempts <= 3; attempts++) {
      assert.equal((await here.crm.claim(id, 1))?.attempts, attempts - 1);
      await here.crm.settle(id, 1, retry({ attempts, notBefore: new Date("2998-01-01T00:00:00Z") }));
      await here.database.query("update crm.email set prioritycode = $2, modifiedby = $3 where activityid = $1", [id, attempts % 3, annId]);
      assert.deepEqual([await here.crm.pending(ann, 10, new Date()), await offered(ann)], [[], [1]], "it waits its time");
    }
    await here.send(id, annId);
    assert.deepEqual(await here.crm.pending(ann, 10, new Date()), [{ id, generation: 2 }], "at once");
    assert.equal((await here.crm.claim(id, 2))?.attempts, 0);
  });

  test("who takes an email out of Sending and presses Send again makes another generation; that the first one left is told, and not shown", async () => {
    const { ann, annId, id } = await pending();
    await here.crm.claim(id, 1);
    await here.database.query("update crm.email set statuscode = 1 where activityid = $1", [id]);
    assert.equal(await here.crm.settle(id, 1, sent(id)), "taken out");
    await here.send(id, annId);
    assert.deepEqual(await offered(ann), [2]);
    assert.equal(await here.crm.settle(id, 1, sent(id)), "taken out");
    assert.ok(await here.crm.claim(id, 2));
    assert.equal(await here.crm.settle(id, 1, sent(id)), "not in hand");
    assert.equal(await here.crm.settle(id, 2, sent(id)), "settled");
  });

  test("an email that some recipients have goes on from the router that knows which, and from no other", async () => {
    const { ann, id } = await pending();
    const other = another();
    assert.ok(await other.claim(id, 1));
    assert.equal(await other.settle(id, 1, retry({ partly: true })), "settled");
    assert.deepEqual([await offered(ann), await here.crm.claim(id, 1)], [[], null]);
    assert.deepEqual(await offered(ann, other), [1]);
    assert.ok(await other.claim(id, 1));
  });

  for (const [what, text] of Object.entries({ "an empty column": null, "another program's text": FOREIGN["no JSON"] }))
    test(`with ${what}, whenever the process dies while it claims or settles, nobody has the email twice, and it is Sent in the end or named`, async () => {
      class Death extends Error {}
      for (const [work, press] of [
        ["claim", 1],
        ["claim", 2],
        ["retry", 1],
        ["sent", 1],
      ] as const) {
        let steps = 0;
        for (let deaths = 1; steps === 0; deaths++) {
          const { ann, annId, id } = await pending(text);
          if (press === 2) {
            await here.crm.claim(id, 1);
            await here.crm.settle(id, 1, failed);
            await here.send(id, annId);
          }
          if (work !== "claim") await here.crm.claim(id, 1);
          let left = deaths;
          const write = async <T>(act: () => Promise<T>): Promise<T> => {
            if (--left === 0) throw new Death();
            const answer = await act();
            if (--left === 0) throw new Death();
            return answer;
          };
          const notes = sendingNotes(here.database, "CRM");
          const dying = (client: DataverseClient): DataverseClient => ({
            ...client,
            send: (request, options) =>
              request.method === "GET" ? client.send(request, options) : write(() => client.send(request, options)),
          });
          const mortal = here.another(dying, { ...notes, write: (...given) => write(() => notes.write(...given)) });
          const run = work === "claim" ? mortal.claim(id, press) : mortal.settle(id, 1, work === "retry" ? retry() : sent(id));
          const died = await run.then(
            () => false,
            (error: unknown) => {
              if (error instanceof Death) return true;
              throw error;
            },
          );
          if (!died) steps = deaths - 1;
          const survivor = here.another();
          // What the engine does with what was intended and not transmitted, or is stored and not told.
          const again = await survivor.settle(id, press, work === "sent" ? sent(id) : retry({ attempts: work === "claim" ? 0 : 1 }));
          if (work === "sent") {
            assert.equal(await statusOf(id), STATUS.sent, `${work} ${deaths}`);
            continue;
          }
          if (again === "nobody's") {
            assert.equal(work, "claim", "only a claim that stands nowhere is nobody's");
            assert.notEqual(text, null);
            assert.deepEqual([await offered(ann), await another().claim(id, press)], [[], null]);
            continue;
          }
          assert.deepEqual(await offered(ann), [press], `${work} ${deaths}: ${again}`);
          const claims = await Promise.all([here.crm, survivor, here.another()].map((crm) => crm.claim(id, press)));
          assert.equal(claims.filter((one) => one !== null).length, 1, `${work} ${deaths}`);
          assert.equal(await survivor.settle(id, press, sent(id)), "settled");
          assert.deepEqual([await statusOf(id), await offered(ann)], [STATUS.sent, []]);
        }
        assert.ok(steps >= 4, `${work}: it died at ${steps} moments`);
      }
    });

  test("an email that is deleted while it is being sent is nobody's to settle", async () => {
    const { id } = await pending();
    await here.crm.claim(id, 1);
    await here.embedded.remove(id);
    assert.equal(await here.crm.settle(id, 1, sent(id)), "not in hand");
  });
});
