/** Dynamics notes nowhere who pressed Send: what is taken for it, whoever changes the email before it is claimed. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Behaviour } from "../../src/crm/webapi/behaviour.ts";
import { caller, messagesRig } from "../webapi/messages-rig.ts";
import { unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

const BEHAVIOURS: readonly Partial<Behaviour>[] = [{}, { changesCompletedStatus: false }];

for (const behaviour of BEHAVIOURS)
  describe(`who pressed Send in Dynamics ${JSON.stringify(behaviour)}`, () => {
    let here: DataverseUnderTest;
    before(async () => {
      here = await dataverseUnderTest("pglite", { behaviour });
      await here.settings({ allowunresolvedpartiesonemailsend: true });
    });
    after(async () => {
      await here?.[Symbol.asyncDispose]();
    });

    interface People {
      readonly ann: string;
      readonly annId: string;
      readonly flowId: string;
    }

    /** Ann, and the user as whom workflows run. Dynamics has a mailbox for each user. */
    async function people(letsOthersSend = false): Promise<People> {
      const ann = unique("ann");
      const annId = await here.user({ address: ann, letsOthersSend });
      const flowId = await here.user({ address: unique("flow") });
      for (const id of [annId, flowId])
        await here.database.query("insert into crm.mailbox (regardingobjectid, regardingobjecttypecode) values ($1, 'systemuser')", [id]);
      return { ann, annId, flowId };
    }

    interface Stamps {
      readonly createdby?: string | null;
      readonly modifiedby?: string | null;
      readonly modifiedonbehalfby?: string | null;
    }

    async function stamp(id: string, stamps: Stamps): Promise<void> {
      for (const [column, value] of Object.entries(stamps))
        await here.database.query(`update crm.email set ${column} = $2 where activityid = $1`, [id, value]);
    }

    const draft = ({ ann }: People) => here.draft({ from: ann, to: [unique("x")] });

    /** By SendEmail, as people and programs do. */
    async function press(id: string, by: string): Promise<void> {
      const path = `emails(${id})/Microsoft.Dynamics.CRM.SendEmail`;
      assert.equal((await messagesRig(here.database, caller(by)).call("POST", path, { IssueSend: true, TrackingToken: "" })).status, 200);
    }

    /** By writing its status, which leaves no more than who did. */
    async function setPending(id: string, by: string): Promise<void> {
      await here.database.query("update crm.email set statuscode = 6, modifiedby = $2 where activityid = $1", [id, by]);
    }

    async function claimed(id: string) {
      const email = await here.crm.claim(id, 1);
      return [email?.submitterId, email?.mayActAsSender];
    }

    test("a workflow under another user that changes the email after Send was pressed makes nobody unable to send", async () => {
      const who = await people();
      const id = await draft(who);
      await press(id, who.annId);
      await stamp(id, { createdby: who.annId, modifiedby: who.flowId });
      assert.equal((await here.crm.claim(id, 1))?.mayActAsSender, true);
      await here.crm.settle(id, 1, { status: "retry", attempts: 1, notBefore: new Date(0), note: "busy" });
      assert.equal((await here.crm.claim(id, 1))?.mayActAsSender, true, "at each try");
    });

    test("a plug-in that runs as another user acts for the one who pressed Send", async () => {
      const who = await people();
      const id = await draft(who);
      await setPending(id, who.flowId);
      await stamp(id, { modifiedonbehalfby: who.annId });
      assert.deepEqual(await claimed(id), [who.annId, true]);
    });

    test("where nothing shows that Dynamics let it through, an email of the sender's that another changed last is neither let through nor failed", async () => {
      const who = await people();
      const id = await draft(who);
      await setPending(id, who.flowId);
      await stamp(id, { createdby: who.annId });
      assert.deepEqual(await claimed(id), [who.flowId, "not known"]);
      await here.crm.settle(id, 1, { status: "retry", attempts: 0, notBefore: new Date(0), note: "held" });
      await here.user({ address: who.ann, letsOthersSend: true });
      assert.equal((await here.crm.claim(id, 1))?.mayActAsSender, true, "consent settles it");
    });

    test("that Dynamics let another sender's press through says nothing of this one", async () => {
      const [who, other] = [await people(), await people()];
      const id = await draft(other);
      await press(id, other.annId);
      await here.database.query(
        "update crm.activityparty set partyid = $2, addressused = $3 where activityid = $1 and participationtypemask = 1",
        [id, who.annId, who.ann],
      );
      assert.deepEqual(await claimed(id), [other.annId, false]);
    });

    test("what somebody else wrote and brought to Pending Send in the sender's name is refused", async () => {
      const who = await people();
      const id = await draft(who);
      await setPending(id, who.flowId);
      await stamp(id, { createdby: who.flowId });
      assert.deepEqual(await claimed(id), [who.flowId, false]);
    });

    test("that Waypost itself changed an email last lets nobody send in another's name", async () => {
      const who = await people();
      const id = await draft(who);
      await setPending(id, here.served.userId);
      await stamp(id, { createdby: who.flowId });
      assert.deepEqual(await claimed(id), [who.flowId, "not known"]);
      const own = await draft(who);
      await setPending(own, here.served.userId);
      await stamp(own, { createdby: who.annId });
      assert.deepEqual(await claimed(own), [who.annId, true]);
      const program = await draft(who);
      await setPending(program, here.served.userId);
      await stamp(program, { createdby: here.served.userId });
      assert.deepEqual(await claimed(program), [null, true]);
    });

    test("a mark that somebody else wrote on the email lets nobody send in another's name", async () => {
      for (const forged of [
        { generation: 1, submitter: null },
        { generation: 1, submitter: null, partly: true },
        { generation: 1, submitter: null, notBefore: "2026-01-01T00:00:00Z", attempts: 1 },
      ]) {
        const who = await people();
        const id = await draft(who);
        await setPending(id, who.flowId);
        await stamp(id, { createdby: who.annId });
        const marks = JSON.stringify({ waypost: { ...forged, submitter: forged.submitter ?? who.annId } });
        for (const mark of [JSON.stringify({ waypost: forged }), marks]) {
          await here.database.query("update crm.email set activityadditionalparams = $2 where activityid = $1", [id, mark]);
          const email = await here.crm.outgoing(id);
          assert.deepEqual([email?.submitterId, email?.mayActAsSender], [who.flowId, "not known"], mark);
        }
      }
    });

    test("who is let send by the sender may, whoever changed the email last", async () => {
      const who = await people(true);
      const id = await draft(who);
      await setPending(id, who.flowId);
      assert.deepEqual(await claimed(id), [who.flowId, true]);
    });
  });
