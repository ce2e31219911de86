import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { privileges, ROOT, type Writer, writer } from "./web-api-rig.ts";

/** The one row that a statement finds. */
async function one(database: Database, sql: string, ...values: unknown[]): Promise<Record<string, unknown>> {
  const { rows } = await database.query(sql, values);
  assert.equal(rows.length, 1, `${rows.length} rows`);
  return rows[0] ?? {};
}

const account = (database: Database, id: string) => one(database, "select * from crm.account where accountid = $1", id);

async function version(database: Database, id: string): Promise<string> {
  return `W/"${(await account(database, id)).versionnumber}"`;
}

onBothEngines("Web API: a POST makes a row that belongs to the caller, and answers with its address", async (database) => {
  const api = await writer(database);
  const { headers } = await api.done("POST", "accounts", {
    "@odata.type": "Microsoft.Dynamics.CRM.account",
    name: "Sample Account",
    creditonhold: false,
    address1_latitude: 47.639583,
    description: "This is the description of the sample account",
    revenue: 5000000,
    accountcategorycode: 1,
  });
  assert.match(headers["OData-EntityId"] ?? "", /^https:\/\/crm\.test\/api\/data\/v9\.2\/accounts\([0-9a-f-]{36}\)$/);
  const row = await one(database, "select * from crm.account");
  assert.equal(row.name, "Sample Account");
  assert.equal(row.creditonhold, false);
  assert.equal(row.address1_latitude, 47.639583);
  assert.equal(Number(row.revenue), 5000000);
  assert.equal(row.ownerid, api.caller.userId);
  assert.equal(row.createdby, api.caller.userId);
  assert.equal(row.modifiedby, api.caller.userId);
  assert.equal(row.statecode, 0);
});

onBothEngines("Web API: Prefer: return=representation answers with the row", async (database) => {
  const api = await writer(database);
  const prefer = { prefer: 'odata.include-annotations="*",return=representation' };
  const made = await api.send("POST", "accounts?$select=name", { name: "Sample Account" }, prefer);
  assert.equal(made.status, 201);
  assert.equal(made.headers["Preference-Applied"], "return=representation");
  assert.equal(made.headers["OData-EntityId"], undefined);
  assert.ok(made.body && Reflect.get(made.body, "name") === "Sample Account");
  const id = (await one(database, "select accountid from crm.account")).accountid;
  const changed = await api.send("PATCH", `accounts(${id})`, { name: "Updated" }, prefer);
  assert.equal(changed.status, 200);
  assert.ok(changed.body && Reflect.get(changed.body, "name") === "Updated");
});

onBothEngines("Web API: PATCH is an upsert, unless If-Match or If-None-Match say otherwise", async (database) => {
  const api = await writer(database);
  const id = randomUUID();
  await api.refused(404, "0x80040217", "PATCH", `accounts(${id})`, { name: "a" }, { "if-match": "*" });
  await api.refused(404, "0x80040217", "PATCH", `accounts(${id})`, { name: "a" }, { "if-match": 'W/"1"' });
  await api.done("PATCH", `accounts(${id})`, { name: "a" }, { "if-none-match": "null" });
  await api.done("PATCH", `accounts(${id})`, { name: "b" });
  assert.equal((await account(database, id)).name, "b");
  await api.refused(412, "0x80040237", "PATCH", `accounts(${id})`, { name: "c" }, { "if-none-match": '"*"' });
  const seen = await version(database, id);
  await api.done("PATCH", `accounts(${id})`, { name: "c" }, { "if-match": seen });
  await api.refused(412, "0x80060882", "PATCH", `accounts(${id})`, { name: "d" }, { "if-match": seen });
  await api.refused(412, "0x80060882", "DELETE", `accounts(${id})`, undefined, { "if-match": seen });
  assert.equal((await account(database, id)).name, "c");
  await api.done("DELETE", `accounts(${id})`, undefined, { "if-match": await version(database, id) });
  await api.refused(404, "0x80040217", "DELETE", `accounts(${id})`);
});

onBothEngines("Web API: a key that is there cannot be made again", async (database) => {
  const api = await writer(database);
  const id = await api.make("accounts", { name: "a" });
  await api.refused(412, "0x80040237", "POST", "accounts", { accountid: id, name: "b" });
  assert.equal((await account(database, id)).name, "a");
});

onBothEngines("Web API: one property is set with PUT and cleared with DELETE", async (database) => {
  const api = await writer(database);
  const id = await api.make("accounts", { name: "a", description: "d" });
  await api.done("PUT", `accounts(${id})/name`, { value: "Updated Sample Account Name" });
  await api.done("DELETE", `accounts(${id})/description`);
  const row = await account(database, id);
  assert.equal(row.name, "Updated Sample Account Name");
  assert.equal(row.description, null);
  await api.refused(404, "0x80040217", "PUT", `accounts(${randomUUID()})/name`, { value: "x" });
});

