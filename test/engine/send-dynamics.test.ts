/** Sending for Dynamics, where others have their hands on an email while it is sent: what cannot be shown there, an alert says, and nothing is sent twice. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { STATUS } from "../../src/model/email.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { contactsFor, draftFrom, emailOf, idOfUser, pressSend, untilDelivered } from "./outgoing.ts";
import { OVER_DYNAMICS, overWebApi } from "./over-web-api.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
const NOTHING = { sent: 0, failed: 0, waiting: 0, unknown: 0 };
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig({ postfix: { domains: ["example.test"] } });
});
after(() => rig?.[Symbol.asyncDispose]());

/** Ann and Ben, and the app that sends for Ann. */
async function world(database: TestDatabase) {
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const clock = testClock();
  const opened = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
  const app = OVER_DYNAMICS ? opened : await overWebApi(opened, database);
  await contactsFor(app, ben);
  const id = await pressSend(app, draftFrom(ann, [ben]));
  return { ann, ben, clock, app, id };
}

/** Somebody does this to an email after its transmission, before the CRM is told. */
function beforeSettling(app: RigApp, meanwhile: () => Promise<unknown>): void {
  const found = app.context.crm;
  let done = false;
  app.context.crm = (organization) => {
    const crm = found(organization);
    return {
      ...crm,
      settle: async (...given) => {
        if (!done) await meanwhile();
        done = true;
        return crm.settle(...given);
      },
    };
  };
}

onOneDatabaseEach(
  "sending for Dynamics",
  servers,
  (promise) => {
    promise(
      "an email of which nobody knows who pressed Send is held with an alert, and leaves when its sender consents",
      async (database) => {
        const { ann, ben, clock, app: opened, id } = await world(database);
        await using app = opened;
        const annId = await idOfUser(database, ann);
        const [flowId] = (await app.crm.putUsers([{ name: "Flow", address: addressOf(`flow-${ann}`) }])).values();
        await database.query("update crm.email set createdby = $2, modifiedby = $3 where activityid = $1", [id, annId, flowId]);
        assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 1 });
        const held = await emailOf(app, id);
        assert.deepEqual([held.status, held.attempts], [STATUS.pendingSend, 0]);
        const alert = await theAlert(app, "sending: submitter not known");
        assert.match(alert.message, new RegExp(`${id} is not sent .*Who pressed Send is not known`));
        assert.match(alert.remedy, /Allow other users to send email on your behalf/);
        clock.forward(3600);
        assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 1 });
        await app.crm.putUsers([{ name: ann, address: addressOf(ann), letsOthersSend: true }]);
        clock.forward(3600);
        assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 1 });
        assert.deepEqual([(await emailOf(app, id)).status, await openCodes(app)], [STATUS.sent, []]);
        assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
      },
    );

    promise("an email whose mark is written over while it is sent becomes Sent all the same", async (database) => {
      const { ben, app: opened, id } = await world(database);
      await using app = opened;
      beforeSettling(app, () => database.query("update crm.email set activityadditionalparams = 'mine' where activityid = $1", [id]));
      assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 1 });
      assert.deepEqual([(await emailOf(app, id)).status, await openCodes(app)], [STATUS.sent, []]);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    });

    promise("an email of which nothing tells any more who has it in hand is named by an alert", async (database) => {
      const { ben, app: opened, id } = await world(database);
      await using app = opened;
      beforeSettling(app, async () => {
        await database.query("update crm.email set activityadditionalparams = null where activityid = $1", [id]);
        await database.query("delete from waypost.sending_note where key = $1", [`mark ${id}`]);
      });
      assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 1 });
      assert.equal((await emailOf(app, id)).status, STATUS.sending);
      const alert = await theAlert(app, "sending: stays in Sending");
      assert.match(alert.message, new RegExp(`${id} was sent .*stays in Sending`));
      assert.match(alert.remedy, /set its status to Sent/);
      assert.deepEqual((await send(app)).counts, NOTHING);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
      await database.query("update waypost.alert set closed_at = now() where closed_at is null");
    });

    promise("of an email that somebody takes out of Sending when it has left, an alert says that it has", async (database) => {
      const { ben, app: opened, id } = await world(database);
      await using app = opened;
      beforeSettling(app, () => database.query("update crm.email set statuscode = 1 where activityid = $1", [id]));
      assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 1 });
      assert.equal((await emailOf(app, id)).status, STATUS.draft);
      assert.match((await theAlert(app, "sending: taken out")).message, new RegExp(`${id} .*was sent`));
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    });
  },
  { engines: ["pglite"] },
);
