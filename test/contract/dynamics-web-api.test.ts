/** The npm package `dynamics-web-api` as an independent client: what it can do with a Dataverse organization it can do here, and is refused as it would be there. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { onBothEngines } from "../databases.ts";
import { clientRig, refusalOf } from "./dynamics-web-api-rig.ts";

type Row = Record<string, unknown>;

onBothEngines("an independent client creates, reads, changes and deletes rows and single properties", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  const key = await client.create<Row, string>({ collection: "accounts", data: { name: "Contoso", telephone1: "555-0100" } });
  assert.match(key, /^[0-9a-f-]{36}$/);
  const made = await client.create<Row, Row>({
    collection: "contacts",
    data: { firstname: "Ann", lastname: "Zoë 😀", "parentcustomerid_account@odata.bind": `accounts(${key})` },
    returnRepresentation: true,
    select: ["fullname", "_parentcustomerid_value"],
    includeAnnotations: "*",
  });
  assert.equal(made.fullname, "Ann Zoë 😀");
  assert.equal(made._parentcustomerid_value_Formatted, "Contoso");
  assert.equal(made._parentcustomerid_value_LogicalName, "account");
  assert.equal(made._parentcustomerid_value_NavigationProperty, "parentcustomerid_account");

  assert.equal(await client.update({ collection: "accounts", key, data: { name: "Contoso Ltd" } }), true);
  const changed = await client.update<Row, Row>({
    collection: "accounts",
    key,
    data: { description: "A sample" },
    returnRepresentation: true,
    select: ["name", "description"],
  });
  assert.deepEqual([changed.name, changed.description], ["Contoso Ltd", "A sample"]);

  await client.updateSingleProperty({ collection: "accounts", key, fieldValuePair: { telephone1: "555-0199" } });
  const one = await client.retrieve<Row>({ collection: "accounts", key, navigationProperty: "telephone1" });
  assert.equal(one.value, "555-0199");
  assert.equal(await client.deleteRecord({ collection: "accounts", key, property: "telephone1" }), true);
  const read = await client.retrieve<Row>({ collection: "accounts", key, select: ["name", "telephone1", "createdon", "statecode"] });
  assert.deepEqual([read.name, read.telephone1, read.statecode], ["Contoso Ltd", null, 0]);
  assert.ok(read.createdon instanceof Date, "the client knows a time by its form");

  assert.equal(await client.deleteRecord({ collection: "accounts", key }), true);
  assert.deepEqual(await refusalOf(client.retrieve({ collection: "accounts", key })), { status: 404, code: "0x80040217" });
  assert.deepEqual(await refusalOf(client.update({ collection: "accounts", key, data: { name: "x" } })), {
    status: 404,
    code: "0x80040217",
  });
  assert.deepEqual(await refusalOf(client.create({ collection: "accounts", data: { nosuchcolumn: 1 } })), {
    status: 400,
    code: "0x0",
  });
});

onBothEngines("an independent client upserts by id and by alternate key, as often as it likes", async (database) => {
  await using rig = await clientRig(database);
  const { client, clientWith } = rig;
  const key = randomUUID();
  assert.equal(await client.upsert<Row, string>({ collection: "contacts", key, data: { lastname: "One" } }), key);
  await client.upsert({ collection: "contacts", key, data: { lastname: "Two" } });
  assert.deepEqual(await refusalOf(client.upsert({ collection: "contacts", key, data: { lastname: "Three" }, ifnonematch: "*" })), {
    status: 412,
    code: "0x80040237",
  });
  const absent = randomUUID();
  assert.deepEqual(await refusalOf(client.upsert({ collection: "contacts", key: absent, data: { lastname: "No" }, ifmatch: "*" })), {
    status: 404,
    code: "0x80040217",
  });
  const forgiving = clientWith({ propagateErrors: false });
  assert.equal(await forgiving.upsert({ collection: "contacts", key, data: { lastname: "Three" }, ifnonematch: "*" }), null);
  assert.equal(await forgiving.upsert({ collection: "contacts", key: absent, data: { lastname: "No" }, ifmatch: "*" }), null);
  assert.equal((await client.retrieve<Row>({ collection: "contacts", key, select: ["lastname"] })).lastname, "Two");

  const alternate = "externaluseridentifier='crm/42 ö'";
  const made = await client.upsert<Row, Row>({
    collection: "contacts",
    key: alternate,
    data: { lastname: "By key" },
    returnRepresentation: true,
    select: ["lastname", "externaluseridentifier"],
  });
  assert.deepEqual([made.lastname, made.externaluseridentifier], ["By key", "crm/42 ö"]);
  await client.upsert({ collection: "contacts", key: alternate, data: { firstname: "Once" } });
  const found = await client.retrieve<Row>({ collection: "contacts", key: alternate, select: ["fullname"] });
  assert.deepEqual([found.fullname, found.contactid], ["Once By key", made.contactid]);
  assert.equal(await client.count({ collection: "contacts" }), 2);
});

onBothEngines(
  "an independent client loses no change of others: an old ETag is refused, an unchanged row is not sent again",
  async (database) => {
    await using rig = await clientRig(database);
    const { client, clientWith } = rig;
    const key = await client.create<Row, string>({ collection: "accounts", data: { name: "v1" } });
    const { "@odata.etag": etag } = await client.retrieve<Row>({ collection: "accounts", key, select: ["name"] });
    assert.ok(typeof etag === "string");
    assert.equal(await client.retrieve({ collection: "accounts", key, select: ["name"], ifnonematch: etag }), undefined);
    await client.update({ collection: "accounts", key, data: { name: "v2" }, ifmatch: etag });
    const stale = { status: 412, code: "0x80060882" };
    assert.deepEqual(await refusalOf(client.update({ collection: "accounts", key, data: { name: "v3" }, ifmatch: etag })), stale);
    assert.deepEqual(await refusalOf(client.deleteRecord({ collection: "accounts", key, ifmatch: etag })), stale);
    const forgiving = clientWith({ propagateErrors: false });
    assert.equal(await forgiving.update({ collection: "accounts", key, data: { name: "v3" }, ifmatch: etag }), false);
    assert.equal(await forgiving.deleteRecord({ collection: "accounts", key, ifmatch: etag }), false);
    const now = await client.retrieve<Row>({ collection: "accounts", key, select: ["name"], ifnonematch: etag });
    assert.equal(now.name, "v2");
    assert.equal(await client.deleteRecord({ collection: "accounts", key, ifmatch: String(now["@odata.etag"]) }), true);
  },
);

onBothEngines("an independent client connects and disconnects rows, from both ends", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  const [account, other] = await Promise.all(
    ["A", "B"].map((name) => client.create<Row, string>({ collection: "accounts", data: { name } })),
  );
  const contact = await client.create<Row, string>({ collection: "contacts", data: { lastname: "C" } });
  assert.ok(account && other);
  const related = { relationshipName: "contact_customer_accounts", relatedCollection: "contacts", relatedKey: contact };
  const members = async (key: string) =>
    (await client.retrieve<{ value: Row[] }>({ collection: "accounts", key, navigationProperty: related.relationshipName })).value.length;
  await client.associate({ collection: "accounts", primaryKey: account, ...related });
  assert.equal(await members(account), 1);
  await client.disassociate({ collection: "accounts", primaryKey: account, ...related });
  assert.equal(await members(account), 0);
  const single = { collection: "contacts", primaryKey: contact, navigationProperty: "parentcustomerid_account" };
  await client.associateSingleValued({ ...single, relatedCollection: "accounts", relatedKey: other });
  assert.equal(await members(other), 1);
  const parent = await client.retrieve<Row>({
    collection: "contacts",
    key: contact,
    navigationProperty: "parentcustomerid_account",
    select: ["name"],
  });
  assert.equal(parent.name, "B");
  const reference = await client.retrieve<Row>({ collection: "contacts", key: contact, select: ["parentcustomerid_account/$ref"] });
  assert.deepEqual([reference.id, reference.collection], [other, "accounts"]);
  await client.disassociateSingleValued(single);
  assert.equal(await members(other), 0);
  const child = await client.create<Row, string>({
    collection: "accounts",
    key: account,
    navigationProperty: "contact_customer_accounts",
    data: { lastname: "Born there" },
  });
  const born = await client.retrieve<Row>({
    collection: "accounts",
    key: account,
    navigationProperty: "contact_customer_accounts",
    navigationPropertyKey: child,
    select: ["lastname"],
  });
  assert.equal(born.lastname, "Born there");
});
