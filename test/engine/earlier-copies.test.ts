/** Copies of one message may differ in their heads: whatever a person deleted or untracked of one must not come back with another. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { missingServers } from "../servers/needs.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 40 });
});
after(() => rig?.[Symbol.asyncDispose]());

/** The copy of one message that a mailbox gets: its own address stands first. */
async function arrives(user: string, other: string, more: { readonly subject?: string } = {}): Promise<void> {
  const to = [addressOf(user), addressOf(other)];
  const id = [user, other].sort().join("-");
  await rig.dovecot.append(user, "INBOX", letter({ id, from: "Carla <carla@customer.test>", subject: "Offer", to, ...more }));
}

const idOf = (one: string, other: string) => messageIdOf([one, other].sort().join("-"));

async function outcomesOf(database: Database, user: string): Promise<readonly string[]> {
  return (await decisionsIn(database, user)).map(({ outcome }) => outcome);
}

/** What may be done to the email of the first copy before the second arrives, and what that becomes then. */
const CASES = {
  "nothing is done": { becomes: "duplicate", act: async () => undefined },
  "it is untracked and stays": {
    becomes: "skipped",
    act: (app: RigApp, _: Database, id: string) => app.operations.untrack(id, false, EVE),
  },
  "it is untracked and deleted": {
    becomes: "skipped",
    act: (app: RigApp, _: Database, id: string) => app.operations.untrack(id, true, EVE),
  },
  "it is deleted in the CRM": {
    becomes: "duplicate",
    act: async (app: RigApp, database: Database, id: string) => {
      const [email] = (await emailsIn(database)).filter(({ messageId }) => messageId === id);
      assert.ok(email);
      assert.equal(await app.context.crm("CRM").remove(email.id), true);
    },
  },
} as const;

onOneDatabaseEach("copies with other heads", servers, (promise) => {
  for (const [what, { becomes, act }] of Object.entries(CASES)) {
    promise(`of one message, ${what}: the other is ${becomes}, also when it is read again`, async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      await using app = await rig.open(database, rig.configurationFor([ann, ben]));
      await arrives(ann, ben);
      await receive(app, ann);
      assert.deepEqual(await outcomesOf(database, ann), ["tracked"]);
      await act(app, database, idOf(ann, ben));
      const emails = (await emailsIn(database)).length;
      await arrives(ben, ann);
      await receive(app, ben);
      assert.deepEqual(await outcomesOf(database, ben), [becomes]);
      await app.operations.replay(
        [addressOf(ben)],
        { from: new Date("2020-01-01T00:00:00Z"), to: null },
        new AbortController().signal,
        () => {},
      );
      await receive(app, ben);
      assert.deepEqual(await outcomesOf(database, ben), [becomes]);
      assert.equal((await emailsIn(database)).length, emails);
    });
  }

  promise(
    "a message that never was an email and is untracked stays none in another mailbox, until a person tracks it there",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      {
        const nobody = [ann, ben].map((name) => ({ name, filter: "none" as const }));
        await using app = await rig.open(database, rig.configurationFor(nobody));
        await arrives(ann, ben);
        await receive(app, ann);
        assert.deepEqual(await outcomesOf(database, ann), ["skipped"]);
        await app.operations.untrack(idOf(ann, ben), false, EVE);
      }
      await using app = await rig.open(database, rig.configurationFor([ann, ben]));
      await arrives(ben, ann);
      await receive(app, ben);
      assert.deepEqual(await outcomesOf(database, ben), ["skipped"]);
      const number = (
        await database.query<{ id: number }>(
          "select decision.id from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1",
          [addressOf(ben)],
        )
      ).rows[0]?.id;
      await app.operations.track(String(number), null, EVE);
      await receive(app, ben);
      assert.deepEqual(await outcomesOf(database, ben), ["tracked"]);
    },
  );

  promise("another message under the same Message-ID is one for itself, whatever became of the first", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, rig.configurationFor([ann, ben]));
    await arrives(ann, ben);
    await receive(app, ann);
    await app.operations.untrack(idOf(ann, ben), true, EVE);
    await arrives(ben, ann, { subject: "Something else" });
    await receive(app, ben);
    assert.deepEqual(await outcomesOf(database, ben), ["tracked"]);
  });

  promise("an email that is lost is made again by a repair, also where another mailbox has a copy", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, rig.configurationFor([ann, ben]));
    await arrives(ann, ben);
    await arrives(ben, ann);
    await receive(app, ann);
    await receive(app, ben);
    assert.deepEqual([await outcomesOf(database, ann), await outcomesOf(database, ben)], [["tracked"], ["duplicate"]]);
    await database.query("delete from crm.email where messageid = $1", [idOf(ann, ben)]);
    await database.query("delete from crm.deletedemail");
    await app.operations.audit([addressOf(ann), addressOf(ben)], true, new AbortController().signal, () => {});
    assert.equal((await emailsIn(database)).filter(({ messageId }) => messageId === idOf(ann, ben)).length, 1);
  });
});
