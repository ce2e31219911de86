import assert from "node:assert/strict";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { counted } from "../counted-database.ts";
import { onBothEngines } from "../databases.ts";
import { head, incoming, party, query, unique } from "./crm-fixtures.ts";

onBothEngines("embedded CRM: whose 500 addresses are takes a number of statements that does not depend on them", async (database) => {
  const counting = counted(database);
  const crm = openEmbeddedCrm(counting.database);
  const statements = async (work: () => Promise<unknown>) => {
    counting.statements = 0;
    await work();
    return counting.statements;
  };
  const addresses = Array.from({ length: 500 }, (_, n) => `ann+${n}@x.test`);
  const wanted = addresses.map((address, n) => ({
    ...{ type: n % 2 === 0 ? ("contact" as const) : ("lead" as const), address, firstname: "", lastname: String(n), topic: "" },
    ownerId: "00000000-0000-4000-8000-000000000001",
  }));
  const begun = 2;
  assert.equal(await statements(() => crm.facts(query(addresses.map((from) => head({ from: [from] }))))), 4);
  assert.equal(await statements(() => crm.makeRecords(wanted)), begun + 2);
  assert.equal(await statements(() => crm.makeRecords([])), begun);
  const dan = unique("dan");
  const emails = addresses.map(() => incoming({ placement: { parties: [party(PARTICIPATION.sender, dan)] } }));
  await crm.deliver(emails);
  const queues = await crm.putQueues([{ name: "q", address: unique("q") }]);
  const ids = emails.map(({ id }) => id);
  assert.equal(await statements(() => crm.addQueueItems([...queues.values()][0] ?? "", ids)), 1);
  const [record] = await crm.createRecords([{ type: "contact", lastname: "Dan" }]);
  assert.ok(record);
  const resolving = { address: dan, record, column: 1, emailId: null, limit: 500 };
  assert.equal(await statements(async () => assert.equal((await crm.resolveParties(resolving)).emails, 500)), begun + 1);
});
