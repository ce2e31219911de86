/** Where processed messages are deleted from their mailbox, what a person untracked is none. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** One round, in which nothing fails. */
async function round(app: RigApp, ...users: readonly string[]) {
  const { counts, failures } = await receive(app, ...users);
  assert.deepEqual(failures, []);
  return counts;
}

// Only of a database that is proven to write through anything is deleted: the tests' PostgreSQL is not.
onOneDatabaseEach(
  "what a person says of one message where processed ones are deleted",
  servers,
  (promise) => {
    promise("an untracked one stays, also when it was chosen already, and one that was asked for goes", async (database) => {
      const [user, queue] = [rig.newUser(), rig.newUser()];
      const id = (name: string) => messageIdOf(`${queue}-${name}`);
      const queues = [{ name: queue, mailbox: { deleteAfterProcessing: true } }];
      await using app = await rig.open(database, rig.configurationFor([user], { queues, settings: { DoNotAutoTrackEmail: true } }));
      for (const name of ["before", "meanwhile", "wanted"])
        await rig.dovecot.append(queue, "INBOX", letter({ id: `${queue}-${name}`, to: [addressOf(queue)] }));
      assert.equal((await round(app, queue)).skipped, 3);
      for (const name of ["before", "meanwhile", "wanted"]) await app.operations.track(id(name), null, EVE);
      await app.operations.untrack(id("before"), false, EVE);
      const crm = app.context.crm("CRM");
      let chosen = 0;
      // Which emails are whole is asked when it was chosen what is to be deleted.
      const whole = async (ids: readonly string[]) => {
        chosen = Math.max(chosen, ids.length);
        await app.operations.untrack(id("meanwhile"), false, EVE);
        return crm.whole(ids);
      };
      app.context.crm = () => ({ ...crm, whole });
      assert.equal((await round(app, queue)).tracked, 2);
      await round(app, queue);
      assert.equal(chosen, 2);
      const lying = await rig.dovecot.withImap(queue, async (client) => {
        await client.mailboxOpen("INBOX", { readOnly: true });
        return (await client.fetchAll("1:*", { envelope: true })).map(({ envelope }) => envelope?.messageId);
      });
      assert.deepEqual(
        lying,
        ["before", "meanwhile"].map((name) => `<${id(name)}>`),
      );
    });
  },
  { engines: ["pglite"] },
);
