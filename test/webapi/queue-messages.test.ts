import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { caller, messagesRig } from "./messages-rig.ts";

const ANN = "ann@crm.test";

async function world(database: TestDatabase) {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: ANN }]);
  const queues = await crm.putQueues(["one", "two"].map((name) => ({ name, address: `${name}@crm.test`, owner: ANN })));
  const ann = users.get(ANN) ?? "";
  const rig = messagesRig(database, caller(ann));
  const [email = ""] = await crm.createEmails([{ subject: "Offer", from: { address: { name: "", address: ANN } } }]);
  const letter = randomUUID();
  await database.query("insert into crm.letter (activityid, subject, ownerid) values ($1, 'Dear Bob', $2)", [letter, ann]);
  const [one = "", two = ""] = [...queues.values()];
  const add = (queue: string, Target: unknown, more: Record<string, unknown> = {}) =>
    rig.call("POST", `queues(${queue})/Microsoft.Dynamics.CRM.AddToQueue`, { Target, ...more });
  const onItem = (id: unknown, name: string, body: Record<string, unknown> = {}) =>
    rig.call("POST", `queueitems(${id})/Microsoft.Dynamics.CRM.${name}`, body);
  const items = async () => {
    const { rows } = await database.query<{ queue: string; type: string; title: string; worker: string | null }>(
      `select queue.name as queue, item.objectidtypecode as type, item.title, worker.fullname as worker from crm.queueitem item join crm.queue using (queueid)
       left join crm.systemuser worker on worker.systemuserid = item.workerid order by 1, 2`,
    );
    return rows.map((row) => [row.queue, row.type, row.title, row.worker]);
  };
  return {
    rig,
    crm,
    ann,
    one,
    two,
    add,
    onItem,
    items,
    email: { "@odata.type": "Microsoft.Dynamics.CRM.email", activityid: email },
    letter: { activityid: letter, "@odata.type": "Microsoft.Dynamics.CRM.letter" },
  };
}

onBothEngines("AddToQueue answers as the documentation's example does", async (database) => {
  const { add, one, letter, items } = await world(database);
  const answer = await add(one, letter);
  assert.equal(answer.status, 200, answer.message);
  assert.deepEqual(Object.keys(answer.body), ["@odata.context", "QueueItemId"]);
  assert.equal(answer.body["@odata.context"], "https://crm.test/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.AddToQueueResponse");
  assert.match(String(answer.body.QueueItemId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(await items(), [["one", "letter", "Dear Bob", null]]);
});

onBothEngines("An email lies in several queues, once in each; anything else in one", async (database) => {
  const { add, one, two, email, letter, items } = await world(database);
  assert.equal((await add(one, email, { QueueItemProperties: { priority: 3, title: "Urgent" } })).code, null);
  assert.equal((await add(two, email)).code, null);
  assert.equal((await add(two, email)).code, "0x80040523");
  const first = await add(one, letter);
  const second = await add(two, { "@odata.id": `letters(${letter.activityid})` });
  assert.equal(second.body.QueueItemId, first.body.QueueItemId);
  assert.equal((await add(two, letter)).body.QueueItemId, first.body.QueueItemId);
  assert.deepEqual(await items(), [
    ["one", "email", "Urgent", null],
    ["two", "email", "Offer", null],
    ["two", "letter", "Dear Bob", null],
  ]);
});

onBothEngines("With SourceQueue the item moves from there", async (database) => {
  const { add, one, two, email, items } = await world(database);
  await add(one, email);
  assert.equal((await add(one, email, { SourceQueue: { queueid: two } })).code, "0x80040524");
  assert.equal((await add(two, email, { SourceQueue: { queueid: one } })).code, null);
  assert.deepEqual(await items(), [["two", "email", "Offer", null]]);
});

onBothEngines("AddToQueue refuses rows that are not there and types that no queue takes", async (database) => {
  const { add, one, email, ann } = await world(database);
  assert.equal((await add(randomUUID(), email)).status, 404);
  assert.equal((await add(one, { ...email, activityid: randomUUID() })).status, 404);
  assert.equal((await add(one, { "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: ann })).code, "0x8004021f");
  assert.equal((await add(one, { "@odata.type": "Microsoft.Dynamics.CRM.nothing", id: ann })).code, "0x80048d19");
  assert.equal((await add(one, { "@odata.type": "Microsoft.Dynamics.CRM.email" })).code, "0x80048d19");
});

onBothEngines("A queue item is picked, released, routed and removed", async (database) => {
  const { add, onItem, rig, ann, one, two, email, items } = await world(database);
  const id = (await add(one, email)).body.QueueItemId;
  const SystemUser = { systemuserid: ann };
  assert.equal((await onItem(id, "PickFromQueue", { SystemUser, RemoveQueueItem: false })).status, 204);
  assert.deepEqual(await items(), [["one", "email", "Offer", "Ann"]]);
  assert.equal((await onItem(id, "ReleaseToQueue")).status, 204);
  assert.deepEqual(await items(), [["one", "email", "Offer", null]]);
  const route = (Target: unknown) => rig.call("POST", "RouteTo", { Target, QueueItem: { queueitemid: id } });
  assert.equal((await route({ "@odata.type": "Microsoft.Dynamics.CRM.queue", queueid: two })).status, 204);
  assert.deepEqual(await items(), [["two", "email", "Offer", null]]);
  assert.equal((await route({ "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: ann })).status, 204);
  assert.deepEqual(await items(), [["two", "email", "Offer", "Ann"]]);
  await database.query("update crm.systemuser set queueid = $1", [one]);
  await route({ "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: ann });
  assert.deepEqual(await items(), [["one", "email", "Offer", "Ann"]]);
  await add(two, email);
  assert.equal((await route({ "@odata.type": "Microsoft.Dynamics.CRM.queue", queueid: two })).code, "0x80040523");
  assert.equal((await onItem(id, "RemoveFromQueue")).status, 204);
  assert.equal((await onItem(id, "RemoveFromQueue")).status, 404);
  assert.deepEqual(await items(), [["two", "email", "Offer", null]]);
});

onBothEngines("Picking with RemoveQueueItem takes the item out; a deactivated one is not worked on", async (database) => {
  const { add, onItem, ann, one, email, items } = await world(database);
  const id = (await add(one, email)).body.QueueItemId;
  await database.query("update crm.queueitem set statecode = 1");
  assert.equal((await onItem(id, "PickFromQueue", { SystemUser: { systemuserid: ann }, RemoveQueueItem: true })).code, "0x8004051d");
  await database.query("update crm.queueitem set statecode = 0");
  assert.equal((await onItem(id, "PickFromQueue", { SystemUser: { systemuserid: ann }, RemoveQueueItem: true })).status, 204);
  assert.deepEqual(await items(), []);
});
