/** The npm package `dynamics-web-api` as an independent client: batches with change sets, functions, actions, acting for others, metadata. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { putUsers } from "../../src/crm/directory.ts";
import { putUserRoles } from "../../src/crm/webapi/roles.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { clientRig, refusalOf } from "./dynamics-web-api-rig.ts";

type Row = Record<string, unknown>;

async function userOf(database: TestDatabase, name: string, role: string | null): Promise<string> {
  return await database.transaction(async (tx) => {
    const [id = ""] = (await putUsers(tx, [{ name, address: `${name.toLowerCase()}@crm.test` }])).values();
    await putUserRoles(tx, new Map([[id, role === null ? [] : [role]]]));
    return id;
  }, "put user");
}

/** An error out of an array of answers. */
function errorIn(answers: readonly unknown[]): { status: unknown; code: unknown } {
  const error = answers.find((one) => one instanceof Error);
  assert.ok(error, `an error among ${JSON.stringify(answers)}`);
  const inner: unknown = Reflect.get(error, "error");
  return { status: Reflect.get(error, "status"), code: typeof inner === "object" && inner !== null ? Reflect.get(inner, "code") : null };
}

onBothEngines("a batch of an independent client does all of a change set, whose parts name each other by their ids", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  client.startBatch();
  void client.create({ collection: "accounts", data: { name: "In a batch" }, contentId: "1", inChangeSet: true });
  void client.create({
    collection: "contacts",
    data: { lastname: "First", "parentcustomerid_account@odata.bind": "$1" },
    contentId: "2",
    inChangeSet: true,
  });
  void client.update({ contentId: "$2", data: { firstname: "Ann" }, inChangeSet: true });
  void client.associateSingleValued({
    contentId: "$1",
    navigationProperty: "primarycontactid",
    relatedKey: "$2",
    inChangeSet: true,
  });
  void client.retrieveMultiple({
    collection: "contacts",
    select: ["fullname"],
    expand: [{ property: "parentcustomerid_account", select: ["name"] }],
  });
  void client.callFunction("WhoAmI");
  const [account, contact, updated, associated, page, me] = await client.executeBatch();
  assert.match(String(account), /^[0-9a-f-]{36}$/);
  assert.match(String(contact), /^[0-9a-f-]{36}$/);
  assert.deepEqual([updated, associated], [true, undefined]);
  assert.equal(page.value[0].fullname, "Ann First");
  assert.equal(page.value[0].parentcustomerid_account.name, "In a batch");
  assert.equal(me.UserId, rig.organization.userId);
  const read = await client.retrieve<Row>({ collection: "accounts", key: String(account), select: ["_primarycontactid_value"] });
  assert.equal(read._primarycontactid_value, contact);
});

onBothEngines("a change set that fails leaves nothing behind; without continue-on-error the batch ends with it", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  const failing = async (continueOnError: boolean): Promise<unknown[]> => {
    client.startBatch();
    void client.create({ collection: "accounts", data: { name: "Undone" }, inChangeSet: true });
    void client.create({ collection: "accounts", data: { name: "x".repeat(500) }, inChangeSet: true });
    void client.retrieveMultiple({ collection: "accounts", select: ["name"] });
    return await client.executeBatch({ continueOnError }).catch((error: unknown) => {
      assert.ok(Array.isArray(error), String(error));
      return error;
    });
  };
  const ended = await failing(false);
  assert.equal(ended.length, 1);
  assert.deepEqual(errorIn(ended), { status: 400, code: "0x80044331" });
  const continued = await failing(true);
  assert.deepEqual(errorIn(continued), { status: 400, code: "0x80044331" });
  const seen = continued.at(-1);
  assert.ok(typeof seen === "object" && seen !== null && "value" in seen);
  assert.deepEqual(seen.value, [], "the account of the change set that failed is not there");
});

