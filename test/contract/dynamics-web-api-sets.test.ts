/** The npm package `dynamics-web-api` as an independent client: queries, pages, counts, changes. */
import assert from "node:assert/strict";
import type { DynamicsWebApi } from "dynamics-web-api";
import { onBothEngines } from "../databases.ts";
import { clientRig, refusalOf } from "./dynamics-web-api-rig.ts";

type Row = Record<string, unknown>;

/** Two accounts, with two and with one contact. */
async function fill(client: DynamicsWebApi): Promise<void> {
  const make = async (name: string, people: readonly string[]) => {
    const key = await client.create<Row, string>({ collection: "accounts", data: { name, revenue: people.length * 1_000 } });
    for (const lastname of people)
      await client.create({ collection: "contacts", data: { lastname, "parentcustomerid_account@odata.bind": `/accounts(${key})` } });
  };
  await make("Contoso", ["Xu", "O'Neil"]);
  await make("Fabrikam & Söhne", ["Young"]);
}

onBothEngines("an independent client filters, orders, expands and counts", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  await fill(client);
  const names = async (filter: string) => {
    const { value } = await client.retrieveMultiple<Row>({
      collection: "contacts",
      select: ["lastname"],
      filter,
      orderBy: ["lastname asc"],
    });
    return value.map(({ lastname }) => lastname);
  };
  assert.deepEqual(await names("contains(lastname,'o')"), ["O'Neil", "Young"]);
  assert.deepEqual(await names("lastname eq 'O''Neil' or startswith(lastname,'x')"), ["O'Neil", "Xu"]);
  assert.deepEqual(await names("parentcustomerid_account/name eq 'Fabrikam & Söhne'"), ["Young"]);
  assert.deepEqual(await names("Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue=1) and lastname ne 'Xu'"), [
    "O'Neil",
    "Young",
  ]);
  assert.equal(await client.count({ collection: "contacts" }), 3);
  assert.equal(await client.count({ collection: "contacts", filter: "lastname eq 'Xu'" }), 1);
  assert.equal(await client.countAll({ collection: "contacts", filter: "lastname ne 'Xu'", select: ["lastname"] }), 2);
  const page = await client.retrieveMultiple<Row>({
    collection: "accounts",
    select: ["name"],
    orderBy: ["revenue desc"],
    count: true,
    top: 1,
    expand: [{ property: "contact_customer_accounts", select: ["lastname"], orderBy: ["lastname desc"], filter: "lastname ne 'Young'" }],
  });
  assert.equal(page.oDataCount, 2);
  assert.equal(page.value.length, 1);
  const [first] = page.value;
  assert.deepEqual(
    Array.isArray(first?.contact_customer_accounts) && first.contact_customer_accounts.map(({ lastname }: Row) => lastname),
    ["Xu", "O'Neil"],
  );
  const grouped = await client.retrieveMultiple<Row>({
    collection: "contacts",
    apply: "groupby((parentcustomerid_account/name),aggregate($count as people))",
  });
  assert.deepEqual(grouped.value.map(({ people }) => people).sort(), [1, 2]);
  assert.deepEqual(await refusalOf(client.retrieveMultiple({ collection: "contacts", select: ["nosuchcolumn"] })), {
    status: 400,
    code: "0x80060888",
  });
});

onBothEngines("an independent client reads a set by pages, with whatever link it is given", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  for (let number = 1; number <= 7; number++) await client.create({ collection: "accounts", data: { name: `Account ${number}` } });
  const query = { collection: "accounts", select: ["name"], orderBy: ["name asc"], maxPageSize: 3, filter: "startswith(name,'Account')" };
  const first = await client.retrieveMultiple<Row>(query);
  assert.equal(first.value.length, 3);
  const second = await client.retrieveMultiple<Row>(query, first.oDataNextLink);
  assert.deepEqual(
    second.value.map(({ name }) => name),
    ["Account 4", "Account 5", "Account 6"],
  );
  const all = await client.retrieveAll<Row>(query);
  assert.deepEqual(
    all.value.map(({ name }) => name),
    [1, 2, 3, 4, 5, 6, 7].map((number) => `Account ${number}`),
  );
  assert.equal(await client.countAll({ ...query }), 7);
});

onBothEngines("an independent client follows changes by the link that it was given", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  await fill(client);
  const all = await client.retrieveAll<Row>({ collection: "contacts", select: ["lastname"], trackChanges: true, maxPageSize: 2 });
  assert.equal(all.value.length, 3);
  assert.ok(all.oDataDeltaLink);
  const key = String(all.value.find(({ lastname }) => lastname === "Xu")?.contactid);
  const gone = String(all.value.find(({ lastname }) => lastname === "Young")?.contactid);
  await client.update({ collection: "contacts", key, data: { lastname: "Xu-Li" } });
  await client.deleteRecord({ collection: "contacts", key: gone });
  const changes = await client.retrieveMultiple<Row>({ collection: "contacts", trackChanges: true }, all.oDataDeltaLink);
  const changed = new Map(changes.value.map((row) => [row.contactid ?? row.id, row]));
  assert.equal(changed.get(key)?.lastname, "Xu-Li");
  assert.equal(changed.get(gone)?.reason, "deleted");
  assert.match(String(changed.get(gone)?.oDataContext), /#contacts\/\$deletedEntity$/);
  assert.ok(changes.oDataDeltaLink);
});

onBothEngines("a query too long for an address comes as a batch and is answered", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  await fill(client);
  const filter = [...Array.from({ length: 150 }, (_, index) => `lastname eq 'nobody ${index}'`), "lastname eq 'Xu'"].join(" or ");
  const { value } = await client.retrieveMultiple<Row>({ collection: "contacts", select: ["lastname"], filter });
  assert.deepEqual(
    value.map(({ lastname }) => lastname),
    ["Xu"],
  );
});

onBothEngines("FetchXML and stored queries are refused by name, and whoever sent them can go on", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  await fill(client);
  const unsupported = { status: 400, code: "0x80040315" };
  const fetchXml = "<fetch><entity name='contact'><attribute name='lastname'/></entity></fetch>";
  assert.deepEqual(await refusalOf(client.fetch({ collection: "contacts", fetchXml })), unsupported);
  assert.deepEqual(await refusalOf(client.fetchAll({ collection: "contacts", fetchXml })), unsupported);
  const { value } = await client.retrieveMultiple<Row>({ collection: "accounts", select: ["accountid"] });
  const key = String(value[0]?.accountid);
  const stored = "00000000-0000-0000-00aa-000010001002";
  assert.deepEqual(await refusalOf(client.retrieve({ collection: "accounts", key, savedQuery: stored })), unsupported);
  assert.deepEqual(await refusalOf(client.retrieve({ collection: "accounts", key, userQuery: stored })), unsupported);
  assert.equal(await client.count({ collection: "contacts" }), 3);
});
