import assert from "node:assert/strict";
import { putDefaultQueues, putQueues, putUsers, type UserEntry } from "../../src/crm/directory.ts";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { onBothEngines } from "../databases.ts";
import { head, query } from "./crm-fixtures.ts";

onBothEngines("embedded CRM: users and queues of the configuration are made once and brought up to date", async (database) => {
  const crm = openEmbeddedCrm(database);
  const entry = { name: "Ann", address: "Ann@x.test", otherAddresses: ["a@home.test"], maySendAsOthers: true };
  const [first, second] = await Promise.all([crm.putUsers([entry]), crm.putUsers([entry])]);
  assert.deepEqual([...first], [...second]);
  const queues = await crm.putQueues([{ name: "Q", address: "q@x.test", filter: 2, owner: "ANN@x.test" }]);
  const again = await crm.putUsers([{ ...entry, name: "Ann Lee", filter: 4, maySendAsOthers: false }]);
  assert.deepEqual([...again], [...first]);
  assert.deepEqual(
    (await database.query("select fullname, (select array_agg(privilege) from crm.systemuserprivilege) as privileges from crm.systemuser"))
      .rows,
    [{ fullname: "Ann Lee", privileges: ["prvWriteActivity"] }],
  );
  const { voters } = await crm.facts(query([head({ to: ["ann@x.test", "q@x.test"] })]));
  assert.deepEqual([voters.get("ann@x.test")?.[0]?.filter, voters.get("q@x.test")?.[0]?.ownerId], [4, first.get("ann@x.test")]);
  assert.deepEqual([...(await crm.putQueues([{ name: "Q", address: "Q@x.test", filter: 2 }])).values()], [...queues.values()]);
});

onBothEngines("embedded CRM: whoever keeps the name and changes the address is the same, where that is plain", async (database) => {
  const crm = openEmbeddedCrm(database);
  const whole = (...entries: { name: string; address: string }[]) =>
    database.transaction((tx) => putUsers(tx, entries, "all"), "all users");
  const before = await whole({ name: "Ann", address: "ann@x.test" }, { name: "Eve", address: "eve1@x.test" });
  const ann = before.get("ann@x.test");
  assert.notEqual((await crm.putUsers([{ name: "Ann", address: "other@x.test" }])).get("other@x.test"), ann, "one more Ann");
  await database.query("delete from crm.systemuser where internalemailaddress = 'other@x.test'");
  const after = await whole(
    { name: "Ann", address: "ann@new.test" },
    { name: "Eve", address: "eve2@x.test" },
    { name: "Eve", address: "eve3@x.test" },
  );
  assert.equal(after.get("ann@new.test"), ann);
  const { voters } = await crm.facts(query([head({ to: ["ann@new.test"] })]));
  assert.equal(voters.get("ann@new.test")?.length, 1, "and is found by the new address");
  assert.ok(!["eve2@x.test", "eve3@x.test"].some((address) => after.get(address) === before.get("eve1@x.test")), "two could be her");
  assert.equal((await whole({ name: "Ann", address: "ann@x.test" })).get("ann@x.test"), ann, "and back");
  const queues = (address: string) => database.transaction((tx) => putQueues(tx, [{ name: "Q", address }], "all"), "all queues");
  assert.deepEqual([...(await queues("q@x.test")).values()], [...(await queues("q@new.test")).values()]);
});

onBothEngines("embedded CRM: what an owner may do, wants and has is known of users and of the queues they own", async (database) => {
  const crm = openEmbeddedCrm(database);
  const people = (change: Partial<UserEntry>) => crm.putUsers([{ name: "Ann", address: "ann@x.test", autoCreates: 2, ...change }]);
  const users = await people({});
  const queues = await crm.putQueues([
    { name: "Q", address: "q@x.test", owner: "ann@x.test" },
    { name: "Free", address: "free@x.test" },
  ]);
  const [ann, q] = [users.get("ann@x.test") ?? "", queues.get("q@x.test") ?? ""];
  await database.transaction((tx) => putDefaultQueues(tx, new Map([[ann, q]])), "default queues");
  const known = async () => {
    const { voters } = await crm.facts(query([head({ to: ["ann@x.test", "q@x.test", "free@x.test"] })]));
    return ["ann@x.test", "q@x.test", "free@x.test"].map((address) => {
      const voter = voters.get(address)?.[0];
      return [voter?.ownerMayWrite, voter?.ownerQueue?.name ?? null, voter?.ownerAutoCreates];
    });
  };
  assert.deepEqual(await known(), [
    [true, "Q", 2],
    [true, "Q", 2],
    [false, null, 0],
  ]);
  await people({ mayWriteEmails: false });
  assert.deepEqual(
    (await known()).map(([mayWrite]) => mayWrite),
    [false, false, false],
  );
  await people({ disabled: true });
  assert.deepEqual(
    (await known()).map(([mayWrite]) => mayWrite),
    [false, false, false],
  );
  await people({});
  await database.query("update crm.queue set owneridtype = 'team', statecode = 1 where queueid = $1", [q]);
  assert.deepEqual((await known()).slice(0, 2), [
    [true, null, 2],
    [true, null, 0],
  ]);
});
