import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { ChangeSet, ChangeSetAnswer, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { organizationFailure } from "../../src/connectors/dataverse/client/failures.ts";
import type { Depth } from "../../src/crm/webapi/caller.ts";
import { WAYPOST_SERVICE } from "../../src/crm/webapi/roles/waypost-service.ts";
import { putRole } from "../../src/crm/webapi/roles.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { file, incoming, party, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** Told of each request or change set before it goes out; what it throws is what the connector meets, as when the process dies there. */
let onRequest: (request: Request) => void = () => {};
/** Whether a change set's answer gets lost, and the set with it or not. */
let loses: "nothing" | "the answer" | "the request" = "nothing";

/** The failure with which the organization refuses a change set. */
let fails: (set: ChangeSet) => Failure | null = () => null;

const LOST = new Failure({ scope: "organization", code: "no answer", message: "lost", remedy: "none", waitingHelps: true });

function watched(client: DataverseClient): DataverseClient {
  const lost = { kind: "unknown" as const, failure: LOST };
  return {
    ...client,
    send: (request, options) => {
      onRequest(request);
      return client.send(request, options);
    },
    changeSets: async (sets: readonly ChangeSet[], options) => {
      for (const { changes } of sets) for (const request of changes) onRequest(request);
      if (loses === "the request") return sets.map(() => lost);
      const answers = (
        await client.changeSets(
          sets.filter((set) => fails(set) === null),
          options,
        )
      ).values();
      const all = sets.map((set): ChangeSetAnswer => {
        const failure = fails(set);
        if (failure !== null) return { kind: "refused", status: 500, code: "0x80044151", failure };
        const { value } = answers.next();
        assert.ok(value !== undefined);
        return value;
      });
      return loses === "the answer" ? sets.map(() => lost) : all;
    },
  };
}

describe("delivery into Dynamics", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite", { around: watched });
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  test("an email with large attachments is a draft until the last of them is there, whenever the process dies, and whole in the end", async () => {
    await here.settings({ maxuploadfilesize: 20_000 });
    const sizes = [5_000_000, 3_000_000, 4_500_000];
    const attachments = sizes.map((size, n) => ({ ...file(`${n}.bin`, ""), body: Buffer.alloc(size, n) }));
    const email = incoming({ attachments, placement: { parties: [party(PARTICIPATION.to, unique("x"))] } });
    class Death extends Error {}
    let steps = 0;
    for (let deaths = 1; ; deaths++) {
      let left = deaths;
      onRequest = ({ method }) => {
        if (method !== "GET" && --left === 0) throw new Death();
      };
      try {
        const [delivered] = await here.crm.deliver([email]);
        assert.equal(delivered?.id, email.id);
        steps = deaths;
        break;
      } catch (error) {
        if (!(error instanceof Death)) throw error;
        const seen = await here.read(email.id);
        assert.ok(seen === null || seen.status === STATUS.draft, "nobody takes it for a whole one");
        assert.equal((await here.crm.whole([email.id])).size, 0);
      } finally {
        onRequest = () => {};
      }
    }
    assert.ok(steps > 3, `it died ${steps - 1} times`);
    const seen = await here.read(email.id);
    assert.deepEqual([seen?.status, seen?.attachments.map(({ filename }) => filename)], [STATUS.received, ["0.bin", "1.bin", "2.bin"]]);
    const bodies = await Promise.all((seen?.attachments ?? []).map(({ hash }) => here.crm.attachment(hash)));
    assert.deepEqual(
      bodies.map((body, n) => [body.length, body.every((byte) => byte === n)]),
      sizes.map((size) => [size, true]),
    );
    assert.equal((await here.crm.whole([email.id])).size, 1);
    assert.deepEqual(await here.crm.deliver([email]), [{ id: email.id, result: "existed" }]);
  });

  test("an email that is too large for one request, though it has little, becomes whole in steps too", async () => {
    const attachments = [1, 2].map((n) => ({ ...file(`${n}.bin`, ""), body: Buffer.alloc(60_000, n) }));
    const [email, other] = [incoming({ attachments }), incoming({})];
    const bytesOf = ({ changes }: ChangeSet) => Buffer.byteLength(JSON.stringify(changes));
    fails = (set) => (bytesOf(set) > 100_000 ? organizationFailure("request too large", "host") : null);
    try {
      assert.deepEqual(
        (await here.crm.deliver([email, other])).map(({ result }) => result),
        ["created", "created"],
      );
    } finally {
      fails = () => null;
    }
    const seen = await here.read(email.id);
    assert.deepEqual([seen?.status, seen?.attachments.map(({ filename }) => filename)], [STATUS.received, ["1.bin", "2.bin"]]);
    assert.equal((await here.crm.whole([email.id])).size, 1);
  });

  test("where an answer is lost, the email is looked up: it is there once, or the failure is told", async () => {
    const [done, undone] = [incoming({}), incoming({})];
    loses = "the answer";
    assert.deepEqual(await here.crm.deliver([done]), [{ id: done.id, result: "existed" }]);
    loses = "the request";
    await assert.rejects(here.crm.deliver([undone]), (error) => error === LOST);
    loses = "nothing";
    assert.equal((await here.read(done.id))?.status, STATUS.received);
    assert.equal(await here.read(undone.id), null);
    assert.deepEqual(await here.crm.deliver([undone]), [{ id: undone.id, result: "created" }]);
  });

  test("what was deleted since it was decided about is left out, and the rest stands", async () => {
    const contact = await here.contact({ addresses: [unique("c")] });
    const queueId = await here.queue({ address: unique("q") });
    const gone = { type: "contact", id: randomUUID(), name: "gone" };
    const email = incoming({
      placement: {
        regarding: gone,
        parentEmailId: randomUUID(),
        correlatedEmailId: randomUUID(),
        queueIds: [queueId, randomUUID()],
        parties: [party(PARTICIPATION.sender, "a@x.test", gone), party(PARTICIPATION.to, contact.name, contact)],
      },
    });
    assert.deepEqual(await here.crm.deliver([email]), [{ id: email.id, result: "created" }]);
    const seen = await here.read(email.id);
    assert.deepEqual([seen?.regarding, seen?.parentEmailId, seen?.correlatedEmailId, seen?.queueIds], [null, null, null, [queueId]]);
    assert.deepEqual(
      seen?.parties.slice(0, 2).map(({ address, record }) => [address, record?.id ?? null]),
      [
        ["a@x.test", null],
        [contact.name, contact.id],
      ],
    );
  });

  test("trouble of the organization is told before that of one email, which would be quarantined for it", async () => {
    const [bad, good] = [incoming({ attachments: [file("run.exe", "x")] }), incoming({})];
    const timeout = organizationFailure("request failed", "crm.test");
    fails = (set) => (JSON.stringify(set).includes(good.id) ? timeout : null);
    await assert.rejects(here.crm.deliver([bad, good]), (error) => error === timeout);
    fails = () => null;
    assert.equal(await here.read(good.id), null);
  });

  test("a privilege that the role has lost is the organization's trouble: nothing is blamed on the email, which comes when the privilege is back", async () => {
    const email = incoming({});
    const { privileges } = WAYPOST_SERVICE;
    assert.ok(privileges !== "everything");
    const { prvCreateActivity: _, ...others } = privileges;
    const put = (held: Readonly<Record<string, Depth>>) =>
      here.database.transaction((tx) => putRole(tx, { ...WAYPOST_SERVICE, privileges: held }), "put role");
    await put(others);
    await assert.rejects(
      here.crm.deliver([email]),
      (error) => error instanceof Failure && error.scope === "organization" && /prvCreateActivity/.test(error.message),
    );
    await put(privileges);
    assert.deepEqual(await here.crm.deliver([email]), [{ id: email.id, result: "created" }]);
  });

  test("one that the organization refuses does not keep the others from standing", async () => {
    const [bad, good] = [incoming({ attachments: [file("run.exe", "x")] }), incoming({})];
    await assert.rejects(here.crm.deliver([bad, good]), (error) => error instanceof Failure && error.scope === "item");
    assert.equal(await here.read(bad.id), null, "nothing of it is left");
    assert.equal((await here.read(good.id))?.status, STATUS.received);
  });
});
