/** A contact made by hand: what `explain` advises of a stranger's mail, and what it comes to. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { missingServers } from "../servers/needs.ts";
import { decisionsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 12 });
});
after(() => rig?.[Symbol.asyncDispose]());

const contact = (app: RigApp, address: string, name: string | null = null) =>
  app.operations.contact(address, { name, organization: null }, EVE);

async function contactsAt(database: Database, address: string): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>("select fullname as name from crm.contact where lower(emailaddress1) = $1", [
    address,
  ]);
  return rows.map(({ name }) => name);
}

async function audited(database: Database, address: string): Promise<string[]> {
  const { rows } = await database.query<{ action: string; actor: string }>("select action, actor from waypost.audit where subject = $1", [
    `address ${address}`,
  ]);
  return rows.map(({ action, actor }) => `${actor}: ${action}`);
}

onOneDatabaseEach("a contact made by hand", servers, (promise) => {
  promise("is what `explain` advises of a stranger's mail, which is tracked then when it is replayed", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "contacts" }]));
    const carla = `carla-${ann}@customer.test`;
    await rig.dovecot.append(ann, "INBOX", letter({ id: `${ann}-1`, from: carla, to: [addressOf(ann)] }));
    await receive(app, ann);
    await app.operations.showUntracked(true, EVE);
    const [explained] = (await app.operations.explain(messageIdOf(`${ann}-1`), EVE)).incoming;
    assert.equal(explained?.outcome, "skipped");
    assert.ok(
      explained.sentences.includes(`To have it tracked, add ${carla} as a contact, lead or account (\`waypost contact ${carla}\`).`),
    );

    const { address, record, made } = await contact(app, ` ${carla.toUpperCase()} `, "Gray, Carla");
    assert.deepEqual([address, record.type, record.name, made], [carla, "contact", "Carla Gray", true]);
    await app.operations.replaySender([], carla, new Date(0));
    await receive(app, ann);
    assert.deepEqual(
      (await decisionsIn(database, ann)).map((one) => one.outcome),
      ["tracked"],
    );
    assert.deepEqual(await audited(database, carla), [`${EVE}: make contact`]);
  });

  promise("is one, however often and by how many it is asked for, and none where a record or a user has the address", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([ann]));
    const dan = `dan-${ann}@customer.test`;
    const asked = await Promise.all([dan, dan.toUpperCase(), dan].map((one) => contact(app, one)));
    assert.deepEqual(asked.map(({ made }) => made).sort(), [false, false, true]);
    assert.equal(new Set(asked.map(({ record }) => record.id)).size, 1);
    assert.deepEqual(await contactsAt(database, dan), asked.map(({ record }) => record.name).slice(0, 1));
    assert.deepEqual(await audited(database, dan), [`${EVE}: make contact`]);
    const own = await contact(app, addressOf(ann));
    assert.deepEqual([own.record.type, own.made, await contactsAt(database, addressOf(ann))], ["systemuser", false, []]);
  });

  promise("is refused where it could not be told whose the address is, and where it would be another person's", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([ann]));
    const old = `old-${ann}@customer.test`;
    await app.crm.createRecords([{ type: "contact", lastname: "Old", addresses: [old] }]);
    await database.query("update crm.contact set statecode = 1 where emailaddress1 = $1", [old]);
    await assert.rejects(contact(app, old), { code: "record inactive" });
    await assert.rejects(contact(app, "nobody"), { code: "address not usable" });
    await assert.rejects(app.operations.contact(`new-${ann}@customer.test`, { name: null, organization: "Other" }, EVE), {
      code: "organization not clear",
    });
    assert.deepEqual(await contactsAt(database, `new-${ann}@customer.test`), []);
  });
});