onBothEngines("Web API: lookups are bound by navigation, whole address, alternate form and null", async (database) => {
  const api = await writer(database);
  const accountid = await api.make("accounts", { name: "Contoso" });
  const parent = async (id: string) =>
    (await one(database, "select parentcustomerid from crm.contact where contactid = $1", id)).parentcustomerid;
  for (const reference of [
    `/accounts(${accountid})`,
    `accounts(${accountid})`,
    `${ROOT}accounts(${accountid})`,
    `/accounts(accountid=${accountid})`,
  ]) {
    const id = await api.make("contacts", { lastname: "x", "parentcustomerid_account@odata.bind": reference });
    assert.equal(await parent(id), accountid, reference);
    await api.done("PATCH", `contacts(${id})`, { "parentcustomerid_account@odata.bind": null });
    assert.equal(await parent(id), null);
  }
  await api.refused(404, "0x80040217", "POST", "contacts", {
    lastname: "x",
    "parentcustomerid_account@odata.bind": `/accounts(${randomUUID()})`,
  });
  for (const reference of ["/leads(1)", `https://elsewhere.test/accounts(${accountid})`, 7, "/accounts", ""])
    await refuse(api, 400, { lastname: "x", "parentcustomerid_account@odata.bind": reference });
  await refuse(api, 400, { lastname: "x", "Parentcustomerid_account@odata.bind": `/accounts(${accountid})` });
  const said = await api.refused(400, "0x80048d19", "POST", "contacts", {
    lastname: "x",
    "parentcustomerid@odata.bind": `/accounts(${accountid})`,
  });
  assert.match(
    said,
    /An undeclared property 'parentcustomerid' which only has property annotations in the payload but no property value was found/,
  );
  await api.refused(400, "0x80060888", "POST", "contacts", { lastname: "x", _parentcustomerid_value: accountid });
});

async function refuse(api: Writer, status: number, body: unknown): Promise<void> {
  const answer = await api.send("POST", "contacts", body);
  assert.ok(answer.status === status || answer.status === 404, `${answer.status} ${answer.message} of ${JSON.stringify(body)}`);
}

onBothEngines("Web API: $ref sets, clears and moves references", async (database) => {
  const api = await writer(database);
  const accountid = await api.make("accounts", { name: "Contoso" });
  const contactid = await api.make("contacts", { lastname: "x" });
  async function primary(): Promise<unknown> {
    return (await account(database, accountid)).primarycontactid;
  }
  const parent = async () =>
    (await one(database, "select parentcustomerid from crm.contact where contactid = $1", contactid)).parentcustomerid;
  for (const method of ["PUT", "POST"] as const) {
    await api.done(method, `accounts(${accountid})/primarycontactid/$ref`, { "@odata.id": `${ROOT}contacts(${contactid})` });
    assert.equal(await primary(), contactid);
    await api.done("DELETE", `accounts(${accountid})/primarycontactid/$ref`);
    assert.equal(await primary(), null);
  }
  const take = [
    `accounts(${accountid})/contact_customer_accounts/$ref?$id=${ROOT}contacts(${contactid})`,
    `accounts(${accountid})/contact_customer_accounts(${contactid})/$ref`,
  ];
  for (const path of take) {
    await api.done("POST", `accounts(${accountid})/contact_customer_accounts/$ref`, { "@odata.id": `${ROOT}contacts(${contactid})` });
    assert.equal(await parent(), accountid);
    await api.done("DELETE", path);
    assert.equal(await parent(), null);
    await api.refused(404, "0x80040217", "DELETE", path);
  }
  await api.refused(400, "0x80060888", "POST", `accounts(${accountid})/contact_customer_accounts/$ref`, {
    "@odata.id": `accounts(${accountid})`,
  });
});

