import assert from "node:assert/strict";
import { file, incoming } from "../../test/contract/crm-fixtures.ts";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import { openEmbeddedCrm } from "./embedded.ts";

async function bodies(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.query<{ body: string }>(
    "select convert_from(body, 'UTF8') as body from crm.content where body is not null order by body",
  );
  return rows.map((row) => row.body);
}

onBothEngines("with an email its bodies go, the new part of its text too, but for those that another email has", async (database) => {
  const crm = openEmbeddedCrm(database);
  const [gone, stays] = [
    incoming({ html: "<p>one</p>", text: "one > two", reply: "one", attachments: [file("a", "logo"), file("b", "plan")] }),
    incoming({ text: "two", attachments: [file("c", "logo")] }),
  ];
  await crm.deliver([gone, stays]);
  assert.deepEqual(await bodies(database), ["<p>one</p>", "logo", "one", "one > two", "plan", "two"]);
  assert.equal(await crm.remove(gone.id), true);
  await crm.purgeLeft(10);
  assert.deepEqual(await bodies(database), ["logo", "two"]);
});

onBothEngines(
  "the bodies of emails that were deleted or changed in the database itself are purged, so many looked at at a time",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const [gone, changed] = [incoming({ text: "a > b", reply: "a", html: "<p>a</p>" }), incoming({ text: "c > d", reply: "c" })];
    await crm.deliver([gone, changed]);
    assert.equal(await crm.purgeLeft(10), 0);
    await database.query("delete from crm.email where activityid = $1", [gone.id]);
    await database.query("update crm.email set replytexthash = null where activityid = $1", [changed.id]);
    assert.deepEqual([await crm.purgeLeft(3), await crm.purgeLeft(3), await crm.purgeLeft(3)], [3, 2, 0]);
    assert.deepEqual(await bodies(database), ["c > d"]);
  },
);

onBothEngines("a body that is being delivered once more is not purged, whichever comes first", async (database) => {
  const crm = openEmbeddedCrm(database);
  const [first, second, third] = [incoming({ text: "same" }), incoming({ text: "same" }), incoming({ text: "same" })];
  await crm.deliver([first]);
  await database.query("delete from crm.email where activityid = $1", [first.id]);
  await database.transaction((tx) => crm.deliver([second], tx));
  await crm.purgeLeft(10);
  assert.deepEqual(await bodies(database), ["same"]);
  await database.query("delete from crm.email where activityid = $1", [second.id]);
  await crm.purgeLeft(10);
  await crm.deliver([third]);
  assert.equal((await crm.readEmail(third.id))?.text, "same");
});