onBothEngines(
  "an independent client writes an email with its parties, replaces them, and sends it by the bound action",
  async (database) => {
    await using rig = await clientRig(database);
    const { client, organization } = rig;
    const sender = `/systemusers(${organization.userId})`;
    const key = await client.create<Row, string>({
      collection: "emails",
      data: {
        subject: "Hello",
        email_activity_parties: [
          { "partyid_systemuser@odata.bind": sender, participationtypemask: 1 },
          { addressused: "nobody@example.com", participationtypemask: 2 },
        ],
      },
    });
    await client.updateSingleProperty({
      collection: "emails",
      key,
      fieldValuePair: {
        email_activity_parties: [
          { "partyid_systemuser@odata.bind": sender, participationtypemask: 1 },
          { addressused: "one@example.com", participationtypemask: 2 },
          { addressused: "two@example.com", participationtypemask: 3 },
        ],
      },
    });
    const read = await client.retrieve<Row & { email_activity_parties: Row[] }>({
      collection: "emails",
      key,
      select: ["subject"],
      expand: [
        { property: "email_activity_parties", select: ["addressused", "participationtypemask"], orderBy: ["participationtypemask"] },
      ],
    });
    assert.deepEqual(
      read.email_activity_parties.map(({ participationtypemask }) => participationtypemask),
      [3, 1, 2],
      "choices are ordered by their labels: CC, Sender, To",
    );
    const organizations = await client.retrieveMultiple<Row>({ collection: "organizations", select: ["organizationid"] });
    await client.update({
      collection: "organizations",
      key: String(organizations.value[0]?.organizationid),
      data: { allowunresolvedpartiesonemailsend: true },
    });
    const { TrackingToken } = await client.callAction<Row>({ actionName: "GetTrackingTokenEmail", action: { Subject: "Hello" } });
    const sent = await client.callAction<Row>({
      collection: "emails",
      key,
      actionName: "Microsoft.Dynamics.CRM.SendEmail",
      action: { IssueSend: true, TrackingToken },
    });
    assert.equal(sent.Subject, `Hello ${TrackingToken}`);
    const pending = await client.retrieve<Row>({ collection: "emails", key, select: ["statecode", "statuscode"], includeAnnotations: "*" });
    assert.deepEqual([pending.statecode, pending.statuscode, pending.statuscode_Formatted], [1, 6, "Pending Send"]);
    const { status } = await refusalOf(client.update({ collection: "emails", key, data: { description: "Too late" } }));
    assert.equal(status, 400, "a completed email is read-only");
  },
);

onBothEngines("an independent client calls functions with parameters: texts, references, entities", async (database) => {
  await using rig = await clientRig(database);
  const { client, organization } = rig;
  const me = await client.callFunction<Row>("WhoAmI");
  assert.equal(me.UserId, organization.userId);
  const version = await client.callFunction<Row>({ name: "RetrieveVersion" });
  assert.match(String(version.Version), /^\d+\.\d+/);
  const contact = await client.create<Row, string>({ collection: "contacts", data: { lastname: "Target" } });
  const access = await client.callFunction<Row>({
    collection: "systemusers",
    key: organization.userId,
    name: "Microsoft.Dynamics.CRM.RetrievePrincipalAccess",
    parameters: { Target: { "@odata.id": `contacts(${contact})` } },
  });
  assert.match(String(access.AccessRights), /ReadAccess/);
  const check = await client.callFunction<Row>({
    name: "CheckIncomingEmail",
    parameters: {
      MessageId: "<1@example.com>",
      Subject: "It''s “quoted”",
      From: "stranger@example.com",
      To: "nobody@crm.test",
      Cc: "",
      Bcc: "",
      ExtraProperties: { "@odata.type": "Microsoft.Dynamics.CRM.email" },
    },
  });
  assert.deepEqual([check.ShouldDeliver, check.ReasonCode], [false, 3]);
  assert.deepEqual(await refusalOf(client.callFunction({ name: "NoSuchFunction" })), { status: 404, code: "0x8006088a" });
  // As Microsoft documents it: the wrong method finds no function or action.
  assert.deepEqual(await refusalOf(client.callAction({ actionName: "WhoAmI" })), { status: 404, code: "" });
  assert.deepEqual(await refusalOf(client.callFunction({ name: "GetTrackingTokenEmail" })), { status: 404, code: "" });
});