onBothEngines("Web API: rows within rows are made together, with what belongs to them", async (database) => {
  const api = await writer(database);
  const id = await api.make("accounts", {
    name: "Fourth Coffee",
    primarycontactid: {
      firstname: "Susie",
      lastname: "Curtis",
      jobtitle: "Coffee Master",
      annualincome: 48000,
      Contact_Tasks: [
        { subject: "Sign invoice", description: "Invoice #12321", scheduledend: "2016-04-19T00:00:00-07:00" },
        { subject: "Setup new display", scheduledstart: "2016-04-20T00:00:00-07:00" },
      ],
    },
  });
  const contact = await one(database, "select * from crm.contact");
  assert.equal((await account(database, id)).primarycontactid, contact.contactid);
  const { rows } = await database.query(
    "select subject, scheduledend, regardingobjectid, regardingobjecttypecode, statuscode from crm.task order by subject desc",
  );
  assert.deepEqual(
    rows,
    [
      {
        subject: "Sign invoice",
        scheduledend: new Date("2016-04-19T07:00:00Z"),
        regardingobjectid: contact.contactid,
        regardingobjecttypecode: "contact",
        statuscode: 2,
      },
      {
        subject: "Setup new display",
        scheduledend: null,
        regardingobjectid: contact.contactid,
        regardingobjecttypecode: "contact",
        statuscode: 2,
      },
    ].sort((a, b) => (a.subject < b.subject ? 1 : -1)),
  );
});

onBothEngines("Web API: what is no row of the table is refused in Dynamics' words, and nothing is written", async (database) => {
  const api = await writer(database);
  const refused: readonly [status: number, code: string, body: unknown, said: RegExp][] = [
    [400, "0x0", { name: "x", Name: "Account name" }, /Invalid property 'Name' was found in entity 'Microsoft\.Dynamics\.CRM\.account'/],
    [400, "0x80048d19", { name: 5 }, /Cannot convert the literal '5' to the expected type 'Edm\.String'/],
    [400, "0x80048d19", { name: "x", creditonhold: "no" }, /Edm\.Boolean/],
    [400, "0x80048d19", { name: "x", numberofemployees: 1.5 }, /Edm\.Int32/],
    [400, "0x8004432f", { name: "x", numberofemployees: -1 }, /outside the allowed range/],
    [400, "0x80044330", { name: "x", address1_latitude: 91 }, /outside the allowed range/],
    [400, "0x8004431a", { name: "x", accountcategorycode: 3 }, /Accepted Values: 1,2/],
    [400, "0x80044331", { name: "x".repeat(161) }, /exceeded the maximum allowed length of '160'/],
    [400, "0x80048d19", { name: "x", lastusedincampaign: "2016-02-30T00:00:00Z" }, /Edm\.DateTimeOffset/],
    [400, "0x80040239", { name: "x", lastusedincampaign: "1600-02-03T00:00:00Z" }, /supported range/],
    [400, "0x80048d19", { name: "x", processid: "x" }, /Edm\.Guid/],
    [400, "0x80048d19", { name: "x", "@odata.type": "Microsoft.Dynamics.CRM.contact" }, /could not be resolved/],
    [400, "0x80048d19", [], /JSON object/],
    [400, "0x80048d19", null, /JSON object/],
    [400, "0x80048d19", "x", /JSON object/],
    [400, "0x80048408", { name: "x", statuscode: 2 }, /2 is not a valid status code for state code AccountState\.Active/],
  ];
  for (const [status, code, body, said] of refused) assert.match(await api.refused(status, code, "POST", "accounts", body), said);
  assert.deepEqual((await database.query("select * from crm.account")).rows, []);
});

onBothEngines("Web API: columns that cannot be written this way are ignored, as the documentation says", async (database) => {
  const api = await writer(database);
  const id = await api.make("accounts", {
    name: "x",
    createdon: "2001-01-01T00:00:00Z",
    versionnumber: 7,
    statecode: 1,
    "name@OData.Community.Display.V1.FormattedValue": "x",
  });
  const row = await account(database, id);
  assert.equal(row.statecode, 0);
  assert.ok(row.createdon instanceof Date && row.createdon.getUTCFullYear() > 2001);
  await api.refused(400, "0x80048d19", "POST", "accounts", { name: "x", createdon: 7 });
});

onBothEngines("Web API: states and statuses belong together", async (database) => {
  const api = await writer(database);
  const id = await api.make("tasks", { subject: "t" });
  const state = async () => {
    const { statecode, statuscode } = await one(database, "select statecode, statuscode from crm.task where activityid = $1", id);
    return [statecode, statuscode];
  };
  assert.deepEqual(await state(), [0, 2]);
  await api.done("PATCH", `tasks(${id})`, { statuscode: 3 });
  assert.deepEqual(await state(), [0, 3]);
  assert.match(
    await api.refused(400, "0x80048408", "PATCH", `tasks(${id})`, { statuscode: 5 }),
    /5 is not a valid status code for state code TaskState\.Open/,
  );
  await api.refused(400, "0x80048408", "PATCH", `tasks(${id})`, { statecode: 1, statuscode: 3 });
  await api.refused(400, "0x80048408", "PATCH", `tasks(${id})`, { statecode: 9 });
  await api.done("PATCH", `tasks(${id})`, { statecode: 1 });
  assert.deepEqual(await state(), [1, 5]);
  await api.done("PATCH", `tasks(${id})`, { statecode: 0, statuscode: 7 });
  assert.deepEqual(await state(), [0, 7]);
});

