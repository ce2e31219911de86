import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ChangeSet, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import { file, incoming, party, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** What somebody else does between the connector's reading and the first change it asks for that `when` holds for. */
let meanwhile: { readonly when: (request: Request) => boolean; readonly does: () => Promise<unknown> } | null = null;

async function letOthers(requests: readonly Request[]): Promise<void> {
  if (meanwhile === null || !requests.some(meanwhile.when)) return;
  const { does } = meanwhile;
  meanwhile = null;
  await does();
}

function interrupted(client: DataverseClient): DataverseClient {
  return {
    ...client,
    send: async (request, options) => {
      await letOthers([request]);
      return client.send(request, options);
    },
    batch: async (requests, options) => {
      await letOthers(requests);
      return client.batch(requests, options);
    },
    changeSets: async (sets: readonly ChangeSet[], options) => {
      await letOthers(sets.flatMap(({ changes }) => changes));
      return client.changeSets(sets, options);
    },
  };
}

const isChange = ({ method }: Request) => method !== "GET";
const isFinish = ({ method, path }: Request) => method === "PATCH" && path.startsWith("emails(");
const isAttachment = ({ path }: Request) => /activitymimeattachments|AttachmentBlocksUpload/.test(path);

describe("what others do in Dynamics while the connector changes an email", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite", { around: interrupted });
    await here.settings({ maxuploadfilesize: 20_000 });
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  async function asPerson(path: string, body: object): Promise<void> {
    const { url, credentials } = here.served;
    const secret = await credentials.current();
    assert.ok(secret.kind === "token");
    const answer = await fetch(`${url}/api/data/v9.2/${path}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${secret.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 204, await answer.text());
  }

  const large = (queueIds: readonly string[] = []) =>
    incoming({
      attachments: [5_000_000, 4_500_000].map((size, n) => ({ ...file(`${n}.bin`, ""), body: Buffer.alloc(size, n) })),
      placement: { queueIds: [...queueIds], parties: [party(PARTICIPATION.to, unique("x"))] },
    });

  test("a recipient that a person adds while an address is resolved stays, and the address is resolved", async () => {
    const [sender, known, third] = [unique("sender"), unique("known"), unique("third")];
    const contact = await here.contact({ addresses: [unique("c")] });
    const id = await here.draft({ from: sender, to: [known] });
    const email_activity_parties = [
      { participationtypemask: PARTICIPATION.sender, addressused: sender },
      ...[known, third].map((addressused) => ({ participationtypemask: PARTICIPATION.to, addressused })),
    ];
    meanwhile = { when: isChange, does: () => asPerson(`emails(${id})`, { email_activity_parties }) };
    const resolved = await here.crm.resolveParties({ address: known, record: contact, column: 1, emailId: id, limit: 10 });
    assert.deepEqual([meanwhile, resolved], [null, { parties: 1, emails: 1 }]);
    const { parties = [] } = (await here.read(id)) ?? {};
    assert.deepEqual(
      parties
        .filter((one) => one.participation === PARTICIPATION.to)
        .map((one) => [one.address, one.record?.id ?? null])
        .sort(),
      [
        [known, contact.id],
        [third, null],
      ],
    );
  });

  test("what an email is about is set in the version that was looked at, also where somebody changes it meanwhile", async () => {
    const contact = await here.contact({ addresses: [unique("c")] });
    const id = await here.draft({ from: unique("sender"), to: [unique("x")] });
    const versions: unknown[] = [];
    meanwhile = {
      when: (request) => {
        if (isChange(request)) versions.push(request.headers?.["If-Match"]);
        return isChange(request);
      },
      does: () => asPerson(`emails(${id})`, { subject: "changed by a person" }),
    };
    assert.equal(await here.crm.setRegarding(id, contact), true);
    const seen = await here.read(id);
    assert.deepEqual([seen?.regarding?.id, seen?.subject], [contact.id, "changed by a person"]);
    assert.match(String(versions[0]), /^W\/"\d+"$/);
  });

  for (const [moment, when] of [
    ["before its last step", isFinish],
    ["while its attachments are made", isAttachment],
  ] as const)
    test(`a large email that another router completes ${moment} is there, once in its queue, and no trouble`, async () => {
      const queueId = await here.queue({ address: unique("q") });
      const email = large([queueId]);
      const other = here.another((client) => client);
      meanwhile = { when, does: () => other.deliver([email]) };
      const [delivered] = await here.crm.deliver([email]);
      assert.deepEqual([meanwhile, delivered?.id], [null, email.id]);
      const seen = await here.read(email.id);
      assert.deepEqual([seen?.status, seen?.queueIds, seen?.attachments.length], [STATUS.received, [queueId], 2]);
    });

  test("an incomplete email that somebody put into its queue already, and wrote on, is completed with what was written", async () => {
    const queueId = await here.queue({ address: unique("q") });
    const email = large([queueId]);
    meanwhile = {
      when: isFinish,
      does: async () => {
        await here.crm.addQueueItems(queueId, [email.id]);
        const { rows } = await here.database.query<{ mark: string }>(
          "select activityadditionalparams as mark from crm.email where activityid = $1",
          [email.id],
        );
        await asPerson(`emails(${email.id})`, {
          activityadditionalparams: JSON.stringify({ ...JSON.parse(rows[0]?.mark ?? "{}"), other: "program" }),
        });
      },
    };
    assert.deepEqual(await here.crm.deliver([email]), [{ id: email.id, result: "created" }]);
    const seen = await here.read(email.id);
    assert.deepEqual([seen?.status, seen?.queueIds], [STATUS.received, [queueId]]);
    const { rows } = await here.database.query<{ mark: string }>(
      "select activityadditionalparams as mark from crm.email where activityid = $1",
      [email.id],
    );
    assert.match(rows[0]?.mark ?? "", /"other":"program"/);
    assert.equal((await here.crm.whole([email.id])).size, 1);
  });
});