onBothEngines("an independent client acts for others, with no more rights than they have", async (database) => {
  await using rig = await clientRig(database);
  const { client, clientWith } = rig;
  const ann = await userOf(database, "Ann", "System Administrator");
  const bob = await userOf(database, "Bob", null);
  const object = randomUUID();
  await database.query("update crm.systemuser set azureactivedirectoryobjectid = $2 where systemuserid = $1", [ann, object]);
  assert.equal(
    (await client.retrieve<Row>({ collection: "systemusers", key: `azureactivedirectoryobjectid=${object}` })).systemuserid,
    ann,
  );
  const made = await client.create<Row, Row>({
    collection: "contacts",
    data: { lastname: "Of Ann" },
    impersonate: ann,
    returnRepresentation: true,
    select: ["_ownerid_value", "_createdby_value", "_createdonbehalfby_value"],
  });
  assert.deepEqual(
    [made._ownerid_value, made._createdby_value, made._createdonbehalfby_value],
    [ann, ann, rig.organization.userId],
    "the row is Ann's, made on her behalf",
  );
  assert.equal((await client.callFunction<Row>({ name: "WhoAmI", impersonateAAD: object })).UserId, ann);
  assert.equal((await clientWith({ impersonate: ann }).callFunction<Row>("WhoAmI")).UserId, ann);
  assert.deepEqual(await refusalOf(client.count({ collection: "contacts", impersonate: bob })), { status: 403, code: "0x80040220" });
  assert.deepEqual(await refusalOf(client.count({ collection: "contacts", impersonate: randomUUID() })), {
    status: 404,
    code: "0x80040217",
  });
  client.startBatch();
  void client.callFunction({ name: "WhoAmI", impersonate: ann });
  void client.callFunction("WhoAmI");
  const [first, second] = await client.executeBatch();
  assert.deepEqual([first.UserId, second.UserId], [ann, rig.organization.userId]);
});

onBothEngines("headers that ask for what the CRM has none of change nothing", async (database) => {
  await using rig = await clientRig(database);
  const { client } = rig;
  for (let time = 1; time <= 2; time++) {
    await client.create({
      collection: "contacts",
      data: { lastname: "Same" },
      duplicateDetection: true,
      bypassCustomPluginExecution: true,
      noCache: true,
    });
  }
  assert.equal(await client.count({ collection: "contacts", noCache: true }), 2);
});

onBothEngines(
  "the metadata document is read; definitions, files and search, which are not served, are refused by name",
  async (database) => {
    await using rig = await clientRig(database);
    const { client, clientWith } = rig;
    const csdl = await client.retrieveCsdlMetadata({ addAnnotations: true });
    assert.match(csdl, /<EntityType Name="email" BaseType="mscrm.activitypointer">/);
    const missing = { status: 404, code: "0x8006088a" };
    assert.deepEqual(await refusalOf(client.retrieveEntities()), missing);
    assert.deepEqual(await refusalOf(client.retrieveEntity({ key: "LogicalName='email'", select: ["EntitySetName"] })), missing);
    assert.deepEqual(await refusalOf(client.createEntity({ data: { LogicalName: "new_thing" } })), missing);
    assert.deepEqual(await refusalOf(client.retrieveAttributes({ entityKey: "LogicalName='email'" })), missing);
    assert.deepEqual(await refusalOf(client.retrieveRelationships()), missing);
    assert.deepEqual(await refusalOf(client.retrieveGlobalOptionSets()), missing);
    assert.deepEqual(await refusalOf(client.deleteGlobalOptionSet({ key: randomUUID() })), missing);
    await assert.rejects(clientWith({ useEntityNames: true }).count({ collection: "email" }), /EntityDefinitions/);
    const key = await client.create<Row, string>({ collection: "accounts", data: { name: "With a file" } });
    const file = { collection: "accounts", key, property: "entityimage" };
    assert.deepEqual(await refusalOf(client.uploadFile({ ...file, fileName: "a.bin", data: Buffer.from("abc") })), missing);
    assert.deepEqual(await refusalOf(client.downloadFile(file)), missing);
    assert.equal((await refusalOf(client.query({ query: { search: "anything" } }))).status, 404);
    assert.equal((await refusalOf(client.getBackgroundOperationStatus(randomUUID()))).status, 404);
    assert.equal(await client.count({ collection: "accounts" }), 1);
  },
);

onBothEngines("whoever comes with a token that nobody gave is refused", async (database) => {
  await using rig = await clientRig(database);
  const stranger = rig.clientWith({ onTokenRefresh: async () => "not-a-token" });
  assert.equal((await refusalOf(stranger.callFunction("WhoAmI"))).status, 401);
});