onBothEngines("Web API: rights decide what is seen, written, deleted, appended and assigned", async (database) => {
  const all = await writer(database);
  const own = await writer(database, { name: "Own", may: privileges("basic") });
  const reader = await writer(database, {
    name: "Reader",
    may: new Map([...privileges("basic"), ...privileges("global", ["Read", "Append", "AppendTo"])]),
  });
  const theirs = await all.make("accounts", { name: "theirs" });
  const mine = await own.make("accounts", { name: "mine" });
  await own.refused(404, "0x80040217", "PATCH", `accounts(${theirs})`, { name: "x" });
  await own.refused(404, "0x80040217", "DELETE", `accounts(${theirs})`);
  await own.refused(404, "0x80040217", "PATCH", `accounts(${mine})`, { "parentaccountid@odata.bind": `/accounts(${theirs})` });
  await reader.refused(403, "0x80040220", "PATCH", `accounts(${theirs})`, { name: "x" });
  await reader.refused(403, "0x80040220", "DELETE", `accounts(${theirs})`);
  await own.done("PATCH", `accounts(${mine})`, { name: "still mine" });
  const given = { name: "x", "ownerid@odata.bind": `/systemusers(${all.caller.userId})` };
  await own.refused(404, "0x80040217", "POST", "accounts", given);
  await reader.refused(403, "0x80040220", "POST", "accounts", given);
  await all.done("PATCH", `accounts(${theirs})`, { "ownerid@odata.bind": `/systemusers(${own.caller.userId})` });
  await own.done("PATCH", `accounts(${theirs})`, { name: "now mine" });
  const none = await writer(database, { name: "None", may: privileges("global", ["Read"]) });
  await none.refused(403, "0x80040220", "POST", "accounts", { name: "x" });
  await none.refused(403, "0x80040220", "PATCH", `accounts(${theirs})`, { name: "x" });
  const unassigning = await writer(database, {
    name: "No Assign",
    may: new Map([...privileges("global")].filter(([name]) => !name.startsWith("prvAssign"))),
  });
  await unassigning.refused(403, "0x80040220", "PATCH", `accounts(${theirs})`, {
    "ownerid@odata.bind": `/systemusers(${all.caller.userId})`,
  });
});

onBothEngines("Web API: an alternate key names a row, and PATCH by it makes the row that has it", async (database) => {
  const api = await writer(database);
  const key = "contacts(externaluseridentifier='it''s 7')";
  await api.refused(404, "0x80060891", "PATCH", key, { lastname: "x" }, { "if-match": "*" });
  await api.done("PATCH", key, { lastname: "made" });
  await api.done("PATCH", key, { lastname: "changed" });
  const contact = await one(database, "select lastname, externaluseridentifier, contactid from crm.contact");
  assert.deepEqual([contact.lastname, contact.externaluseridentifier], ["changed", "it's 7"]);
  const id = await api.make("accounts", { name: "x", "primarycontactid@odata.bind": `/${key}` });
  assert.equal((await account(database, id)).primarycontactid, contact.contactid);
  await api.refused(404, "0x80060891", "POST", "accounts", {
    name: "y",
    "primarycontactid@odata.bind": "/contacts(externaluseridentifier='8')",
  });
  await api.done("DELETE", key);
  await api.refused(404, "0x80060891", "DELETE", key);
});

onBothEngines("Web API: a row is made in a collection of another, and belongs to that one", async (database) => {
  const api = await writer(database);
  const id = await api.make("accounts", { name: "x" });
  await api.make(`accounts(${id})/contact_customer_accounts`, { lastname: "y" });
  assert.equal((await one(database, "select parentcustomerid from crm.contact")).parentcustomerid, id);
  await api.refused(404, "0x80040217", "POST", `accounts(${randomUUID()})/contact_customer_accounts`, { lastname: "y" });
});

onBothEngines("Web API: who may say when a row was made says it, and others are refused", async (database) => {
  const overriddencreatedon = "2011-02-03T04:05:06Z";
  const api = await writer(database, { may: new Map([...privileges("global"), ["prvOverrideCreatedOnCreatedBy", "global"]]) });
  const id = await api.make("accounts", { name: "x", overriddencreatedon });
  assert.deepEqual((await account(database, id)).createdon, new Date(overriddencreatedon));
  const other = await writer(database, { name: "Other" });
  await other.refused(403, "0x80040220", "POST", "accounts", { name: "x", overriddencreatedon });
});
